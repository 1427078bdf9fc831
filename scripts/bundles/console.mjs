/**
 * Builds the web console: bundles apps/console from the compiled packages into apps/console/dist/web, which the coordinator
 * serves at `/`. Nothing happens when its result is there already: a stamp in the folder holds the hash of everything that
 * goes in: the console's own sources and the compiled code of the three packages it uses.
 *
 *   node scripts/bundles/console.mjs          build when something changed
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { showStep } from '../progress.mjs';
import { lastLines, ROOT, runQuietly } from '../run-command.mjs';
import { filesIn, hashOfFiles, stampOf } from './stamp.mjs';

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
  const stamp = stampOf(consoleOutput(root));
  const wanted = hashOf(root);
  if (stamp.is(wanted)) return undefined;
  const result = await showStep('build the web console', () => build(root), stream);
  if (result.failed) return lastLines(result.output, SHOWN_LINES);
  stamp.set(wanted);
  return undefined;
}

async function build(root) {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', '--logLevel', 'warn'];
  const { code, output } = await runQuietly(process.execPath, args, { cwd: join(root, FOLDER) });
  return { failed: code !== 0, output };
}

function hashOf(root) {
  const compiled = USED.flatMap((folder) => filesIn(root, folder));
  return hashOfFiles(root, [
    ...FILES,
    ...SOURCES.flatMap((folder) => filesIn(root, folder)),
    ...compiled.filter((path) => path.endsWith('.js')),
  ]);
}

if (process.argv[1] === import.meta.filename) {
  const problem = await buildConsole();
  if (problem !== undefined) {
    console.error(problem);
    process.exitCode = 1;
  }
}
