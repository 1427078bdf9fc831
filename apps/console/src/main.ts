/**
 * Where the page begins. The large libraries are asked for at once and each is run in a task of its own: together they
 * would hold a slow machine up for as long as a person notices.
 */
const root = document.querySelector('#root');
if (!root) throw new Error('the page has no root');
const libraries = [import('react-dom/client'), import('@tanstack/react-router')];
await Promise.all(libraries);
const { start } = await import('./app/start.tsx');
start(root);
