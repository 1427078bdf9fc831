import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { installSatisfies, nodeProblem, SetupError, setup } from './setup.mjs';

const LOCK = JSON.stringify({
  packages: {
    '': {},
    cli: {},
    'node_modules/a': { version: '1.0.0', integrity: 'x' },
    'node_modules/only-elsewhere': { version: '1.0.0', optional: true },
  },
});
const ENGINE = 'apps/provider/engine-llama';
const onEnginePlatform = process.platform === 'linux' && process.arch === 'x64';

let root = '';
let path = '';
let printed: string[] = [];

/** A stream that keeps what the set-up prints. */
const stream = { isTTY: false, write: (text: string) => printed.push(text) };

function put(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
}

/** A program of this test's own in the place of npm or tsc: it notes its arguments, then runs `body`. */
function program(name: string, body: string): void {
  put(name, `#!/bin/sh\necho "$(basename "$0") $* in $PWD" >> "${root}/calls"\n${body}\n`);
  chmodSync(join(root, name), 0o755);
}

function calls(): string[] {
  const text = readFileSync(join(root, 'calls'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(root, ''));
}

const prepare = (options = {}) => setup({ root, stream, services: false, ...options });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'setup-'));
  path = process.env.PATH ?? '';
  process.env.PATH = `${join(root, 'bin')}${delimiter}${path}`;
  printed = [];
  put('package-lock.json', LOCK);
  program('bin/npm', 'mkdir -p node_modules');
  program('node_modules/.bin/tsc', '');
});

afterEach(() => {
  process.env.PATH = path;
  rmSync(root, { recursive: true, force: true });
});

it('refuses a Node that is too old with a fix and accepts newer ones', () => {
  for (const version of ['20.19.0', '20.20.2', '22.0.0', '26.1.0']) {
    expect(nodeProblem(version), version).toBeUndefined();
  }
  for (const version of ['18.20.4', '20.18.9']) {
    expect(nodeProblem(version), version).toMatch(/Node 20\.19 .*\nFix: install/);
  }
});

it('installs and compiles once, and again only when the lock file has changed', async () => {
  await prepare();
  await prepare();
  expect(calls()).toEqual([
    'npm ci --include=dev --no-fund --no-audit in ',
    'tsc -b in ',
    'tsc -b in ',
  ]);
  put('package-lock.json', LOCK.replace('1.0.0', '1.0.1'));
  await prepare();
  expect(calls().slice(3)).toEqual(['npm ci --include=dev --no-fund --no-audit in ', 'tsc -b in ']);
  expect(printed.join('')).toMatch(/ok {5}install packages \(npm ci\) {2}\d+\.\d s\n/);
});

it('accepts an install made by hand', async () => {
  put('node_modules/.package-lock.json', LOCK);
  await prepare();
  expect(calls()).toEqual(['tsc -b in ']);
});

it('compares an install with the lock file package by package', () => {
  const entry = { version: '1.0.0', integrity: 'x' };
  const lock = { packages: { 'node_modules/a': entry } };
  expect(installSatisfies(lock, { packages: { 'node_modules/a': entry } })).toBe(true);
  expect(installSatisfies(lock, { packages: {} })).toBe(false);
  const other = { packages: { 'node_modules/a': { ...entry, integrity: 'y' } } };
  expect(installSatisfies(lock, other)).toBe(false);
});

it('shows the end of a failed install and what helps', async () => {
  program('bin/npm', 'seq 1 100; echo "npm error code ENOTFOUND" >&2; exit 1');
  const error = await prepare().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SetupError);
  const { message } = error as SetupError;
  expect(message).toMatch(/npm error code ENOTFOUND\n\n`npm ci` failed\.\nFix: npm cannot reach/);
  expect(message).not.toMatch(/^70$/m);
  expect(calls()).toHaveLength(1);
});

it('stops with the compiler output when the sources do not compile', async () => {
  program('node_modules/.bin/tsc', 'echo "src/a.ts(1,1): error TS1005"; exit 2');
  await expect(prepare()).rejects.toThrow(/TS1005[\s\S]*Fix: repair/);
});

it.runIf(onEnginePlatform)('goes on without the embedded engine, and says so', async () => {
  put(`${ENGINE}/package-lock.json`, LOCK);
  put('node_modules/.package-lock.json', LOCK);
  program('bin/npm', 'echo broken; exit 1');
  await prepare();
  expect(calls()).toEqual([`npm ci --omit=optional --ignore-scripts in /${ENGINE}`, 'tsc -b in ']);
  expect(printed.join('')).toContain(`Fix: cd ${ENGINE} && npm ci --omit=optional`);
});

it('installs servers for tests where it is asked to and may, and says what it left out', async () => {
  process.env.PATH = [join(root, 'bin'), '/bin', '/usr/bin'].join(delimiter);
  program('bin/chromium', ''); // is there
  program('bin/redis-server', 'exit 1'); // as good as absent
  program(
    'bin/apt-get',
    `[ "$1" = install ] && printf '#!/bin/sh\n' > "${root}/bin/redis-server"; exit 0`,
  );
  await prepare({ services: true, isRoot: false });
  expect(printed.join('')).toContain('skip   redis-server');
  await prepare({ services: true, isRoot: true });
  await prepare({ services: true, isRoot: true });
  const installs = calls().filter((call) => call.startsWith('apt-get install'));
  expect(installs).toHaveLength(1);
  expect(installs[0]).toContain('--no-install-recommends redis-server');
});
