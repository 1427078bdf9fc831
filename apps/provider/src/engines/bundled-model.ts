/** What lies in this app beside its code, found by the name of the package: other programs bundle this module, too. */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const manifest = createRequire(import.meta.url).resolve('@aitbc/provider/package.json');
const app = new URL('./', pathToFileURL(manifest));

/** Path of the small CC0 model that lies in this app, so that a first job needs no download. */
export function bundledModelPath(): string {
  return fileURLToPath(new URL('models/tiny-f16.gguf', app));
}

/** Folder of the worker of the embedded engine, with its packages. */
export const engineFolder = new URL('engine-llama/', app);
