/**
 * Puts a backup back. Everything is checked before anything gets its name: the hashes of the backup, that no target
 * is there, and the hashes of what was written. It never touches a folder that exists, so nothing newer is lost
 * by it and a running daemon cannot be hit.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { type CopiedFile, dataFolder, hashFile, readManifest } from './manifest.ts';
import { secretsName } from './sources.ts';

/** Which backup, and where to. */
export interface RestoreOptions {
  readonly folder: string;
  readonly to: string;
  /** Names of data folders; all when left out. */
  readonly only?: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

/** What was put back. */
export interface RestoreSummary {
  readonly to: string;
  readonly names: readonly string[];
  readonly files: number;
  /** When the backup was begun: what came later is not in it. */
  readonly begunAtMs: number;
}

/** Throws CLI_USAGE when a target exists or a name is unknown, STORE_CORRUPT when a file is not what it was. */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreSummary> {
  const { folder, to } = options;
  const { names: known, files: all, begunAtMs } = readManifest(folder);
  const names = options.only ?? known;
  for (const name of names) {
    if (known.includes(name)) continue;
    const reason = `${folder} has no ${name}. It has: ${known.join(', ')}`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const files = all.filter(({ path }) => names.includes(path.split('/')[0] ?? ''));
  const moves = movesOf(names, files);
  for (const { target } of moves) {
    if (!existsSync(join(to, target))) continue;
    const reason = `${join(to, target)} exists already. Move it away, or choose with --only and --to.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  await checkFiles(join(folder, dataFolder), files);
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const partial = mkdtempSync(join(to, 'restore-'));
  try {
    for (const name of names) mkdirSync(join(partial, name), { mode: 0o700 });
    await copyFiles(options, { files, partial });
    for (const { source, target } of moves) renameSync(join(partial, source), join(to, target));
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return { to, names, files: files.length, begunAtMs };
}

interface Move {
  readonly source: string;
  readonly target: string;
}

/** A data folder moves as a whole, secrets of a home one by one. */
function movesOf(names: readonly string[], files: readonly CopiedFile[]): Move[] {
  const folders = names.filter((name) => name !== secretsName);
  const secrets = files.filter(({ path }) => path.startsWith(`${secretsName}/`));
  return [
    ...folders.map((name) => ({ source: name, target: name })),
    ...secrets.map(({ path }) => ({ source: path, target: path.slice(secretsName.length + 1) })),
  ];
}

async function copyFiles(
  { folder, signal }: RestoreOptions,
  { files, partial }: { readonly files: readonly CopiedFile[]; readonly partial: string },
): Promise<void> {
  for (const { path, mode } of files) {
    if (signal.aborted) throw new AppError('CANCELLED');
    const target = join(partial, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    copyFileSync(join(folder, dataFolder, path), target);
    chmodSync(target, mode);
  }
  await checkFiles(partial, files);
}

async function checkFiles(dir: string, files: readonly CopiedFile[]): Promise<void> {
  for (const { path, sha256, bytes } of files) {
    const file = join(dir, path);
    if (!existsSync(file)) {
      throw new AppError('STORE_CORRUPT', { what: file, reason: 'the file is not there' });
    }
    const found = await hashFile(file);
    if (found.sha256 === sha256 && found.bytes === bytes) continue;
    throw new AppError('STORE_CORRUPT', { what: file, reason: 'it is not what the backup wrote' });
  }
}
