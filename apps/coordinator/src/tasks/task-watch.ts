/**
 * Tells who waits for news of tasks that it is worth looking again. A poke carries nothing: who is poked reads what is
 * stored, so no poke can be wrong and two that come close together are one.
 */
import { AppError, limits } from '@aitbc/protocol';
import type { TaskRow } from '../store/schema.ts';

/** Who waits for what. */
export interface TaskWatch {
  /** Calls back after changes of the tasks of an account, or of all tasks, until the answer is called. Throws RATE_LIMITED. */
  add(account: string | undefined, poke: () => void): () => void;
  /** Pokes those whom these tasks concern. */
  changed(tasks: readonly Pick<TaskRow, 'poster' | 'worker' | 'arbiter'>[]): void;
  /** Pokes all: others may have changed something. */
  pokeAll(): void;
  /** True after `close`, which pokes all: the coordinator stops. */
  readonly isClosed: boolean;
  close(): void;
}

const retryAfterSeconds = 5;
const everybody = '';

/** A watch that nobody has joined. */
export function createTaskWatch(): TaskWatch {
  const waiting = new Map<string, Set<() => void>>();
  let count = 0;
  let isClosed = false;
  const poke = (name: string): void => {
    for (const call of waiting.get(name) ?? []) call();
  };
  const pokeAll = (): void => {
    for (const name of waiting.keys()) poke(name);
  };
  return {
    add(account = everybody, call) {
      if (count >= limits.taskWatchers) throw new AppError('RATE_LIMITED', { retryAfterSeconds });
      const calls = waiting.get(account) ?? new Set();
      waiting.set(account, calls.add(call));
      count += 1;
      return () => {
        if (!calls.delete(call)) return;
        count -= 1;
        if (calls.size === 0 && waiting.get(account) === calls) waiting.delete(account);
      };
    },
    changed(tasks) {
      const names = new Set([everybody]);
      for (const { poster, worker, arbiter } of tasks) {
        for (const party of [poster, worker, arbiter]) if (party !== null) names.add(party);
      }
      for (const name of names) poke(name);
    },
    pokeAll,
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      pokeAll();
    },
  };
}
