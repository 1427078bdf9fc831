/**
 * A `fetch` that pays: `new OpenAI({fetch})` and `new Ollama({fetch})` buy from the market with it. The
 * host of the URL does not matter; the path says the dialect. Paid from the first request on, so there is
 * no 402 round trip and no prompt is sent twice.
 */
import { type Clock, systemClock, utf8 } from '@aitbc/primitives';
import { AppError, asAppError, type Dialect, dialectPaths } from '@aitbc/protocol';
import type { Buyer } from '../buyer/buyer.ts';
import type { JobEnd, RunningJob } from '../buyer/types.ts';
import { type AnswerWriter, createAnswerWriter, errorAnswer } from './answer-writer.ts';
import { type BuyRequest, buyRequestOf, createIdempotencyKeys } from './buy-request.ts';

/** A fetch over a buyer. Refusals are answers with a status, in the dialect's error shape. */
export function createPayingFetch(
  buyer: Pick<Buyer, 'run'>,
  clock: Clock = systemClock,
): typeof globalThis.fetch {
  const keys = createIdempotencyKeys(clock);
  return async (input, init) => {
    const request = new Request(input, init);
    const dialect = dialectOf(new URL(request.url).pathname);
    try {
      if (!dialect) throw new AppError('NOT_FOUND', { what: 'path that can be paid for' });
      const buy = buyRequestOf(dialect, await jsonOfRequest(request));
      const marks = {
        key: request.headers.get('idempotency-key') ?? undefined,
        retryCount: request.headers.get('x-stainless-retry-count') ?? undefined,
      };
      const idempotencyKey = keys.keyFor(buy.body, marks);
      const leaving = new AbortController();
      const signal = init?.signal ?? request.signal;
      signal.addEventListener('abort', () => leaving.abort(signal.reason), { once: true });
      if (signal.aborted) leaving.abort(signal.reason);
      const job = await buyer.run({ ...buy, idempotencyKey, signal: leaving.signal });
      return await respond(buy, job, { leaving, nowMs: clock.nowMs() });
    } catch (error) {
      init?.signal?.throwIfAborted();
      const known = asAppError(error);
      return Response.json(errorAnswer(dialect ?? 'openai', known), {
        status: known.row.httpStatus,
      });
    }
  };
}

function dialectOf(path: string): Dialect | undefined {
  const dialects = Object.keys(dialectPaths) as Dialect[];
  return dialects.find((dialect) => path.endsWith(dialectPaths[dialect]));
}

async function jsonOfRequest(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch (error) {
    throw new AppError('BAD_REQUEST', { reason: 'the body is not JSON' }, { cause: error });
  }
}

interface Leaving {
  readonly leaving: AbortController;
  readonly nowMs: number;
}

async function respond(buy: BuyRequest, job: RunningJob, at: Leaving): Promise<Response> {
  const { jobId, offer, events } = job;
  const { provider } = offer;
  const subject = { jobId, provider, model: buy.request.model, createdMs: at.nowMs };
  const writer = createAnswerWriter(buy.dialect, { ...subject, includeUsage: buy.includeUsage });
  if (buy.isStream) {
    const headers = { 'content-type': writer.streamType };
    return new Response(streamOf(writer, events, at.leaving), { headers });
  }
  const { text, end } = await collect(events);
  return Response.json(writer.whole(text, end));
}

/** The whole text and the end of an answer. */
export async function collect(
  events: RunningJob['events'],
): Promise<{ text: string; end: JobEnd }> {
  let text = '';
  let end: JobEnd | undefined;
  for await (const event of events) {
    if (event.type === 'text') text += event.text;
    else if (event.type === 'end') end = event.end;
  }
  if (!end) throw new AppError('UNAVAILABLE', { what: 'The provider', reason: 'it ended early' });
  return { text, end };
}

function streamOf(
  writer: AnswerWriter,
  events: RunningJob['events'],
  leaving: AbortController,
): ReadableStream<Uint8Array> {
  const iterator = events[Symbol.asyncIterator]();
  const next = async (): Promise<{ text: string; isLast: boolean }> => {
    try {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) return { text: '', isLast: true };
        if (value.type === 'text') return { text: writer.text(value.text), isLast: false };
        if (value.type === 'end') {
          await iterator.next();
          return { text: writer.end(value.end), isLast: true };
        }
      }
    } catch (error) {
      return { text: writer.error(asAppError(error)), isLast: true };
    }
  };
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(utf8(writer.head())),
    async pull(controller) {
      const { text, isLast } = await next();
      if (text !== '') controller.enqueue(utf8(text));
      if (isLast) controller.close();
    },
    async cancel() {
      leaving.abort();
      await iterator.next().catch(() => {});
    },
  });
}
