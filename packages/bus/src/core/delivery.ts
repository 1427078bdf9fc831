/**
 * One queue in front of one handler. The handler gets one message at a time and may be as slow as it likes: it
 * holds up nobody else. When the queue is full either the oldest message goes (topics: what is
 * new counts) or the new one is refused (direct messages: it is not acknowledged, so it comes again).
 */
import { limits } from '@aitbc/protocol';
import type { Handler, SubscribeOptions } from '../types.ts';
import { settledWithin } from './wait.ts';

/** A handler may close its own subscription and wait for that, so waiting for the handler has an end. */
const closeWaitMs = 2_000;

/** A queue with its handler. */
export interface Delivery<T> {
  /** False when the message was refused. */
  offer(message: T, sizeBytes: number): boolean;
  waiting(): number;
  /** Forgets what waits, aborts the running handler, and resolves when it has returned or 2 s have passed. */
  close(): Promise<void>;
}

/** Parts of a delivery. */
export interface DeliveryOptions<T> extends SubscribeOptions {
  readonly handler: Handler<T>;
  readonly whenFull: 'drop-oldest' | 'refuse';
  readonly onDone: () => void;
  readonly onError: (error: unknown) => void;
  readonly onDrop: () => void;
}

/** A queue in front of a handler; starts empty and idle. */
export function createDelivery<T>(options: DeliveryOptions<T>): Delivery<T> {
  const most = Math.min(options.queueMessages ?? limits.busQueueMessages, limits.busQueueMessages);
  const queue: { message: T; sizeBytes: number }[] = [];
  const abort = new AbortController();
  let queuedBytes = 0;
  let running: Promise<void> | undefined;

  const isFull = (sizeBytes: number) =>
    queue.length >= most || queuedBytes + sizeBytes > limits.busQueueBytes;
  const take = () => {
    const first = queue.shift();
    queuedBytes -= first?.sizeBytes ?? 0;
    return first;
  };
  const run = async () => {
    await Promise.resolve(); // the sender goes on before the handler begins
    for (let next = take(); next && !abort.signal.aborted; next = take()) {
      try {
        await options.handler(next.message, abort.signal);
        options.onDone();
      } catch (error) {
        options.onError(error);
      }
    }
    running = undefined;
  };
  const makeRoom = (sizeBytes: number): boolean => {
    if (!isFull(sizeBytes)) return true;
    if (options.whenFull === 'refuse') return false;
    while (queue.length > 0 && isFull(sizeBytes)) {
      take();
      options.onDrop();
    }
    return true;
  };

  return {
    offer(message, sizeBytes) {
      if (abort.signal.aborted || !makeRoom(sizeBytes)) return false;
      queue.push({ message, sizeBytes });
      queuedBytes += sizeBytes;
      running ??= run();
      return true;
    },
    waiting: () => queue.length,
    async close() {
      queue.length = 0;
      queuedBytes = 0;
      abort.abort();
      if (running) await settledWithin(running, closeWaitMs);
    },
  };
}
