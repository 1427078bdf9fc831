/**
 * Builds the web console: bundles apps/console from the compiled packages into apps/console/dist/web, which the coordinator
 * serves at `/`. Nothing happens when its result is there already: a stamp in the folder holds the hash of everything that
 * goes in: the console's own sources and the compiled code of the three packages it uses.
 *
 *   node scripts/console/build.mjs            build when something changed
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { showStep } from '../progress.mjs';
import { lastLines, ROOT, runQuietly } from '../run-command.mjs';

const FOLDER = 'apps/console';
const SOURCES = ['apps/console/src', 'apps/console/public'];
const FILES = ['index.html', 'vite.config.ts', 'package.json'].map((name) => join(FOLDER, name));
/** Compiled code that is bundled with it. */
const USED = ['primitives', 'protocol', 'sdk'].map((name) => `packages/${name}/dist`);
const SHOWN_LINES = 30;

/** The output folder. */
export const consoleOutput = (root = ROOT) => join(root, FOLDER, 'dist', 'web');

/**
 * Builds the console when its sources changed; answers undefined, or why it could not.
 * @param {{ root?: string, stream?: { isTTY?: boolean, write(text: string): unknown } }} [options]
 */
export async function buildConsole({ root = ROOT, stream = process.stdout } = {}) {
  if (!existsSync(join(root, FOLDER, 'index.html'))) return undefined;
  const stampFile = join(consoleOutput(root), '.stamp');
  const wanted = hashOf(root);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return undefined;
  const result = await showStep('build the web console', () => build(root), stream);
  if (result.failed) return lastLines(result.output, SHOWN_LINES);
  writeFileSync(stampFile, wanted);
  return undefined;
}

async function build(root) {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', '--logLevel', 'warn'];
  const { code, output } = await runQuietly(process.execPath, args, { cwd: join(root, FOLDER) });
  return { failed: code !== 0, output };
}

function hashOf(root) {
  const hash = createHash('sha256');
  const files = [...FILES, ...SOURCES.flatMap((folder) => filesIn(root, folder))];
  const compiled = USED.flatMap((folder) => filesIn(root, folder)).filter((path) =>
    path.endsWith('.js'),
  );
  for (const path of [...files, ...compiled].filter((name) => !name.includes('.test.')).sort()) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesIn(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

if (process.argv[1] === import.meta.filename) {
  const problem = await buildConsole();
  if (problem !== undefined) {
    console.error(problem);
    process.exitCode = 1;
  }
}
