/**
 * The command line of `--reset DATA_DIR [--all]`: deletes the chain of a node that is down, so that it fetches it
 * anew. The journal of its votes stays, because a key that forgets what it signed can contradict itself and
 * lose its stake; `--all` deletes it too. Keys and settings are never touched.
 */
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError, asAppError } from '@aitbc/protocol';
import { lockFolder } from '../storage/folder-lock.ts';
import type { InitHost } from './run-init.ts';

const chainFiles = ['blocks.log', 'index', 'index.new', 'installing', 'snapshots'] as const;
const journalFiles = ['journal-0', 'journal-1'] as const;
const usage = 'usage: --reset DATA_DIR [--all]';

/** Deletes and prints one JSON line with the names of what went; on a fault the message and an exit code. */
export async function runReset(argv: readonly string[], host: InitHost): Promise<void> {
  try {
    const [flag, folder = '', more, ...rest] = argv;
    const isWhole = more === undefined || more === '--all';
    if (flag !== '--reset' || folder === '' || !isWhole || rest.length > 0) {
      throw new AppError('CONFIG_INVALID', { reason: usage });
    }
    const deleted = await resetFolder(resolve(folder), more === '--all');
    host.stdout.write(`${JSON.stringify({ deleted })}\n`);
  } catch (error) {
    const known = asAppError(error);
    if (known.code === 'INTERNAL') throw error;
    host.stderr.write(`aitbc-node: ${known.message}\n`);
    host.exitCode = known.row.exitCode;
  }
}

/** Names of what was deleted. Throws CONFIG_INVALID while a node uses the folder. */
async function resetFolder(folder: string, withJournal: boolean): Promise<string[]> {
  if (!existsSync(folder)) {
    throw new AppError('CONFIG_INVALID', { reason: `the folder ${folder} does not exist` });
  }
  const unlock = await lockFolder(folder);
  try {
    const names = [...chainFiles, ...(withJournal ? journalFiles : [])];
    const there = names.filter((name) => existsSync(join(folder, name)));
    for (const name of there) rmSync(join(folder, name), { recursive: true });
    return there;
  } finally {
    await unlock();
  }
}
