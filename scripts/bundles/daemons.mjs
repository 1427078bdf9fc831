/**
 * Bundles each daemon from its compiled modules into `apps/NAME/dist/daemon`: a daemon then starts with one file to read
 * instead of a thousand, in a third of the processor time. Native packages and those with many parts stay outside. Nothing
 * happens when its result is there already.
 *
 *   node scripts/bundles/daemons.mjs            bundle what changed
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { showStep } from '../progress.mjs';
import { ROOT } from '../run-command.mjs';
import { filesIn, hashOfFiles, stampOf } from './stamp.mjs';

/** Files that a process or a thread begins with, per daemon; where they lie below `dist`. */
const ENTRIES = {
  node: {
    main: 'main',
    'snapshot-worker': 'storage/snapshots/snapshot-worker',
    'verify-worker': 'verify/verify-worker',
  },
  wallet: { main: 'main' },
  coordinator: { main: 'main' },
  provider: { main: 'main' },
  gateway: { main: 'main', 'mcp/main': 'mcp/main' },
};
/** What goes in: ours, and packages of others in plain JavaScript that every start would load. */
const INSIDE =
  /^(@aitbc|kysely|fastify|pino|prom-client|undici|ws|zod|smol-toml|@scure|@noble)(\/|$)/;
/** Paths, and imports of a package within itself. */
const WITHIN_PACKAGE = /^[./#\0]/;

const distOf = (root, name) => join(root, 'apps', name, 'dist');
const outputOf = (root, name) => join(distOf(root, name), 'daemon');

/** The daemons whose bundle is not what the compiled modules make, and the hash of these. */
export function staleDaemons(root = ROOT) {
  const folders = ['packages', ...Object.keys(ENTRIES).map((name) => `apps/${name}/dist`)];
  const modules = folders
    .flatMap((folder) => filesIn(root, folder))
    .filter((path) => /\/dist\/(?!daemon\/).*\.js$/.test(path));
  const hash = hashOfFiles(root, [...modules, 'package-lock.json', 'scripts/bundles/daemons.mjs']);
  return {
    hash,
    names: Object.keys(ENTRIES)
      .filter((name) => existsSync(join(distOf(root, name), 'main.js')))
      .filter((name) => !stampOf(outputOf(root, name)).is(hash)),
  };
}

/**
 * Bundles what is stale; answers undefined, or why it could not.
 * @param {{ root?: string, stream?: { isTTY?: boolean, write(text: string): unknown } }} [options]
 */
export async function bundleDaemons({ root = ROOT, stream = process.stdout } = {}) {
  if (!existsSync(distOf(root, 'node'))) return undefined; // nothing is compiled here
  const { hash, names } = staleDaemons(root);
  if (names.length === 0) return undefined;
  const bundleAll = async () => {
    try {
      for (const name of names) await bundle(root, name, hash);
      return { failed: false, output: '' };
    } catch (error) {
      return { failed: true, output: error.message };
    }
  };
  const result = await showStep('bundle the daemons', bundleAll, stream);
  return result.failed ? result.output : undefined;
}

/** Removes the bundles: daemons run their modules as they are compiled. */
export function dropDaemonBundles(root = ROOT) {
  for (const name of Object.keys(ENTRIES)) {
    rmSync(outputOf(root, name), { recursive: true, force: true });
  }
}

async function bundle(root, name, hash) {
  const { rolldown } = await import('rolldown'); // a fresh clone has it only by now
  const dist = distOf(root, name);
  const dir = outputOf(root, name);
  rmSync(dir, { recursive: true, force: true });
  const entries = Object.entries(ENTRIES[name]).map(([to, from]) => [to, join(dist, `${from}.js`)]);
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
    chunkFileNames: '[name]-[hash].js',
  });
  await build.close();
  stampOf(dir).set(hash);
}

if (process.argv[1] === import.meta.filename) {
  const problem = await bundleDaemons();
  if (problem !== undefined) {
    console.error(problem);
    process.exitCode = 1;
  }
}
