/**
 * Work of many callers in slices of the event loop. A flood comes as hundreds of pieces of some hundredths of a millisecond, from many
 * connections in one turn of the loop; done at once they hold up votes and everybody else. Here pieces run at once while
 * the present turn has time left for them, in the order they came; the others wait, and each later turn takes a slice.
 *
 * Rejected: a slice for each connection (a turn then takes as long as there are connections), and a fixed number of
 * pieces (a claim costs a hundred times what a repeated transfer costs).
 */
import { performance } from 'node:perf_hooks';
import { AppError } from '@aitbc/protocol';

/** Short against the aim of 50 ms for a late timer, long against a turn of the loop itself. */
const sliceMsDefault = 5;

/** Options of `createTurns`. */
export interface TurnsOptions {
  readonly sliceMs?: number;
  /** Pieces that may wait; left out where callers cannot add any while theirs waits. */
  readonly waitingMax?: number;
}

/** Slices of the event loop. */
export interface Turns {
  /**
   * Runs a piece of work, at once or in a later turn; what it waits for is not counted. Settles as the work does. Rejects
   * with MEMPOOL_FULL when too many wait.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** Slices with nothing in them. */
export function createTurns(options: TurnsOptions = {}): Turns {
  const { sliceMs = sliceMsDefault, waitingMax = Number.POSITIVE_INFINITY } = options;
  const waiting = new Set<() => void>();
  let usedMs = 0;
  let isTurnOpen = false;

  const spend = <T>(work: () => T): T => {
    const begunMs = performance.now();
    try {
      return work();
    } finally {
      usedMs += performance.now() - begunMs;
    }
  };
  const openTurn = (): void => {
    if (isTurnOpen) return;
    isTurnOpen = true;
    setImmediate(nextTurn);
  };
  const nextTurn = (): void => {
    usedMs = 0;
    isTurnOpen = false;
    if (waiting.size > 0) openTurn();
    for (const piece of waiting) {
      waiting.delete(piece);
      spend(piece);
      if (usedMs >= sliceMs) return;
    }
  };
  return {
    run(work) {
      openTurn();
      if (waiting.size === 0 && usedMs < sliceMs) return spend(work);
      const count = waiting.size;
      if (count >= waitingMax) return Promise.reject(new AppError('MEMPOOL_FULL', { count }));
      return new Promise((resolve) => waiting.add(() => resolve(work())));
    },
  };
}
