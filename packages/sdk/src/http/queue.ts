/** A bounded hand-over from callbacks to an async loop: what arrives early waits, in order. */

const pauseAboveBytes = 262_144; // a slow reader holds at most this and one read of the socket

/** Stops and restarts the producer. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/** Producer side and consumer side of one queue. */
export interface ByteQueue {
  push(chunk: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
  /** One reader; leaving the loop early calls `onLeave`. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

type Waiter = {
  resolve(result: IteratorResult<Uint8Array>): void;
  reject(error: unknown): void;
};

/** A queue of byte chunks that pauses its producer while too much waits. */
export function createByteQueue(flow: Flow, onLeave: () => void): ByteQueue {
  const waiting: Uint8Array[] = [];
  let sizeBytes = 0;
  let paused = false;
  let ended = false;
  let failure: { error: unknown } | undefined;
  let reader: Waiter | undefined;

  const settle = (act: (waiter: Waiter) => void): void => {
    const waiter = reader;
    reader = undefined;
    if (waiter) act(waiter);
  };

  const take = (chunk: Uint8Array): IteratorResult<Uint8Array> => {
    sizeBytes -= chunk.length;
    if (paused && sizeBytes === 0) {
      paused = false;
      flow.resume();
    }
    return { value: chunk, done: false };
  };

  const next = (): Promise<IteratorResult<Uint8Array>> => {
    const chunk = waiting.shift();
    if (chunk) return Promise.resolve(take(chunk));
    if (failure) return Promise.reject(failure.error);
    if (ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      reader = { resolve, reject };
    });
  };

  const leave = (): Promise<IteratorResult<Uint8Array>> => {
    if (!ended && !failure) onLeave();
    ended = true;
    waiting.length = 0;
    return Promise.resolve({ value: undefined, done: true });
  };

  return {
    push(chunk) {
      if (ended || failure) return;
      if (reader) return settle((waiter) => waiter.resolve({ value: chunk, done: false }));
      waiting.push(chunk);
      sizeBytes += chunk.length;
      if (!paused && sizeBytes > pauseAboveBytes) {
        paused = true;
        flow.pause();
      }
    },
    end() {
      ended = true;
      settle((waiter) => waiter.resolve({ value: undefined, done: true }));
    },
    fail(error) {
      if (ended || failure) return;
      failure = { error };
      settle((waiter) => waiter.reject(error));
    },
    chunks: { [Symbol.asyncIterator]: () => ({ next, return: leave }) },
  };
}
