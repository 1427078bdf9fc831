/** Files of this package that other processes run: always the built ones, also when this one runs from source. */
import { fileURLToPath } from 'node:url';

/** Path of a built file below `net/`, such as `faults/liar-main.js`. */
export function builtFile(path: string): string {
  return fileURLToPath(new URL(`../../../dist/net/${path}`, import.meta.url));
}

/** The same as an address, for `--import`. */
export function builtUrl(path: string): string {
  return new URL(`../../../dist/net/${path}`, import.meta.url).href;
}
