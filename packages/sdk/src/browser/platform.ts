/** HTTP by fetch, WebSockets by the browser. */
import { AppError } from '@aitbc/protocol';
import {
  abortError,
  type HttpAnswer,
  type HttpRequest,
  type Socket,
  type SocketEvents,
  type Transport,
  type TransportOptions,
} from '../http/transport.ts';

/** A transport over the browser's own connections. */
export function createTransport(_options: TransportOptions = {}): Transport {
  return { request: exchange, close: () => Promise.resolve() };
}

async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const { url, method, headers, body, timeoutMs, signal } = request;
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) throw abortError(signal);
  signal?.addEventListener('abort', onAbort, { once: true });
  const what = new URL(url).origin;
  const patient = <T>(work: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => {
      controller.abort(new AppError('TIMEOUT', { what, timeoutMs }));
    }, timeoutMs);
    return work.finally(() => clearTimeout(timer));
  };
  const fail = (error: unknown): AppError => {
    if (controller.signal.aborted) return abortError(controller.signal);
    const reason = error instanceof Error ? error.message : 'the request failed';
    return new AppError('UNAVAILABLE', { what, reason }, { cause: error });
  };
  try {
    const init: RequestInit = { method, headers, signal: controller.signal };
    const call = body === undefined ? init : { ...init, body: body as BodyInit };
    const answer = await patient(fetch(url, call));
    return {
      status: answer.status,
      header: (name) => answer.headers.get(name) ?? undefined,
      body: chunksOf(answer.body, {
        patient,
        fail,
        finish: () => signal?.removeEventListener('abort', onAbort),
      }),
    };
  } catch (error) {
    signal?.removeEventListener('abort', onAbort);
    throw fail(error);
  }
}

interface Reading {
  /** Waits for one step of the answer at most the request's time: silence ends it, a slow reader does not. */
  patient<T>(work: Promise<T>): Promise<T>;
  fail(error: unknown): AppError;
  finish(): void;
}

async function* chunksOf(
  body: ReadableStream<Uint8Array> | null,
  { patient, fail, finish }: Reading,
): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  let done = reader === undefined;
  try {
    while (reader && !done) {
      const result = await patient(reader.read());
      done = result.done;
      if (result.value) yield result.value;
    }
  } catch (error) {
    done = true;
    throw fail(error);
  } finally {
    if (!done) await reader?.cancel();
    finish();
  }
}

/** Opens a WebSocket. */
export function openSocket(url: string, events: SocketEvents): Socket {
  const socket = new WebSocket(url);
  socket.addEventListener('open', () => events.onOpen());
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) events.onBytes?.(new Uint8Array(data));
    else events.onMessage(String(data));
  });
  socket.addEventListener('close', () => events.onClose('the connection ended'));
  return {
    send: (message) => socket.send(message as string | BufferSource),
    close: () => socket.close(),
  };
}
