/**
 * Dark or light: what the reader chose in this browser, else what the system says. The page carries it as an attribute
 * that the colours in `style/tokens.css` follow; `public/scheme.js` sets it before the first paint, by the same key.
 */
import { useSyncExternalStore } from 'react';

/** How the page looks. */
export type Scheme = 'dark' | 'light';

const key = 'aitbc-scheme';
const attribute = 'data-scheme';
const system = matchMedia('(prefers-color-scheme: dark)');

function present(): Scheme {
  return document.documentElement.getAttribute(attribute) === 'dark' ? 'dark' : 'light';
}

function follow(changed: () => void): () => void {
  const watch = new MutationObserver(changed);
  watch.observe(document.documentElement, { attributeFilter: [attribute] });
  const onSystem = (): void => {
    if (localStorage.getItem(key) === null) show(system.matches ? 'dark' : 'light');
  };
  system.addEventListener('change', onSystem);
  return () => {
    watch.disconnect();
    system.removeEventListener('change', onSystem);
  };
}

function show(scheme: Scheme): void {
  document.documentElement.setAttribute(attribute, scheme);
}

/** The present scheme, and what keeps another one. */
export function useScheme(): readonly [Scheme, (next: Scheme) => void] {
  const scheme = useSyncExternalStore(follow, present);
  return [scheme, keep];
}

function keep(next: Scheme): void {
  localStorage.setItem(key, next);
  show(next);
}
