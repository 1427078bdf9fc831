/** Queues for handlers, with what every handler of a bus has in common: counting and the log. */
import { asAppError } from '@aitbc/protocol';
import type { BusLog, Handler, SubscribeOptions } from '../types.ts';
import type { Counters } from './counters.ts';
import { createDelivery, type Delivery } from './delivery.ts';

/** What one queue is for. */
export interface QueueOptions<T> {
  /** For the log. */
  readonly name: string;
  readonly handler: Handler<T>;
  readonly options: SubscribeOptions;
  readonly whenFull: 'drop-oldest' | 'refuse';
}

/** A counted and logged queue; the first of a row of dropped messages makes a line in the log. */
export function createQueue<T>(
  { name, handler, options, whenFull }: QueueOptions<T>,
  { counters, log }: { counters: Counters; log: BusLog },
): Delivery<T> {
  let isDropping = false;
  return createDelivery<T>({
    ...options,
    handler,
    whenFull,
    onDone() {
      isDropping = false;
      counters.delivered += 1;
    },
    onError(error) {
      isDropping = false;
      counters.handlerErrors += 1;
      log.error({ queue: name, code: asAppError(error).code, err: error }, 'a handler failed');
    },
    onDrop() {
      counters.dropped.queueFull += 1;
      if (!isDropping) log.warn({ queue: name }, 'a handler is too slow, messages are dropped');
      isDropping = true;
    },
  });
}
