/**
 * Collects changes of a file into transactions. A commit costs far more than a row in it, so what one turn of the event
 * loop brings is committed together, and what nobody waits for rides along or is written within `soonMs`.
 *
 * Each caller's promise tells of the write that holds its change; a write that fails rejects all of its group and, when
 * it was not asked for by `flush`, the next `flush` too. Readers flush first. Writes keep the order of the changes.
 */
import type { SaveTime } from '@aitbc/sdk';

const soonMs = 10;

/** Changes on their way to a file. */
export interface GroupCommit<T> {
  /** Resolves when the change is written. */
  add(change: T, time?: SaveTime): Promise<void>;
  waiting(): readonly T[];
  /** Writes what waits. Throws what keeps it, or kept an earlier change, from being written. */
  flush(): void;
}

/** A group whose changes are written by `write`, in one transaction. */
export function createGroupCommit<T>(write: (changes: readonly T[]) => void): GroupCommit<T> {
  let waiting: T[] = [];
  let group: Promise<void> | undefined;
  let settle = (_error?: unknown): void => {};
  let isDue = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failure: { readonly error: unknown } | undefined;

  const writeWaiting = (): void => {
    clearTimeout(timer);
    timer = undefined;
    isDue = false;
    group = undefined;
    const changes = waiting;
    if (changes.length === 0) return;
    const settleThese = settle;
    waiting = [];
    try {
      write(changes);
      settleThese();
    } catch (error) {
      settleThese(error);
      throw error;
    }
  };
  const writeLate = (): void => {
    try {
      writeWaiting();
    } catch (error) {
      failure = { error };
    }
  };
  return {
    add(change, time = 'now') {
      waiting.push(change);
      group ??= new Promise<void>((resolve, reject) => {
        settle = (error) => (error === undefined ? resolve() : reject(error));
      });
      if (time === 'soon') timer ??= setTimeout(writeLate, soonMs);
      else if (!isDue) {
        isDue = true;
        setImmediate(writeLate);
      }
      return group;
    },
    waiting: () => waiting,
    flush() {
      const earlier = failure;
      failure = undefined;
      writeWaiting();
      if (earlier) throw earlier.error;
    },
  };
}
