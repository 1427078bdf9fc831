/**
 * A bounded hand-over from callbacks to an async loop: what arrives early waits, in order. What one turn of the event
 * loop brings is handed over as one chunk, so that a read of the socket costs its reader one step, however many
 * pieces it was sent in.
 */

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
  let waiting: Uint8Array[] = [];
  let sizeBytes = 0;
  let paused = false;
  let ended = false;
  let failure: { error: unknown } | undefined;
  let reader: Waiter | undefined;
  let isDue = false;

  const takeAll = (): Uint8Array => {
    const chunk = joined(waiting, sizeBytes);
    waiting = [];
    sizeBytes = 0;
    if (paused) {
      paused = false;
      flow.resume();
    }
    return chunk;
  };
  const settle = (waiter: Waiter): void => {
    if (waiting.length > 0) waiter.resolve({ value: takeAll(), done: false });
    else if (failure) waiter.reject(failure.error);
    else waiter.resolve({ value: undefined, done: true });
  };
  const handOver = (): void => {
    isDue = false;
    const waiter = reader;
    reader = undefined;
    if (waiter) settle(waiter);
  };
  const tell = (): void => {
    if (!reader || isDue) return;
    isDue = true;
    queueMicrotask(handOver);
  };
  const isOver = (): boolean => ended || failure !== undefined;
  return {
    push(chunk) {
      if (isOver()) return;
      waiting.push(chunk);
      sizeBytes += chunk.length;
      tell();
      if (reader || paused || sizeBytes <= pauseAboveBytes) return;
      paused = true;
      flow.pause();
    },
    end() {
      ended = true;
      tell();
    },
    fail(error) {
      if (isOver()) return;
      failure = { error };
      tell();
    },
    chunks: {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve, reject) => {
            const waiter = { resolve, reject };
            if (waiting.length > 0 || isOver()) settle(waiter);
            else reader = waiter;
          }),
        return() {
          if (!isOver()) onLeave();
          ended = true;
          waiting = [];
          return Promise.resolve({ value: undefined, done: true });
        },
      }),
    },
  };
}

function joined(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const whole = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
