/** What lies in this app beside its code. The paths hold two folders below it: for a module of `dist`, and for the bundle. */
import { fileURLToPath } from 'node:url';

/** Path of the small CC0 model that lies in this app, so that a first job needs no download. */
export function bundledModelPath(): string {
  return fileURLToPath(new URL('../../models/tiny-f16.gguf', import.meta.url));
}

/** Folder of the worker of the embedded engine, with its packages. */
export const engineFolder = new URL('../../engine-llama/', import.meta.url);
