/**
 * One transaction for what a turn of the event loop writes.
 *
 *   IDLE ─write→ OPEN ─end of the turn, or `flush`→ commit → IDLE
 *   OPEN ─the commit fails, or a write behind another one→ BROKEN      OPEN ─its first write fails→ undone → IDLE
 *
 * A commit costs more than the statements in it, and busy turns serve many jobs: two commits for a job alone take
 * twice the CPU of two that sixteen jobs share. Statements run at once; the commit comes before the loop waits for events
 * again, so the lock of the file is never held while nothing happens.
 *
 * Whoever lets something out waits for `written` first; whoever reads calls `flush`, so that nothing is told or decided by
 * what a crash could take back. BROKEN means that memory is ahead of the file: everything is refused from then on,
 * and the daemon must end.
 *
 * Rejected: a queue of writes that run with the commit. It saves nothing, and nobody could ask what a write did.
 */
import type { Sqlite } from '@aitbc/service';

/** The writes of one turn. */
export interface CommitGroup {
  /** Runs writes in the transaction of this turn. Throws what the work throws, or what broke the group. */
  write<R>(work: () => R): R;
  /** Commits what is open. */
  flush(): void;
  /** Resolves when all that was written before is committed; rejects when it never will be. */
  written(): Promise<void>;
}

/** A group over a database; `beforeCommit` is the last work of each transaction. */
export function createCommitGroup(
  sqlite: Pick<Sqlite, 'exec' | 'prepare'>,
  beforeCommit: () => void,
): CommitGroup {
  const commit = sqlite.prepare('commit');
  const done = Promise.resolve();
  let turn: Promise<void> | undefined;
  let isOpen = false;
  let broken: { readonly error: unknown } | undefined;

  const breakDown = (error: unknown): never => {
    broken = { error };
    isOpen = false;
    rollBack(sqlite);
    throw error;
  };
  const flush = (): void => {
    if (broken) throw broken.error;
    if (!isOpen) return;
    try {
      beforeCommit();
      commit.run();
      isOpen = false;
    } catch (error) {
      breakDown(error);
    }
  };
  const open = (): void => {
    // Not a prepared statement: one that found the file locked would stay half-run until its next call.
    sqlite.exec('begin immediate');
    isOpen = true;
    if (turn) return;
    turn = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      turn = undefined;
      flush();
    });
    turn.catch(() => {}); // told to who waits, and by every later write
  };
  return {
    write(work) {
      if (broken) throw broken.error;
      const isFirst = !isOpen;
      if (isFirst) open();
      try {
        return work();
      } catch (error) {
        if (!isFirst) return breakDown(error);
        isOpen = false;
        rollBack(sqlite);
        throw error;
      }
    },
    flush,
    written: () => (broken ? Promise.reject(broken.error) : (turn ?? done)),
  };
}

function rollBack(sqlite: Pick<Sqlite, 'exec'>): void {
  try {
    sqlite.exec('rollback');
  } catch {
    // SQLite has undone it by itself, as after some failures; else the next `begin` fails and says so.
  }
}
