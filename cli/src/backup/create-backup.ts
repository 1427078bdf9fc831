/**
 * Copies data folders while their daemons run. A database is copied by SQLite itself (`VACUUM INTO`: one moment of
 * it, whatever is written meanwhile) and checked; keys and tokens are copied as files. Each database is of its own
 * moment, and two of one daemon are copied in the order in which the later copy may only know more: a
 * gateway's spending by key is then at least what its calls say, and a provider remembers every one-shot payment.
 *
 * All is written beside the target and renamed at the end, so that what has the name is whole.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { openSqlite } from '@aitbc/service';
import {
  type CopiedFile,
  dataFolder,
  filesMax,
  hashFile,
  type Manifest,
  manifestFile,
} from './manifest.ts';
import { isOfChain, type Source } from './sources.ts';

/** What a command tells of a backup. */
export interface BackupSummary {
  readonly folder: string;
  readonly names: readonly string[];
  readonly files: number;
  readonly bytes: number;
  /** Paths that were not copied. */
  readonly leftOut: readonly string[];
}

/** What to copy, and where to. */
export interface BackupOptions {
  /** Must not exist. */
  readonly folder: string;
  readonly sources: readonly Source[];
  readonly signal: AbortSignal;
}

/** Makes a backup. Throws CLI_USAGE when the folder exists, STORE_CORRUPT for a database that is damaged. */
export async function createBackup(options: BackupOptions): Promise<BackupSummary> {
  const { folder, sources } = options;
  if (existsSync(folder)) {
    throw new AppError('CLI_USAGE', { reason: `${folder} exists already. Choose another folder.` });
  }
  mkdirSync(dirname(folder), { recursive: true });
  const partial = mkdtempSync(join(dirname(folder), `${basename(folder)}.partial-`));
  try {
    const manifest = await copyAll(partial, options);
    const text = `${JSON.stringify(manifest, null, 1)}\n`;
    writeFileSync(join(partial, manifestFile), text, { mode: 0o600 });
    renameSync(partial, folder);
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    const names = sources.map(({ name }) => name);
    return { folder, names, files: manifest.files.length, bytes, leftOut: manifest.leftOut };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

async function copyAll(
  partial: string,
  { sources, signal }: Pick<BackupOptions, 'sources' | 'signal'>,
): Promise<Manifest> {
  const begunAtMs = Date.now();
  const leftOut: string[] = [];
  const files: CopiedFile[] = [];
  for (const source of sources) {
    const found = filesOf(source, leftOut);
    if (files.length + found.length > filesMax) {
      throw new AppError('CLI_USAGE', { reason: `More than ${filesMax} files.` });
    }
    mkdirSync(join(partial, dataFolder, source.name), { recursive: true, mode: 0o700 });
    for (const path of found) {
      if (signal.aborted) throw new AppError('CANCELLED');
      const copied = await copyOne(source, { path, to: join(partial, dataFolder, source.name) });
      if (copied) files.push(copied);
      else leftOut.push(join(source.name, path));
    }
  }
  const names = sources.map(({ name }) => name);
  return { version: 1, begunAtMs, endedAtMs: Date.now(), names, leftOut, files };
}

/** Relative paths of what is to be copied, in the order of copying. */
function filesOf({ name, dir, only }: Source, leftOut: string[]): string[] {
  if (only) return [...only];
  const found: string[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(dir, below), { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (below === '' && isOfChain(dir, entry.name)) leftOut.push(join(name, path));
      else if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && !isBesideDatabase(join(dir, path))) found.push(path);
    }
  };
  walk('');
  return found.sort((a, b) => turnOf(a) - turnOf(b) || (a < b ? -1 : 1));
}

const firstCopied: readonly string[] = ['gateway.db', 'provider.db'];
const turnOf = (path: string): number => (firstCopied.includes(path) ? 0 : 1);

/** What SQLite keeps beside a database; its content is in the copy of the database. */
function isBesideDatabase(path: string): boolean {
  const base = path.replace(/-(wal|shm|journal)$/, '');
  return base !== path && existsSync(base) && isDatabase(base);
}

const databaseHead = 'SQLite format 3\0';

function isDatabase(path: string): boolean {
  const head = Buffer.alloc(databaseHead.length);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  return head.toString('latin1') === databaseHead;
}

/** Undefined when the file went away meanwhile. */
async function copyOne(
  source: Source,
  { path, to }: { readonly path: string; readonly to: string },
): Promise<CopiedFile | undefined> {
  const from = join(source.dir, path);
  const target = join(to, path);
  const stat = statSync(from, { throwIfNoEntry: false });
  if (!stat) return undefined;
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const how = isDatabase(from) ? 'database' : 'copy';
  if (how === 'database') await copyDatabase(from, target);
  else copyFileSync(from, target);
  const mode = stat.mode & 0o777;
  chmodSync(target, mode);
  return { path: `${source.name}/${path}`, how, mode, ...(await hashFile(target)) };
}

async function copyDatabase(from: string, target: string): Promise<void> {
  const database = await openSqlite(from, { durability: 'normal' });
  try {
    database.backup(target);
  } finally {
    await database.close();
  }
  const copy = await openSqlite(target, { durability: 'full' });
  try {
    const [row] = copy.prepare<{ integrity_check: string }>('pragma integrity_check').all();
    const reason = row?.integrity_check ?? 'no answer';
    if (reason !== 'ok') throw new AppError('STORE_CORRUPT', { what: from, reason });
  } finally {
    await copy.close();
  }
}
