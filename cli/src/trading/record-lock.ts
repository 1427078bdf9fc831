/**
 * One writer at a time for a record: several runs and `record --follow` may share it. The lock is a file with the process
 * id of its owner; that of a process that is gone is taken over.
 *
 * Limit: two processes that take over the lock of a dead one in the same moment may both believe to have it. The hash of
 * the record shows what comes of that.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@aitbc/protocol';
import { pause } from '../chain/await-final.ts';
import { isAlive } from '../devnet/devnet-file.ts';

const pollMs = 50;
const waitMs = 30_000;

/** Does the work while nobody else does. Throws UNAVAILABLE after half a minute, CANCELLED. */
export async function withLock<T>(
  file: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const endMs = performance.now() + waitMs;
  while (!take(file)) {
    const owner = ownerOf(file);
    if (owner !== undefined && !isAlive(owner)) rmSync(file, { force: true });
    else if (performance.now() > endMs) {
      const reason = `process ${owner ?? 'unknown'} writes to it; if that is gone, delete ${file}`;
      throw new AppError('UNAVAILABLE', { what: 'The record', reason });
    } else await pause(pollMs, signal);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    writeFileSync(file, `${process.pid}`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when it went away, or is not written yet. */
function ownerOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
