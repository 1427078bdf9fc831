/**
 * Makes what is installed on a server from a built tree: `aitbc-VERSION.tar.gz` for deploy/aitbc-release, and a Debian
 * package of the same files.
 *
 *   npm run build && node scripts/deploy/package.mjs --out FOLDER [--version V] [--only tar|deb|folder]
 *
 * A release holds compiled code, the console, the bundled engine and model, and production dependencies as the lock file
 * has them; no sources, no tests, no scripts of packages. It is for the platform it was made on.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { lastLines, ROOT, runQuietly } from '../run-command.mjs';
import { isMain } from '../setup.mjs';

const PARTS = [
  ...['package.json', 'package-lock.json', '.npmrc', 'LICENSE', 'README.md', 'CHANGELOG.md'],
  ...['docs', 'deploy', 'cli/bin', 'apps/provider/models', 'apps/console/dist/web'],
];
const ENGINE = 'apps/provider/engine-llama';
const LEFT_OUT = /\.(d\.ts|map|tsbuildinfo)$|\/node_modules(\/|$)|\.test\.js$/;
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };

/** Stages and packs a release; answers the files it made. */
export async function packageRelease({ out, version, only, say = console.log }) {
  const { workspaces, version: own } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const release = version ?? own;
  const stage = join(out, `aitbc-${release}`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  copyParts(stage, foldersOf(workspaces));
  writeFileSync(join(stage, 'VERSION'), `${release}\n`);
  const run = createRun(say);
  await run('production dependencies', npmCi('--omit=dev'), stage);
  await run('embedded engine', npmCi('--omit=optional'), join(stage, ENGINE));
  if (only === 'folder') return [stage];
  const files = [];
  if (only !== 'deb') files.push(await pack(run, { out, release }));
  if (only !== 'tar') files.push(await packDebian(run, { out, stage, release }));
  rmSync(stage, { recursive: true, force: true });
  return files;
}

function npmCi(omit) {
  return ['npm', 'ci', omit, '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
}

/** The folders of all workspaces: `packages/*` stands for each folder in it that has a package.json. */
function foldersOf(workspaces) {
  return workspaces.flatMap((name) => {
    if (!name.endsWith('/*')) return [name];
    const top = name.slice(0, -2);
    const folders = readdirSync(join(ROOT, top)).map((entry) => `${top}/${entry}`);
    return folders.filter((folder) => existsSync(join(ROOT, folder, 'package.json')));
  });
}

function copyParts(stage, folders) {
  const copy = (path) => {
    const from = join(ROOT, path);
    if (!existsSync(from)) return;
    cpSync(from, join(stage, path), { recursive: true, filter: (file) => !LEFT_OUT.test(file) });
  };
  for (const path of PARTS) copy(path);
  for (const folder of folders) {
    copy(`${folder}/package.json`);
    if (existsSync(join(ROOT, folder, 'tsconfig.json'))) copy(`${folder}/dist`);
  }
  copy(ENGINE);
}

async function pack(run, { out, release }) {
  const file = join(out, `aitbc-${release}.tar.gz`);
  await run('tarball', ['tar', '-czf', file, '--owner=0', '--group=0', `aitbc-${release}`], out);
  return file;
}

async function packDebian(run, { out, stage, release }) {
  const root = join(out, `deb-${release}`);
  const arch = ARCHITECTURES[process.arch] ?? process.arch;
  const file = join(out, `aitbc_${release}_${arch}.deb`);
  rmSync(root, { recursive: true, force: true });
  const control = join(root, 'DEBIAN');
  mkdirSync(control, { recursive: true });
  mkdirSync(join(root, 'opt/aitbc/releases'), { recursive: true });
  cpSync(stage, join(root, 'opt/aitbc/releases', release), {
    recursive: true,
    verbatimSymlinks: true,
  });
  writeFileSync(join(control, 'control'), controlText(release, arch));
  for (const script of ['preinst', 'postinst', 'prerm', 'postrm']) {
    const text = readFileSync(join(ROOT, 'deploy/debian', script), 'utf8');
    writeFileSync(join(control, script), text.replaceAll('@VERSION@', release), { mode: 0o755 });
  }
  const command = ['dpkg-deb', '--root-owner-group', '-Zgzip', '--build', root, file];
  await run('Debian package', command, out);
  rmSync(root, { recursive: true, force: true });
  return file;
}

function controlText(version, arch) {
  return `Package: aitbc
Version: ${version}
Architecture: ${arch}
Maintainer: AITBC <aitbc@localhost>
Section: net
Priority: optional
Recommends: nodejs (>= 20.19)
Description: market where AI agents rent inference from GPU owners
 Chain node, wallet, coordinator, provider and gateway as systemd services, and the
 command line aitbc. Needs Node 20.19 or newer, from Debian or elsewhere, on the PATH.
`;
}

/** Runs a command and says how long it took. Throws with its last words. */
function createRun(say) {
  return async (title, [command, ...args], cwd) => {
    const begun = Date.now();
    const { code, output } = await runQuietly(command, args, { cwd });
    if (code !== 0) throw new Error(`${title} failed:\n${lastLines(output, 30)}`);
    say(`${title}  ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  };
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, version: { type: 'string' }, only: { type: 'string' } },
  });
  if (values.out === undefined) {
    console.error(
      'usage: node scripts/deploy/package.mjs --out FOLDER [--version V] [--only tar|deb|folder]',
    );
    process.exitCode = 2;
  } else {
    const files = await packageRelease({ ...values, out: resolve(values.out) });
    for (const file of files) console.log(file);
  }
}
