/**
 * Bundles each daemon and the command line from their compiled modules: a program then starts with a few files to read
 * instead of hundreds, in a third of the processor time. Native packages and those with many parts stay outside. Nothing
 * happens when its result is there already.
 *
 *   node scripts/bundles/programs.mjs           bundle what changed
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { showStep } from '../progress.mjs';
import { ROOT } from '../run-command.mjs';
import { filesIn, hashOfFiles, stampOf } from './stamp.mjs';

const THIS_FILE = 'scripts/bundles/programs.mjs';

/**
 * Each program: the folder of its modules, the folder of its bundle in there, where the files go that entries share, and
 * the entries: files that a process or a thread begins with, or that are found by their place. What reads a path
 * relative to `import.meta` has to find the same from there.
 */
const PROGRAMS = {
  node: daemon('node', {
    main: 'main',
    'snapshot-worker': 'storage/snapshots/snapshot-worker',
    'verify-worker': 'verify/verify-worker',
  }),
  wallet: daemon('wallet', { main: 'main' }),
  coordinator: daemon('coordinator', { main: 'main' }),
  provider: daemon('provider', { main: 'main' }),
  gateway: daemon('gateway', { main: 'main', 'mcp/main': 'mcp/main' }),
  cli: { dist: 'cli/dist', to: 'program', shared: 'shared/', entries: commandLine },
};
/** What goes in: ours, and packages of others in plain JavaScript that every start would load. */
const INSIDE =
  /^(@aitbc|kysely|fastify|pino|prom-client|undici|ws|zod|smol-toml|commander|@clack\/prompts|@scure|@noble)(\/|$)/;
/** Paths, and imports of a package within itself. */
const WITHIN_PACKAGE = /^[./#\0]/;
const MODULE = /\/dist\/(?!daemon\/|program\/).*\.js$/;

function daemon(name, entries) {
  return { dist: `apps/${name}/dist`, to: 'daemon', shared: '', entries: () => entries };
}

/** Its start, and every command and group. */
function commandLine(modules) {
  const entries = modules
    .filter((path) => /^cli\/dist\/(main|commands\/.*)\.js$/.test(path) && !path.includes('.test.'))
    .map((path) => path.slice('cli/dist/'.length, -'.js'.length));
  return Object.fromEntries(entries.map((name) => [name, name]));
}

/** The programs whose bundle is not what the compiled modules make, these modules, and their hash. */
export function stalePrograms(root = ROOT) {
  const folders = ['packages', ...Object.values(PROGRAMS).map(({ dist }) => dist)];
  const modules = folders
    .flatMap((folder) => filesIn(root, folder))
    .filter((path) => MODULE.test(path));
  const compiled = Object.entries(PROGRAMS).filter(([, { dist }]) => {
    return modules.includes(`${dist}/main.js`);
  });
  if (compiled.length === 0) return { hash: '', modules, names: [] };
  const hash = hashOfFiles(root, [...modules, 'package-lock.json', THIS_FILE]);
  const stale = compiled.filter(([, program]) => !stampOf(outputOf(root, program)).is(hash));
  return { hash, modules, names: stale.map(([name]) => name) };
}

/**
 * Bundles what is stale; answers undefined, or why it could not.
 * @param {{ root?: string, stream?: { isTTY?: boolean, write(text: string): unknown } }} [options]
 */
export async function bundlePrograms({ root = ROOT, stream = process.stdout } = {}) {
  const { names, ...state } = stalePrograms(root);
  if (names.length === 0) return undefined;
  const bundleAll = async () => {
    try {
      for (const name of names) await bundle(root, PROGRAMS[name], state);
      return { failed: false, output: '' };
    } catch (error) {
      return { failed: true, output: error.message };
    }
  };
  const result = await showStep('bundle the programs', bundleAll, stream);
  return result.failed ? result.output : undefined;
}

/** Removes the bundles: programs run their modules as they are compiled. */
export function dropBundles(root = ROOT) {
  for (const program of Object.values(PROGRAMS)) {
    rmSync(outputOf(root, program), { recursive: true, force: true });
  }
}

function outputOf(root, { dist, to }) {
  return join(root, dist, to);
}

async function bundle(root, program, { hash, modules }) {
  const { rolldown } = await import('rolldown'); // a fresh clone has it only by now
  const dir = outputOf(root, program);
  rmSync(dir, { recursive: true, force: true });
  const entries = Object.entries(program.entries(modules)).map(([to, from]) => {
    return [to, join(root, program.dist, `${from}.js`)];
  });
  const build = await rolldown({
    input: Object.fromEntries(entries),
    platform: 'node',
    external: (id) => !WITHIN_PACKAGE.test(id) && !INSIDE.test(id),
    logLevel: 'warn',
  });
  await build.write({
    dir,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `${program.shared}[name]-[hash].js`,
  });
  await build.close();
  stampOf(dir).set(hash);
}

if (process.argv[1] === import.meta.filename) {
  const problem = await bundlePrograms();
  if (problem !== undefined) {
    console.error(problem);
    process.exitCode = 1;
  }
}
