// Before the first paint, so that a dark page never flashes white. Kept apart because inline scripts are not allowed here.
(() => {
  const kept = localStorage.getItem('aitbc-scheme');
  const isDark =
    kept === 'dark' || (kept !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-scheme', isDark ? 'dark' : 'light');
})();
