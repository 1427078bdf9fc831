/**
 * One transaction for what a turn of the event loop writes.
 *
 *   IDLE ─later→ WAITING ─end of the turn, `now`, or `flush`→ commit → IDLE      a commit of WAITING fails→ BROKEN
 *
 * A commit costs more than the statements in it, and busy turns serve many jobs. No transaction stays open
 * between two turns, so the lock of the file is never held while others run. Whoever lets something out waits for
 * `written` first; whoever reads calls `flush`. What waits is in memory already: a BROKEN group refuses
 * everything from then on, and its daemon must end.
 */
import type { Sqlite } from '@aitbc/service';

/** The writes of one turn. */
export interface CommitGroup {
  /** Writes at the end of this turn at the latest. Throws what broke the group. */
  later(work: () => void): void;
  /** Writes in one transaction behind all that waits, and answers. */
  now<R>(work: () => R): R;
  /** Commits what waits. */
  flush(): void;
  /** Resolves when all that was written before is committed; rejects when it never will be. */
  written(): Promise<void>;
}

/** A group over a database; `beforeCommit` is the last work of what waited. */
export function createCommitGroup(
  sqlite: Pick<Sqlite, 'transaction'>,
  beforeCommit: () => void,
): CommitGroup {
  const done = Promise.resolve();
  let waiting: (() => void)[] = [];
  let turn: Promise<void> | undefined;
  let broken: { readonly error: unknown } | undefined;
  const now = <R>(work: () => R): R => {
    if (broken) throw broken.error;
    const before = waiting;
    waiting = [];
    if (before.length === 0) return sqlite.transaction(work);
    try {
      return sqlite.transaction(() => {
        for (const write of before) write();
        beforeCommit();
        return work();
      });
    } catch (error) {
      broken = { error };
      throw error;
    }
  };
  const flush = (): void => {
    if (broken) throw broken.error;
    if (waiting.length > 0) now(() => {});
  };
  return {
    later(work) {
      if (broken) throw broken.error;
      waiting.push(work);
      if (turn) return;
      turn = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        turn = undefined;
        flush();
      });
      turn.catch(() => {}); // told to who waits, and by every later write
    },
    now,
    flush,
    written: () => (broken ? Promise.reject(broken.error) : (turn ?? done)),
  };
}
