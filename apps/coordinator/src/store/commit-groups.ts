/**
 * Group commit: writes that arrive together share one transaction and one wait for the disk.
 *
 * A write is a function that runs statements at once and in the order it was given. The promise ends when
 * the transaction is on disk. That is what makes a durable queue fast: the wait for the disk is paid for
 * each group and not for each job.
 *
 * A write that fails breaks its whole group, and the parts above have moved on already: memory and disk
 * would tell two stories. So a failure is final: `onFailure` ends the process, and the next start
 * goes on from what the disk says.
 */
import { AppError } from '@aitbc/protocol';
import type { Sqlite } from '@aitbc/service';

/** Writes that are stored together. */
export interface CommitGroups {
  /** Runs the statements with the next group; resolves when they are on disk. */
  write(statements: () => void): Promise<void>;
  /** Writes what still waits; later writes are refused with CANCELLED. */
  close(): void;
}

interface Waiting {
  readonly statements: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const groupSizeMax = 1_000; // keeps one group's time below what a request would notice

/** Group commits on a database. */
export function createCommitGroups(
  sqlite: Pick<Sqlite, 'transaction'>,
  onFailure: (error: unknown) => void,
): CommitGroups {
  const waiting: Waiting[] = [];
  let isScheduled = false;
  let isClosed = false;

  const commit = (): void => {
    isScheduled = false;
    const group = waiting.splice(0, groupSizeMax);
    if (group.length === 0) return;
    try {
      sqlite.transaction(() => {
        for (const { statements } of group) statements();
      });
    } catch (error) {
      const all = [...group, ...waiting.splice(0)];
      for (const { reject } of all) reject(error);
      onFailure(error);
      return;
    }
    for (const { resolve } of group) resolve();
    schedule();
  };

  const schedule = (): void => {
    if (isScheduled || waiting.length === 0) return;
    isScheduled = true;
    setImmediate(commit);
  };

  return {
    write(statements) {
      if (isClosed) return handled(Promise.reject(new AppError('CANCELLED')));
      const stored = new Promise<void>((resolve, reject) => {
        waiting.push({ statements, resolve, reject });
      });
      schedule();
      return handled(stored);
    },
    close() {
      while (waiting.length > 0) commit();
      isClosed = true;
    },
  };
}

/** Marks a rejection as seen: who needs the write awaits it, and a failure is reported by `onFailure`. */
function handled(stored: Promise<void>): Promise<void> {
  stored.catch(() => {});
  return stored;
}
