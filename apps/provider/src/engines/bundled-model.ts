import { fileURLToPath } from 'node:url';

/** Path of the small CC0 model that lies in this app, so that a first job needs no download. */
export function bundledModelPath(): string {
  return fileURLToPath(new URL('../../models/tiny-f16.gguf', import.meta.url));
}
