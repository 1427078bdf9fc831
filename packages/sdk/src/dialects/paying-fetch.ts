/**
 * A `fetch` that pays: `new OpenAI({fetch})`, `new Anthropic({fetch})` and `new Ollama({fetch})` buy from the
 * market with it. The host of the URL does not matter; the path says the dialect. Paid from the first request on, so
 * there is no 402 round trip and no prompt is sent twice.
 */
import { type Clock, elapsedMs, systemClock, utf8 } from '@aitbc/primitives';
import {
  type AnswerWriter,
  AppError,
  asAppError,
  type Dialect,
  dialectForms,
  dialectOfPath,
  type EmbedDialect,
  embedDialectOfPath,
  embedForms,
  readBody,
} from '@aitbc/protocol';
import type { Buyer } from '../buyer/buyer.ts';
import type { RunningJob } from '../buyer/types.ts';
import { collect, eventText, finishOf, writerOf } from './bought-answer.ts';
import {
  type BuyRequest,
  buyRequestOf,
  type ChosenKey,
  createIdempotencyKeys,
} from './buy-request.ts';

/** What a paying fetch buys with. */
export type FetchBuyer = Pick<Buyer, 'run' | 'embed'>;

/** A fetch over a buyer. Refusals are answers with a status, in the dialect's error shape. */
export function createPayingFetch(
  buyer: FetchBuyer,
  clock: Clock = systemClock,
): typeof globalThis.fetch {
  const keys = createIdempotencyKeys(clock);
  return async (input, init) => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    const dialect = dialectOfPath(pathname);
    const embedDialect = embedDialectOfPath(pathname);
    const leaving = new AbortController();
    const signal = init?.signal ?? request.signal;
    signal.addEventListener('abort', () => leaving.abort(signal.reason), { once: true });
    if (signal.aborted) leaving.abort(signal.reason);
    const marks = {
      key: request.headers.get('idempotency-key') ?? undefined,
      retryCount: request.headers.get('x-stainless-retry-count') ?? undefined,
    };
    const call = { buyer, clock, leaving, keyFor: (job: Job) => keys.keyFor(job, marks) };
    try {
      if (dialect) return await buyAnswer(call, dialect, await jsonOfRequest(request));
      if (embedDialect) return await buyVectors(call, embedDialect, await jsonOfRequest(request));
      throw new AppError('NOT_FOUND', { what: 'path that can be paid for' });
    } catch (error) {
      init?.signal?.throwIfAborted();
      const form = dialect
        ? dialectForms[dialect]
        : embedForms[embedDialect ?? 'openai-embeddings'];
      return refusalOf(asAppError(error), form.errorBody);
    }
  };
}

type Job = Parameters<ReturnType<typeof createIdempotencyKeys>['keyFor']>[0];

interface FetchCall {
  readonly buyer: FetchBuyer;
  readonly clock: Clock;
  readonly leaving: AbortController;
  keyFor(job: Job): ChosenKey;
}

/** Stock clients repeat what may succeed later, and only that. */
function refusalOf(error: AppError, body: (error: AppError) => object): Response {
  const { httpStatus: status, retryable } = error.row;
  return Response.json(body(error), { status, headers: { 'x-should-retry': String(retryable) } });
}

async function jsonOfRequest(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch (error) {
    throw new AppError('BAD_REQUEST', { reason: 'the body is not JSON' }, { cause: error });
  }
}

async function buyAnswer(call: FetchCall, dialect: Dialect, json: unknown): Promise<Response> {
  const { buyer, clock, leaving } = call;
  const buy = buyRequestOf(dialect, json);
  const { request } = buy;
  const job = await buyer.run({ request, ...call.keyFor(request), signal: leaving.signal });
  return respond(buy, job, { leaving, nowMs: clock.nowMs() });
}

async function buyVectors(
  { buyer, clock, leaving, keyFor }: FetchCall,
  dialect: EmbedDialect,
  json: unknown,
): Promise<Response> {
  const form = embedForms[dialect];
  const body = readBody(form.body, json);
  const request = form.read(body);
  const beganMs = clock.nowMs();
  const bought = await buyer.embed({ request, ...keyFor(request), signal: leaving.signal });
  const { jobId, vectors, promptTokens, charged, provider } = bought;
  const bill = { charged: charged.toString(), jobId, provider, providers: [provider] };
  const durationMs = elapsedMs(beganMs, clock.nowMs());
  return Response.json(
    form.whole({ model: request.model, vectors, promptTokens, durationMs, bill }, body),
  );
}

interface Leaving {
  readonly leaving: AbortController;
  readonly nowMs: number;
}

async function respond(buy: BuyRequest, job: RunningJob, at: Leaving): Promise<Response> {
  const writer = writerOf(buy, job, at.nowMs);
  if (buy.isStream) {
    const headers = { 'content-type': writer.streamType };
    return new Response(streamOf(writer, job, at.leaving), { headers });
  }
  const { text, end } = await collect(job.events);
  return Response.json(writer.whole(text, finishOf(job, end)));
}

function streamOf(
  writer: AnswerWriter,
  job: RunningJob,
  leaving: AbortController,
): ReadableStream<Uint8Array> {
  const iterator = job.events[Symbol.asyncIterator]();
  const next = async (): Promise<{ text: string; isLast: boolean }> => {
    try {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) return { text: '', isLast: true };
        const isLast = value.type === 'end';
        const text = eventText(writer, value, job);
        if (isLast) await iterator.next();
        if (text !== '') return { text, isLast };
      }
    } catch (error) {
      return { text: writer.error(asAppError(error)), isLast: true };
    }
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const head = writer.head();
      if (head !== '') controller.enqueue(utf8(head));
    },
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
