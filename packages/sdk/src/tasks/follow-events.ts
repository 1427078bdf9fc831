/**
 * Follows a stream of server-sent events for as long as wanted. A stream that ends, falls silent or cannot be reached
 * is asked for again, from the id of the last event on and with growing pauses: the server has what came meanwhile. What
 * the server refuses for good ends it.
 */
import { asAppError } from '@aitbc/protocol';
import { pause } from '../chain/pause.ts';
import { readEvents, type StreamEvent } from '../http/event-stream.ts';
import { abortError, type Transport } from '../http/transport.ts';

/** What to follow. */
export interface EventFollow {
  readonly transport: Transport;
  readonly url: string;
  /** Id of the last event that is known. */
  readonly lastId?: string | undefined;
  readonly signal: AbortSignal;
}

const retryFirstMs = 250;
const retryLongestMs = 5_000;

/** Events until the signal aborts, which throws CANCELLED. Throws what the server refuses for good, and ANSWER_INVALID. */
export async function* followEvents({
  transport,
  url,
  signal,
  lastId: first,
}: EventFollow): AsyncGenerator<StreamEvent> {
  let lastId = first;
  let retryMs = retryFirstMs;
  for (;;) {
    if (signal.aborted) throw abortError(signal);
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
    try {
      for await (const event of readEvents(transport, { url, headers, signal })) {
        lastId = event.id ?? lastId;
        retryMs = retryFirstMs;
        yield event;
      }
    } catch (error) {
      throwUnlessPassing(error, signal);
    }
    await pause(retryMs, signal);
    retryMs = Math.min(retryLongestMs, retryMs * 2);
  }
}

function throwUnlessPassing(error: unknown, signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal);
  if (!asAppError(error).row.retryable) throw error;
}
