/**
 * Tells who waits for a job or a batch that it is worth looking again.
 *
 * A poke carries nothing: who is poked reads what is stored. So no poke can be wrong, two that come close together
 * are one, and a change by another coordinator needs nothing but a poke of all twice a second.
 */
import { AppError, type Hex, limits } from '@aitbc/protocol';
import type { JobBook } from './job-book.ts';

/** Who waits for what. */
export interface JobWatch {
  /** Calls back after changes of a job until the answer is called. Throws RATE_LIMITED for one too many. */
  job(jobId: Hex, poke: () => void): () => void;
  /** The same for the ends of jobs of a batch. */
  batch(batchId: Hex, poke: () => void): () => void;
  /** Pokes all: others may have changed something. */
  round(): void;
  /** True after `close`, which pokes all: the coordinator stops. */
  readonly isClosed: boolean;
  close(): void;
}

const retryAfterSeconds = 5;

/** A watch over the changes of a book. */
export function createJobWatch({
  book,
  isAlone,
}: {
  book: Pick<JobBook, 'onChange'>;
  /** No other coordinator changes jobs. */
  isAlone: boolean;
}): JobWatch {
  const waiting = new Map<Hex, Set<() => void>>();
  let count = 0;
  let isClosed = false;

  const poke = (subject: Hex): void => {
    for (const call of waiting.get(subject) ?? []) call();
  };
  const add = (subject: Hex, call: () => void): (() => void) => {
    if (count >= limits.jobWatchers) throw new AppError('RATE_LIMITED', { retryAfterSeconds });
    const calls = waiting.get(subject) ?? new Set();
    waiting.set(subject, calls.add(call));
    count += 1;
    return () => {
      if (!calls.delete(call)) return;
      count -= 1;
      if (calls.size === 0 && waiting.get(subject) === calls) waiting.delete(subject);
    };
  };
  const pokeAll = (): void => {
    for (const subject of [...waiting.keys()]) poke(subject);
  };
  book.onChange(({ job, batch }) => {
    poke(job.jobId);
    if (batch && job.finishedAtMs !== null) poke(batch.batchId);
  });
  return {
    job: add,
    batch: add,
    round() {
      if (!isAlone) pokeAll();
    },
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      pokeAll();
    },
  };
}
