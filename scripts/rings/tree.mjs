/**
 * The repository as rules see it: which ring, which package and which role a file has, and where an
 * import leads. A tree is made from a plain map of path → text, so a test can plant any fault.
 */
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { importsOf, tokenize } from './scan.mjs';

/** Folder → ring. Files at the top (configuration of tools) count as Ring 2. */
const RINGS = { packages: 0, apps: 1, cli: 2, scripts: 2, test: 2, deploy: 2, experiments: 3 };
const TOP_RING = 2;

const SOURCE = /\.[cm]?[jt]sx?$/;
const DECLARATION = /\.d\.[cm]?ts$/;
const TEST = /\.test\.[cm]?[jt]sx?$/;
const TEST_SUPPORT = /(^|\/)testing\/|(^|\/)compliance\.ts$/;
const BUILTINS = new Set(builtinModules);

/** @typedef {{ path: string, text: string, tokens: object[], imports: object[], packageDir: string, isTest: boolean }} SourceFile */
/** @typedef {{ files: Map<string, SourceFile>, manifests: Map<string, object>, dirByName: Map<string, string> }} Tree */

/** Whether a path is a source file that the rules look at. */
export function isSource(path) {
  return SOURCE.test(path) && !DECLARATION.test(path);
}

/** The ring of a path: 0 `packages`, 1 `apps`, 2 `cli` and tooling, 3 `experiments`. */
export function ringOf(path) {
  return RINGS[path.split('/')[0]] ?? TOP_RING;
}

/** A test, or a file that exists for tests only (`compliance.ts`, anything in a `testing` folder). */
export function isTestPath(path) {
  return TEST.test(path) || TEST_SUPPORT.test(path) || path.startsWith('test/');
}

/** The `*.test.*` files, which no folder limit counts. */
export function isTestFile(path) {
  return TEST.test(path);
}

/** Whether a file of a tree is shipped: no test, no script, no experiment. */
export function isProduct({ path, isTest }) {
  return !isTest && !path.startsWith('scripts/') && ringOf(path) <= TOP_RING;
}

/** Whether an import names a part of Node. */
export function isBuiltin(specifier) {
  return specifier.startsWith('node:') || BUILTINS.has(specifier.split('/')[0]);
}

/** The package part of a bare import: `@x/y/z` → `@x/y`, `y/z` → `y`. */
export function packageName(specifier) {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

/** Reads a map of path → text (source files and every package.json) into a tree. */
export function readTree(texts) {
  const manifests = new Map();
  for (const [path, text] of Object.entries(texts)) {
    if (posix.basename(path) === 'package.json')
      manifests.set(posix.dirname(path), JSON.parse(text));
  }
  const dirByName = new Map();
  for (const [dir, manifest] of manifests) if (manifest.name) dirByName.set(manifest.name, dir);
  const files = new Map();
  for (const [path, text] of Object.entries(texts)) {
    if (!isSource(path)) continue;
    const tokens = tokenize(text);
    const packageDir = packageDirOf(path, manifests);
    const isTest = isTestPath(path);
    files.set(path, { path, text, tokens, imports: importsOf(tokens), packageDir, isTest });
  }
  return { files, manifests, dirByName };
}

/** The nearest folder above a path that holds a package.json; `.` is the repository itself. */
export function packageDirOf(path, manifests) {
  let dir = posix.dirname(path);
  while (dir !== '.' && !manifests.has(dir)) dir = posix.dirname(dir);
  return dir;
}

/** The file of the tree that a relative or `#` import leads to, undefined when it is none. */
export function resolveInside(file, specifier, tree) {
  const target = pathOf(file, specifier, tree);
  if (target === undefined) return undefined;
  const typed = target.replace(/\.([cm]?)js(x?)$/, '.$1ts$2');
  const candidates = [target, typed, `${target}.ts`, `${target}/index.ts`];
  return candidates.find((candidate) => tree.files.has(candidate));
}

/** The path that a relative or `#` import names, whether or not something is there. */
export function pathOf(file, specifier, tree) {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(file.path), specifier);
  if (!specifier.startsWith('#')) return undefined;
  const entry = tree.manifests.get(file.packageDir)?.imports?.[specifier];
  const local = typeof entry === 'string' ? entry : (entry?.source ?? entry?.default);
  return local?.startsWith('.') ? posix.join(file.packageDir, local) : undefined;
}
