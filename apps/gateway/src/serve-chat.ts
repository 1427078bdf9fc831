/**
 * One chat call: bought as a stream by windows, answered as the client wants it.
 *
 * A streamed answer is written straight to the socket, one write for what one read of the provider brought.
 * When the client leaves, its signal ends the purchase at once.
 */
import type { ServerResponse } from 'node:http';
import { type Clock, systemClock } from '@aitbc/primitives';
import {
  asAppError,
  type gatewayEndpoints,
  gatewayHeaders,
  type ParsedInputOf,
} from '@aitbc/protocol';
import {
  type AnswerWriter,
  type Buyer,
  type BuyRequest,
  buyRequestFrom,
  collect,
  createAnswerWriter,
  createIdempotencyKeys,
  type RunningJob,
} from '@aitbc/sdk';
import { answered, type CallContext } from '@aitbc/service';

/** Serves chat calls. */
export type ServeChat = (
  body: ParsedInputOf<typeof gatewayEndpoints.chatCompletions>,
  context: Pick<CallContext, 'request' | 'reply' | 'signal'>,
) => Promise<unknown>;

/** Chat over a buyer that is looked up for each call. */
export function createServeChat(
  buyer: () => Pick<Buyer, 'run'>,
  clock: Clock = systemClock,
): ServeChat {
  const keys = createIdempotencyKeys(clock);
  return async (body, { request, reply, signal }) => {
    const buy = buyRequestFrom('openai', body);
    const idempotencyKey = keys.keyFor(buy.body, {
      key: headerOf(request.headers['idempotency-key']),
      retryCount: headerOf(request.headers['x-stainless-retry-count']),
    });
    const job = await buyer().run({ ...buy, idempotencyKey, signal });
    const writer = writerOf(buy, job, clock.nowMs());
    const headers = {
      [gatewayHeaders.jobId]: job.jobId,
      [gatewayHeaders.provider]: job.offer.provider,
    };
    if (buy.isStream) {
      void reply.hijack();
      await writeStream(reply.raw, job, { writer, headers });
      return answered;
    }
    const { text, end } = await collect(job.events);
    void reply.headers({ ...headers, [gatewayHeaders.cost]: end.charged.toString() });
    return writer.whole(text, end);
  };
}

function headerOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function writerOf(buy: BuyRequest, { jobId, offer }: RunningJob, createdMs: number): AnswerWriter {
  const { request, includeUsage } = buy;
  const { provider } = offer;
  return createAnswerWriter('openai', {
    jobId,
    provider,
    createdMs,
    includeUsage,
    model: request.model,
  });
}

interface StreamForm {
  readonly writer: AnswerWriter;
  readonly headers: Readonly<Record<string, string>>;
}

async function writeStream(
  raw: ServerResponse,
  { events }: RunningJob,
  { writer, headers }: StreamForm,
): Promise<void> {
  raw.writeHead(200, {
    ...headers,
    'content-type': writer.streamType,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  let pending = writer.head();
  try {
    for await (const event of events) {
      if (event.type === 'receipt') continue;
      const text = event.type === 'text' ? writer.text(event.text) : writer.end(event.end);
      const isTaken = raw.write(pending + text);
      pending = '';
      if (!isTaken) await drained(raw);
    }
  } catch (error) {
    raw.write(pending + writer.error(asAppError(error)));
  }
  raw.end();
}

function drained(raw: ServerResponse): Promise<void> {
  if (raw.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      raw.off('drain', done);
      raw.off('close', done);
      resolve();
    };
    raw.on('drain', done);
    raw.on('close', done);
  });
}
