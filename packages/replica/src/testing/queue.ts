/** Virtual time: what shall happen, in order of its time and then of being planned. */

/** A queue of happenings. */
export interface Queue {
  nowMs: number;
  later(delayMs: number, run: () => void): void;
  /** Runs what is due in the time. */
  run(forMs: number): void;
  /** Runs until the condition holds; throws after `limitMs`. Returns the time it took, ms. */
  until(condition: () => boolean, limitMs: number): number;
}

interface Happening {
  readonly atMs: number;
  readonly run: () => void;
}

/** An empty queue at time 0. */
export function createQueue(): Queue {
  const events: Happening[] = [];
  const next = (endMs: number): boolean => {
    const event = events[0];
    if (!event || event.atMs > endMs) return false;
    events.shift();
    queue.nowMs = event.atMs;
    event.run();
    return true;
  };
  const queue: Queue = {
    nowMs: 0,
    later(delayMs, run) {
      const event = { atMs: queue.nowMs + delayMs, run };
      let at = events.length;
      while (at > 0 && (events[at - 1] as Happening).atMs > event.atMs) at -= 1;
      events.splice(at, 0, event);
    },
    run(forMs) {
      const endMs = queue.nowMs + forMs;
      while (next(endMs));
      queue.nowMs = endMs;
    },
    until(condition, limitMs) {
      const startMs = queue.nowMs;
      while (!condition()) {
        if (next(startMs + limitMs)) continue;
        throw new RangeError(`it did not happen within ${limitMs} ms of network time`);
      }
      return queue.nowMs - startMs;
    },
  };
  return queue;
}
