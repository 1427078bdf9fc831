/**
 * Everything that has to be there before something can be built, started or tested: the right Node,
 * the installed packages, the embedded engine, the compiled sources. Each step does nothing when its
 * result is already there, so every other script can simply call `setup()` first.
 *
 * A step is skipped by comparing contents, never dates: a stamp in `node_modules` holds the hash of
 * the lock file that was installed. An install made by hand is accepted too, when npm's own record
 * of it (`node_modules/.package-lock.json`) has what the lock file asks for.
 *
 * The embedded engine lives outside the workspaces with its own lock, because it needs
 * `--omit=optional` (83 MB instead of 715 MB), an option that would drop needed binaries elsewhere.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './bundles/console.mjs';
import { bundlePrograms } from './bundles/programs.mjs';
import { showStep } from './progress.mjs';
import { lastLines, ROOT, runQuietly, tool } from './run-command.mjs';

/** The oldest Node that all our dependencies run on: [major, minor]. */
const NODE_MIN = [20, 19];
const SHOWN_LINES = 30;
const ENGINE_PLATFORM = 'linux-x64';
const ENGINE_FOLDER = 'apps/provider/engine-llama';
const ENGINE_ARGS = ['ci', '--omit=optional', '--ignore-scripts'];
const NO_ENGINE =
  'AITBC works without it: a provider can use Ollama or any OpenAI-compatible server.';

/** Servers, a browser and tools that tests start for themselves, from Debian's packages. */
const SERVICES = ['redis-server', 'chromium', 'faketime', 'promtool', 'systemd-analyze'];
/** Where the package has another name than the command. */
const PACKAGES = { promtool: 'prometheus', 'systemd-analyze': 'systemd' };

/** What npm says, and what helps. The first line that fits wins. */
const NPM_FIXES = [
  [
    /EUSAGE|in sync/,
    'package.json and package-lock.json disagree: run `npm install` and commit both.',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT/,
    'npm cannot reach its registry: check the network, the proxy and `npm config get registry`.',
  ],
  [/ENOSPC/, 'The disk is full: about 1 GB is needed.'],
  [/EACCES|EPERM/, 'npm may not write here: give your user this folder and ~/.npm.'],
  [/npm: .*ENOENT/, 'npm is missing: it comes with Node, see https://nodejs.org.'],
  [/./s, 'Delete the node_modules folder and try again.'],
];

/** A failed step of the set-up; its message is meant for people and ends with a fix. */
export class SetupError extends Error {}

/** A sentence with a fix when this Node is too old, otherwise undefined. */
export function nodeProblem(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor, minMinor] = NODE_MIN;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return undefined;
  return `AITBC needs Node ${minMajor}.${minMinor} or newer, and this is Node ${version}.\nFix: install a current Node from https://nodejs.org (or \`nvm install 24\`), then run the same command again.`;
}

/**
 * Whether an install satisfies a lock file: both are parsed lock files, `installed` the one that npm
 * keeps inside node_modules. Optional packages may be absent: they are for other platforms.
 */
export function installSatisfies(lock, installed) {
  for (const [path, wanted] of Object.entries(lock.packages ?? {})) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    const found = installed.packages?.[path];
    if (found === undefined) {
      if (wanted.optional || wanted.devOptional || wanted.peer) continue;
      return false;
    }
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) return false;
  }
  return true;
}

/**
 * Prepares the repository; throws SetupError. `build: false` leaves the compiler out (for the check,
 * which runs it itself). `services: true` (the default where CI=true) installs the servers that some
 * tests need.
 * @param {{ root?: string, build?: boolean, services?: boolean, isRoot?: boolean, stream?: { isTTY?: boolean, write(text: string): unknown } }} [options]
 */
export async function setup({
  root = ROOT,
  build = true,
  services = process.env.CI === 'true',
  isRoot = process.getuid?.() === 0,
  stream = process.stdout,
} = {}) {
  const problem = nodeProblem();
  if (problem) throw new SetupError(problem);
  await installPackages(root, stream);
  await installEngine(root, stream);
  if (services) await installServices(stream, isRoot);
  if (build) {
    await compile(root, stream);
    await bundle(root, stream);
  }
}

async function installPackages(root, stream) {
  if (installedAlready(root)) return;
  const args = ['ci', '--include=dev', '--no-fund', '--no-audit'];
  const result = await npm(args, { root, stream, title: 'install packages (npm ci)' });
  if (result.failed) {
    const shown = lastLines(withoutUsage(result.output), SHOWN_LINES);
    throw new SetupError(`${shown}\n\n\`npm ci\` failed.\nFix: ${npmFix(result.output)}`);
  }
  stamp(root);
}

async function installEngine(root, stream) {
  const folder = join(root, ENGINE_FOLDER);
  if (!existsSync(join(folder, 'package-lock.json'))) return;
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== ENGINE_PLATFORM) {
    stream.write(
      `skip   embedded engine: it comes for ${ENGINE_PLATFORM} and this is ${platform}. ${NO_ENGINE}\n`,
    );
    return;
  }
  if (installedAlready(folder)) return;
  const title = 'install the embedded engine (llama.cpp)';
  const result = await npm(ENGINE_ARGS, { root: folder, stream, title });
  if (result.failed) {
    const shown = lastLines(withoutUsage(result.output), SHOWN_LINES);
    stream.write(
      `${shown}\nwarning: the embedded engine is missing. ${NO_ENGINE}\nFix: cd ${ENGINE_FOLDER} && npm ${ENGINE_ARGS.join(' ')}\n`,
    );
    return;
  }
  stamp(folder);
}

/** Tests of what is missing are skipped, or fail where CI=true; nothing else needs these servers. */
async function installServices(stream, isRoot) {
  for (const name of SERVICES) {
    if ((await runQuietly(name, ['--version'])).code === 0) continue;
    const pack = PACKAGES[name] ?? name;
    const fix = `apt-get install ${pack}`;
    if (!isRoot || (await runQuietly('apt-get', ['--version'])).code !== 0) {
      stream.write(`skip   ${name}: it takes root and Debian's packages. Fix: ${fix}\n`);
      continue;
    }
    const result = await showStep(`install ${name}`, () => installPackage(pack), stream);
    if (result.failed) stream.write(`${lastLines(result.output, SHOWN_LINES)}\nFix: ${fix}\n`);
  }
}

async function installPackage(name) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runQuietly('apt-get', ['update'], { env }); // an old list may do: the next step tells
  const args = ['install', '-y', '--no-install-recommends', name];
  const { code, output } = await runQuietly('apt-get', args, { env });
  return { failed: code !== 0, output };
}

async function compile(root, stream) {
  const result = await showStep(
    'compile (tsc -b)',
    async () => {
      const { code, output } = await runQuietly(tool('tsc', root), ['-b'], { cwd: root });
      return { failed: code !== 0, output };
    },
    stream,
  );
  if (!result.failed) return;
  const shown = lastLines(result.output, SHOWN_LINES);
  throw new SetupError(
    `${shown}\n\nThe compiler refused the sources.\nFix: repair the lines above. If you changed nothing, clear old output with \`npx tsc -b --clean\` and try again.`,
  );
}

/** The daemons, and the web console. */
async function bundle(root, stream) {
  const parts = [
    [bundlePrograms, 'The programs', 'apps/*/dist and cli/dist'],
    [buildConsole, 'The web console', 'apps/console/dist'],
  ];
  for (const [build, what, output] of parts) {
    const problem = await build({ root, stream });
    if (problem === undefined) continue;
    throw new SetupError(
      `${problem}\n\n${what} could not be bundled.\nFix: repair the lines above. If you changed nothing, delete ${output} and try again.`,
    );
  }
}

function npm(args, { root, stream, title }) {
  return showStep(
    title,
    async () => {
      const { code, output } = await runQuietly('npm', args, { cwd: root });
      return { failed: code !== 0, output };
    },
    stream,
  );
}

/** npm's output without the pages of help that it adds to some errors. */
function withoutUsage(output) {
  return output.split(/^.*Clean install a project/m)[0];
}

function npmFix(output) {
  return NPM_FIXES.find(([pattern]) => pattern.test(output || ' '))[1];
}

function installedAlready(folder) {
  const lock = readText(join(folder, 'package-lock.json'));
  if (lock === undefined) return existsSync(join(folder, 'node_modules'));
  if (readText(stampPath(folder)) === hash(lock)) return true;
  const installed = readText(join(folder, 'node_modules', '.package-lock.json'));
  if (installed === undefined || !installSatisfies(JSON.parse(lock), JSON.parse(installed))) {
    return false;
  }
  stamp(folder);
  return true;
}

function stamp(folder) {
  writeFileSync(stampPath(folder), hash(readText(join(folder, 'package-lock.json')) ?? ''));
}

function stampPath(folder) {
  return join(folder, 'node_modules', '.aitbc-setup');
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex');
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Whether a script was started itself (`node scripts/x.mjs`) and not imported. */
export function isMain(moduleUrl) {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(moduleUrl);
}

/** Runs the set-up for a script: on failure prints what happened and answers false. */
export async function setupOrExplain(options = {}) {
  try {
    await setup(options);
    return true;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return false;
  }
}

if (isMain(import.meta.url)) {
  const services = process.argv.includes('--services') || process.env.CI === 'true';
  if (!(await setupOrExplain({ services }))) process.exitCode = 1;
}
