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
import { createEngineErrors, type EngineKind } from '../engine.ts';
import { type ChunkReader, LineError } from './line-reader.ts';
import { pushedTexts } from './pushed-texts.ts';

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

/** The pool exists between `start` and `stop`; calls outside of that throw ENGINE_UNAVAILABLE. */
export function createHttpClient(options: HttpClientOptions) {
  const { engine } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  let agent: Agent | undefined;

  const { fail, networkError, statusError } = createFailures(engine, baseUrl);

  const sent = ({ body }: HttpCall) => ({
    headers: { ...options.headers, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });

  async function open(call: HttpCall): Promise<Dispatcher.ResponseData['body']> {
    call.signal.throwIfAborted();
    if (!agent) throw fail('ENGINE_UNAVAILABLE', 'it is not started');
    try {
      const { statusCode, body } = await request(baseUrl + call.path, {
        method: call.body === undefined ? 'GET' : 'POST',
        ...sent(call),
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

  return {
    fail,
    isStarted: () => agent !== undefined,
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
    /** One message of a stream; ENGINE_PROTOCOL when it is not of the shape. */
    parse<T>(text: string, shape: z.ZodType<T>): T {
      try {
        return parseAs(text, shape);
      } catch (cause) {
        throw fail('ENGINE_PROTOCOL', (cause as Error).message, { cause });
      }
    },
    /**
     * A streamed answer, cut up by the reader. A consumer that leaves early closes the connection; one that leaves behind
     * the reader's last word leaves it to the next call.
     */
    async *texts(call: HttpCall, reader: ChunkReader): AsyncGenerator<readonly string[]> {
      call.signal.throwIfAborted();
      if (!agent) throw fail('ENGINE_UNAVAILABLE', 'it is not started');
      const { origin, pathname } = new URL(baseUrl + call.path);
      const texts = pushedTexts({
        ...{ agent, reader, signal: call.signal, unreadBytesMax: UNREAD_BYTES },
        options: { origin, path: pathname, method: 'POST', ...sent(call) },
        errorOf: (status, text) => statusError(status, detailOf(text), call.model),
      });
      try {
        for (let more = await texts.next(); more; more = await texts.next()) {
          call.signal.throwIfAborted();
          yield more;
        }
      } catch (error) {
        throw networkError(error, call, texts.hasBegun());
      } finally {
        texts.leave();
      }
    },
  };
}

export type HttpClient = ReturnType<typeof createHttpClient>;

/** Parses JSON into a shape; throws LineError naming what does not fit. */
function parseAs<T>(text: string, shape: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LineError('a message is not JSON', { cause });
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new LineError(`a message has a wrong shape at ${parsed.error.issues[0]?.path.join('.')}`, {
    cause: parsed.error,
  });
}
