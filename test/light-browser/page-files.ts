/** The files of the page: its HTML and style as they are, its code bundled from the built packages. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** A file that the page loads. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

/** The page by paths, and what its code is made of. */
export interface PageFiles {
  readonly files: ReadonlyMap<string, PageFile>;
  readonly bundleBytes: number;
  readonly gzipBytes: number;
  /** What the code would load beside itself. */
  readonly imports: readonly string[];
  /** Files of ours in the code, from the root of the repository. */
  readonly modules: readonly string[];
}

const lightPage = join(import.meta.dirname, 'page');
const root = join(import.meta.dirname, '..', '..');

/** Bundles a page for browsers: `index.html`, `main.ts` and, where there is one, `style.css`. */
export async function bundlePage(folder: string = lightPage): Promise<PageFiles> {
  const made = await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2023',
      modulePreload: false,
      rolldownOptions: { input: join(folder, 'main.ts') },
    },
  });
  const outputs = [made].flat().flatMap((one) => ('output' in one ? one.output : []));
  const chunks = outputs.filter((one) => one.type === 'chunk');
  const [chunk] = chunks;
  if (!chunk || chunks.length > 1) throw new Error(`the bundle has ${chunks.length} parts`);
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');
  return {
    files: new Map([
      ['/', { type: 'text/html; charset=utf-8', body: text('index.html') }],
      ...styleOf(folder),
      ['/main.js', { type: 'text/javascript', body: chunk.code }],
    ]),
    bundleBytes: Buffer.byteLength(chunk.code),
    gzipBytes: gzipSync(chunk.code).length,
    imports: [...chunk.imports, ...chunk.dynamicImports],
    modules: Object.keys(chunk.modules)
      .filter((path) => path.startsWith(root) && !path.includes('node_modules'))
      .map((path) => path.slice(root.length + 1)),
  };
}

function styleOf(folder: string): [string, PageFile][] {
  const file = join(folder, 'style.css');
  if (!existsSync(file)) return [];
  return [['/style.css', { type: 'text/css', body: readFileSync(file, 'utf8') }]];
}
