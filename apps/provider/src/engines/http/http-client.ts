/**
 * HTTP to an engine on this machine or in the owner's network: undici's `request` on a pool of our own.
 *
 * `fetch` was rejected: per chunk it costs several times as much, and its body cannot be bounded as
 * tightly. The first byte may take minutes (the engine loads a model), a pause between chunks may not.
 * undici does not count a pause that we cause ourselves by not reading.
 */
import { AppError } from '@aitbc/protocol';
import { Agent, type Dispatcher, request } from 'undici';
import type { z } from 'zod';
import {
  createEngineErrors,
  type EndEvent,
  type EngineEvent,
  type EngineKind,
  type TokensEvent,
} from '../engine.ts';
import { type ChunkReader, jsonOf, LineError } from './line-reader.ts';
import { type PushedTexts, pushedTexts } from './pushed-texts.ts';
import { createStreamGauges, type StreamGauges } from './token-tally.ts';

/** Ollama gives a model 5 minutes to load. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
const STALL_TIMEOUT_MS = 60_000;
/** Probing must be quick: a dead engine is the usual case when one is looked for. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Listings with licences and templates in them stay well below that. */
const JSON_BYTES_MAX = 4_194_304;
const ERROR_BYTES_MAX = 4_096;
/** What may wait unread on our side; the rest of the back-pressure is the socket's. */
const UNREAD_BYTES = 16_384;
/** Far below a window, so that little waits for a voucher that only part of it needs. */
const JOINED_TOKENS_MAX = 4;

export interface HttpClientOptions {
  readonly engine: EngineKind;
  readonly baseUrl: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly firstByteTimeoutMs?: number;
  readonly stallTimeoutMs?: number;
}

/** Where a call goes and what it sends; `model` only names the model in an error. */
export interface HttpCall {
  readonly path: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
  readonly model?: string;
  /** Largest JSON answer; default 4 MiB. */
  readonly bytesMax?: number;
}

/** Makes events of the messages of one stream. */
export interface MessageReader {
  /** The tokens of a message, undefined for one without. Throws LineError, or what the engine says has failed. */
  read(message: string): TokensEvent | undefined;
  /** True when the last word was said. */
  isOver(): boolean;
  /** The last event, asked for once: when it is over, or when no more messages come. */
  end(): EndEvent;
}

/** Vectors of the most texts of one job: 256 with 8 192 numbers of 12 characters. */
export const VECTORS_BYTES_MAX = 33_554_432;

/** The reason text of an error body, whatever its shape, cut to a bound. */
function detailOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    const detail = typeof error === 'string' ? error : (error as { message?: unknown })?.message;
    return String(detail ?? text).slice(0, ERROR_BYTES_MAX);
  } catch {
    return text.slice(0, ERROR_BYTES_MAX);
  }
}

/** Errors of undici and statuses of the engine as errors of ours. */
function createFailures(engine: EngineKind, baseUrl: string) {
  const fail = createEngineErrors(engine);
  function networkError(cause: unknown, { signal }: HttpCall, begun: boolean): unknown {
    if (signal.aborted) return signal.reason;
    if (cause instanceof AppError) return cause;
    if (cause instanceof LineError) return fail('ENGINE_PROTOCOL', cause.message, { cause });
    const code = (cause as { code?: unknown }).code ?? 'no answer';
    if (begun) return fail('ENGINE_CRASHED', `the stream broke (${code})`, { cause });
    return fail('ENGINE_UNAVAILABLE', `no answer from ${baseUrl} (${code})`, { cause });
  }

  function statusError(status: number, detail: string, model = ''): AppError {
    const reason = `HTTP ${status} ${detail}`.trim();
    if (status === 404 && model) return new AppError('ENGINE_MODEL_UNKNOWN', { engine, model });
    if (status === 429 || status === 503) return fail('ENGINE_BUSY', reason);
    if (status >= 500) return fail('ENGINE_CRASHED', reason);
    if ([400, 413, 422].includes(status)) return fail('ENGINE_BAD_REQUEST', reason);
    return fail('ENGINE_UNAVAILABLE', reason);
  }

  return { fail, networkError, statusError };
}

async function textOf(
  body: Dispatcher.ResponseData['body'],
  { path, bytesMax = JSON_BYTES_MAX }: HttpCall,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of body as AsyncIterable<Uint8Array>) {
    sizeBytes += part.length;
    if (sizeBytes > bytesMax) throw new LineError(`${path} is too large`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Headers and body of a call. */
function sentOf({ headers }: HttpClientOptions, { body }: HttpCall) {
  return {
    headers: { 'content-type': 'application/json', ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  };
}

/** The pool exists between `start` and `stop`; calls outside of that throw ENGINE_UNAVAILABLE. */
export function createHttpClient(options: HttpClientOptions) {
  const { engine } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  let agent: Agent | undefined;
  const load = createStreamGauges(() => agent !== undefined);

  const { fail, networkError, statusError } = createFailures(engine, baseUrl);

  async function open(call: HttpCall): Promise<Dispatcher.ResponseData['body']> {
    call.signal.throwIfAborted();
    if (!agent) throw fail('ENGINE_UNAVAILABLE', 'it is not started');
    try {
      const { statusCode, body } = await request(baseUrl + call.path, {
        method: call.body === undefined ? 'GET' : 'POST',
        ...sentOf(options, call),
        signal: call.signal,
        dispatcher: agent,
        highWaterMark: UNREAD_BYTES,
      });
      if (statusCode === 200) return body;
      throw statusError(statusCode, detailOf(await body.text().catch(() => '')), call.model);
    } catch (error) {
      throw networkError(error, call, false);
    }
  }

  /** Sends a call whose answer is a stream. */
  function dispatch(call: HttpCall, reader: ChunkReader): PushedTexts {
    if (!agent) throw fail('ENGINE_UNAVAILABLE', 'it is not started');
    const { origin, pathname } = new URL(baseUrl + call.path);
    return pushedTexts({
      agent,
      reader,
      signal: call.signal,
      unreadBytesMax: UNREAD_BYTES,
      options: { origin, path: pathname, method: 'POST', ...sentOf(options, call) },
      errorOf: (status, text) => statusError(status, detailOf(text), call.model),
    });
  }

  return {
    fail,
    load,
    async start(): Promise<void> {
      agent ??= new Agent({
        headersTimeout: options.firstByteTimeoutMs ?? FIRST_BYTE_TIMEOUT_MS,
        bodyTimeout: options.stallTimeoutMs ?? STALL_TIMEOUT_MS,
        connect: { timeout: CONNECT_TIMEOUT_MS },
        maxResponseSize: -1,
      });
    },
    /** Breaks calls that still run; they end with ENGINE_CRASHED or ENGINE_UNAVAILABLE. */
    async stop(): Promise<void> {
      const last = agent;
      agent = undefined;
      await last?.destroy();
    },
    /** A JSON answer that fits the shape; ENGINE_PROTOCOL otherwise. */
    async json<T>(call: HttpCall, shape: z.ZodType<T>): Promise<T> {
      const body = await open(call);
      try {
        return parseAs(await textOf(body, call), shape);
      } catch (error) {
        throw networkError(error, call, true);
      }
    },
    /** A streamed answer: cut up by a reader of chunks, and understood by one of messages. */
    events(
      call: HttpCall,
      reader: ChunkReader,
      messages: MessageReader,
    ): AsyncGenerator<EngineEvent, void, void> {
      const { signal } = call;
      return eventsOf({
        signal,
        messages,
        load,
        open: () => dispatch(call, reader),
        errorOf: (cause, hasBegun) => networkError(cause, call, hasBegun),
      });
    },
  };
}

export type HttpClient = ReturnType<typeof createHttpClient>;

interface Streaming {
  readonly signal: AbortSignal;
  readonly messages: MessageReader;
  readonly load: StreamGauges;
  readonly open: () => PushedTexts;
  readonly errorOf: (cause: unknown, hasBegun: boolean) => unknown;
}

/**
 * The events of a stream. A consumer that leaves early closes the connection; one that leaves behind the last word leaves
 * it to the next call. It is the only generator between the socket and the job: each more of them would cost every
 * token a few turns of the queue. For the same reason neighbours of one read are one event.
 */
async function* eventsOf(streaming: Streaming): AsyncGenerator<EngineEvent, void, void> {
  const { signal, messages, load, open, errorOf } = streaming;
  signal.throwIfAborted();
  const texts = open();
  load.begin();
  try {
    for (let more = await texts.next(); more; more = await texts.next()) {
      const { events, failure } = readAll(more, streaming);
      for (const event of events) {
        signal.throwIfAborted();
        yield event;
      }
      if (failure) throw failure.error;
      if (messages.isOver()) break;
    }
    yield messages.end();
  } catch (error) {
    throw errorOf(error, texts.hasBegun());
  } finally {
    texts.leave();
    load.end();
  }
}

/** What the messages of one read say, up to the last word or to what is wrong with one. */
function readAll(texts: readonly string[], { messages, load }: Streaming) {
  const events: TokensEvent[] = [];
  try {
    for (const text of texts) {
      const event = messages.read(text);
      if (event) add(events, event);
      if (event) load.count(event.tokens);
      if (messages.isOver()) break;
    }
    return { events, failure: undefined };
  } catch (error) {
    return { events, failure: { error } };
  }
}

/** Neighbours become one event, where that is small; hidden reasoning stays apart. */
function add(events: TokensEvent[], next: TokensEvent): void {
  const last = events.at(-1);
  const tokens = (last?.tokens ?? 0) + next.tokens;
  if (!last || tokens > JOINED_TOKENS_MAX || last.thinking || next.thinking) events.push(next);
  else events[events.length - 1] = { type: 'tokens', text: last.text + next.text, tokens };
}

/** Parses JSON into a shape; throws LineError naming what does not fit. */
function parseAs<T>(text: string, shape: z.ZodType<T>): T {
  const parsed = shape.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path.join('.');
  throw new LineError(`a message has a wrong shape at ${place}`, { cause: parsed.error });
}
