/** Who waits for something to look at: a poke carries nothing, who is poked looks. Bounded by `limits.messageWatchers`. */
import { AppError, limits } from '@aitbc/protocol';

/** Those who wait, by what they wait for. */
export interface Pokes {
  /** Calls back until the answer is called. Throws RATE_LIMITED for one too many. */
  add(subject: string, poke: () => void): () => void;
  poke(subject: string): void;
  pokeAll(): void;
  has(subject: string): boolean;
  /** True after `close`, which pokes all: streams end. */
  readonly isClosed: boolean;
  close(): void;
}

const retryAfterSeconds = 5;

/** Nobody waits yet. */
export function createPokes(): Pokes {
  const waiting = new Map<string, Set<() => void>>();
  let count = 0;
  let isClosed = false;
  const poke = (subject: string): void => {
    for (const call of waiting.get(subject) ?? []) call();
  };
  const pokeAll = (): void => {
    for (const subject of [...waiting.keys()]) poke(subject);
  };
  return {
    add(subject, call) {
      if (count >= limits.messageWatchers)
        throw new AppError('RATE_LIMITED', { retryAfterSeconds });
      const calls = waiting.get(subject) ?? new Set();
      waiting.set(subject, calls.add(call));
      count += 1;
      return () => {
        if (!calls.delete(call)) return;
        count -= 1;
        if (calls.size === 0 && waiting.get(subject) === calls) waiting.delete(subject);
      };
    },
    poke,
    pokeAll,
    has: (subject) => waiting.has(subject),
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      pokeAll();
    },
  };
}
