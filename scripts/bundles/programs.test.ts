import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bundlePrograms, dropBundles, stalePrograms } from './programs.mjs';

let root: string;
let printed: string[];
const stream = { write: (text: string) => printed.push(text) };

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  printed = [];
  root = mkdtempSync(join(tmpdir(), 'bundles-'));
  put('package-lock.json', '{}');
  put('scripts/bundles/programs.mjs', '');
  put('packages/words/dist/word.js', "export const word = 'one';\n");
  put(
    'apps/wallet/dist/main.js',
    "import { word } from '../../../packages/words/dist/word.js';\nconsole.log(word);\n",
  );
  put('apps/node/dist/left-over.js', '');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const said = () =>
  execFileSync(process.execPath, [join(root, 'apps/wallet/dist/daemon/main.js')], {
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim();

it('bundles what is compiled, once, and again when a module of any package has changed', async () => {
  expect(await bundlePrograms({ root, stream })).toBeUndefined();
  expect(said()).toBe('one');
  expect(stalePrograms(root).names).toEqual([]);
  printed = [];
  await bundlePrograms({ root, stream });
  expect(printed).toEqual([]);
  put('packages/words/dist/word.js', "export const word = 'two';\n");
  expect(stalePrograms(root).names).toEqual(['wallet']);
  expect(said()).toBe('one');
  await bundlePrograms({ root, stream });
  expect(said()).toBe('two');
});

it('says which module could not be bundled, and is stale until it can', async () => {
  put('packages/words/dist/word.js', 'export const word = ;\n');
  expect(await bundlePrograms({ root, stream })).toMatch(/word\.js/);
  expect(stalePrograms(root).names).toEqual(['wallet']);
});

it('is dropped where modules are to be run as they are compiled', async () => {
  await bundlePrograms({ root, stream });
  dropBundles(root);
  expect(said).toThrow(/MODULE_NOT_FOUND|Cannot find module/);
  expect(stalePrograms(root).names).toEqual(['wallet']);
});
