/** Dark or light: what the reader chose, else what the system says. The same key is read by `public/scheme.js`. */
import type { MantineColorScheme, MantineColorSchemeManager } from '@mantine/core';

const key = 'aitbc-scheme';

/** Keeps the choice in this browser. */
export function schemeManager(): MantineColorSchemeManager {
  return {
    get: (usual) => (localStorage.getItem(key) as MantineColorScheme | null) ?? usual,
    set: (scheme) => localStorage.setItem(key, scheme),
    subscribe: () => {},
    unsubscribe: () => {},
    clear: () => localStorage.removeItem(key),
  };
}
