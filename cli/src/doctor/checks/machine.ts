/** The machine: Node, home folder, disk, open files, clock. */
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { limits } from '@aitbc/protocol';
import { fileFault } from '../../context/read-text-file.ts';
import { latencyText } from '../../wording.ts';
import { type Check, fail, ok, roles, skipped, warn } from '../check.ts';

const nodeLeast = [20, 19] as const;
const gib = 2 ** 30;
const diskLeastBytes = gib / 4; // a chain that cannot write stops; a model of an engine needs more
const diskUsualBytes = 2 * gib;
const openFilesLeast = 256;
const openFilesUsual = 1_024; // each buyer of a provider holds a socket or two
const skewWarnMs = 5_000;

const nodeVersion: Check = {
  id: 'node-version',
  title: 'version of Node',
  roles,
  run({ machine }) {
    const [major = 0, minor = 0] = machine.nodeVersion.replace('v', '').split('.').map(Number);
    const facts = { version: machine.nodeVersion };
    if (major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1])) {
      return ok(`${machine.nodeVersion} will do`, facts);
    }
    const fix = `Install Node ${nodeLeast.join('.')} or newer: https://nodejs.org`;
    return fail(`${machine.nodeVersion} is too old`, fix, facts);
  },
};

const homeWritable: Check = {
  id: 'home-writable',
  title: 'home folder',
  roles,
  run({ context: { home } }) {
    const isThere = existsSync(home);
    const folder = nearestFolder(home);
    try {
      if (!statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
      accessSync(folder, constants.W_OK | constants.X_OK);
    } catch (error) {
      const fix = `Make it yours, or choose another folder with --home or AITBC_HOME. It is looked for at ${home}`;
      return fail(`${folder} cannot be written to: ${fileFault(error)}`, fix, { home });
    }
    const text = isThere ? `${home} can be written to` : `${home} will be made when it is needed`;
    return ok(text, { home });
  },
};

/** The first part of a path that exists. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

const secretName = /(?:\.key|\.token|\.password)$/;
const othersMay = 0o077;

const homePrivate: Check = {
  id: 'home-private',
  title: 'secrets in the home folder',
  roles,
  run({ context: { home } }) {
    if (process.platform === 'win32') return skipped('this system has no file modes');
    if (!isReadable(home)) return skipped('there is no home folder that can be read');
    const open = secretsIn(home).filter((file) => (statSync(file).mode & othersMay) !== 0);
    if (open.length > 0) {
      const fix = `chmod go= ${open.slice(0, 3).join(' ')}${open.length > 3 ? ' …' : ''}`;
      return fail('other users of this machine can read your secrets', fix, { files: open });
    }
    if ((statSync(home).mode & othersMay) !== 0) {
      return warn('other users may look into your home folder', `chmod 700 ${home}`, { home });
    }
    return ok('nobody else can read them');
  },
};

/** True for a folder whose entries can be listed. */
export function isReadable(folder: string): boolean {
  try {
    readdirSync(folder);
    return true;
  } catch {
    return false; // no such folder, a file, or that of somebody else
  }
}

const foldersMax = 40;

/** Files with secrets in the folder and one level below it, which is where the daemons keep theirs. */
function secretsIn(home: string): string[] {
  const inside = readdirSync(home, { withFileTypes: true });
  const folders = inside.filter((entry) => entry.isDirectory()).slice(0, foldersMax);
  return [home, ...folders.map(({ name }) => join(home, name))].flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && secretName.test(entry.name))
      .map(({ name }) => join(folder, name)),
  );
}

const disk: Check = {
  id: 'disk',
  title: 'space on the disk',
  roles,
  run({ machine, context: { home } }) {
    const bytes = machine.freeBytes(nearestFolder(home));
    if (bytes === undefined) return skipped('this system does not tell how much is free');
    const text = `${(bytes / gib).toFixed(1)} GiB are free for ${home}`;
    const fix = 'Make room, or choose a folder on a larger disk with --home.';
    if (bytes < diskLeastBytes) return fail(text, fix, { freeBytes: bytes });
    if (bytes < diskUsualBytes) return warn(text, fix, { freeBytes: bytes });
    return ok(text, { freeBytes: bytes });
  },
};

const openFiles: Check = {
  id: 'open-files',
  title: 'limit of open files',
  roles: ['provider', 'operator'],
  run({ machine }) {
    const most = machine.openFilesMax();
    if (most === undefined) return skipped('this system tells no limit');
    const text = `a process may have ${most} files and sockets open`;
    const fix = `Raise it before the daemons start: ulimit -n 65536 (LimitNOFILE in a systemd unit)`;
    if (most < openFilesLeast) return fail(text, fix, { openFilesMax: most });
    if (most < openFilesUsual) return warn(text, fix, { openFilesMax: most });
    return ok(text, { openFilesMax: most });
  },
};

const clock: Check = {
  id: 'clock',
  title: 'clock of this machine',
  roles,
  async run(look) {
    const { value: chain } = await look.chain();
    if (!chain) return skipped('needs a chain node to compare with');
    const skewMs = look.machine.nowMs() - (chain.timeMs + chain.headAgeMs);
    const side = skewMs > 0 ? 'ahead of' : 'behind';
    const text = `it is ${latencyText(Math.abs(skewMs))} ${side} the clock of the node`;
    const fix = 'Set the clock: timedatectl set-ntp true, or your system’s time settings.';
    if (Math.abs(skewMs) > limits.clockSkewMs) return fail(text, fix, { skewMs });
    if (Math.abs(skewMs) > skewWarnMs) return warn(text, fix, { skewMs });
    return ok(text, { skewMs });
  },
};

/** Checks of the machine. */
export const machineChecks: readonly Check[] = [
  nodeVersion,
  homeWritable,
  homePrivate,
  disk,
  openFiles,
  clock,
];
