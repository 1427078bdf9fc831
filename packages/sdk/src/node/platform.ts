/** HTTP by undici's dispatcher on keep-alive connections, WebSockets by ws. */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { AppError } from '@aitbc/protocol';
import { Agent, type Dispatcher } from 'undici';
import WebSocket from 'ws';
import { createByteQueue } from '../http/queue.ts';
import {
  abortError,
  type HttpAnswer,
  type HttpRequest,
  type Socket,
  type SocketEvents,
  type Transport,
  type TransportOptions,
} from '../http/transport.ts';
import { isPrivateAddress } from '../offers/private-address.ts';

const connectTimeoutMs = 5_000;
const connectionsPerOrigin = 1_024; // an answer keeps its connection to its end
const messageBytesMax = 8_388_608; // a block of 2 MiB as JSON
const timeoutCodes = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** A transport with connections of its own. Idle connections do not keep the process alive. */
export function createTransport({ allowPrivate = true }: TransportOptions = {}): Transport {
  const timeout = connectTimeoutMs;
  const agent = new Agent({
    connections: connectionsPerOrigin,
    connect: allowPrivate ? { timeout } : { timeout, lookup: lookupPublic },
  });
  return {
    request: (request) => exchange(agent, request),
    close: () => agent.destroy(),
  };
}

function exchange(agent: Agent, request: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    if (signal?.aborted) return reject(abortError(signal));
    const url = new URL(request.url);
    const options: Dispatcher.DispatchOptions = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers: request.headers,
      body: request.body ?? null,
      headersTimeout: request.timeoutMs,
      bodyTimeout: request.timeoutMs,
    };
    agent.dispatch(options, createHandler(request, { resolve, reject }));
  });
}

/** Resolves a name; addresses inside the caller's own network are refused. */
const lookupPublic: LookupFunction = (name, options, done) => {
  lookup(name, { ...options, all: true }, (error, addresses) => {
    if (error) {
      done(error, []);
    } else if (addresses.some(({ address }) => isPrivateAddress(address))) {
      const reason = `${name} resolves to an address in a private network`;
      done(new AppError('UNAVAILABLE', { what: name, reason }), []);
    } else if (options.all) {
      done(null, addresses);
    } else {
      done(null, addresses[0]?.address ?? '', addresses[0]?.family);
    }
  });
};

interface Settle {
  resolve(answer: HttpAnswer): void;
  reject(error: unknown): void;
}

function createHandler(request: HttpRequest, settle: Settle): Dispatcher.DispatchHandler {
  const { signal } = request;
  let control: Dispatcher.DispatchController | undefined;
  const queue = createByteQueue(
    { pause: () => control?.pause(), resume: () => control?.resume() },
    () => control?.abort(new AppError('CANCELLED')),
  );
  const onAbort = () => {
    const error = abortError(signal as AbortSignal);
    if (control) control.abort(error);
    else settle.reject(error);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const finish = () => signal?.removeEventListener('abort', onAbort);
  return {
    onRequestStart(controller) {
      control = controller;
      if (signal?.aborted) controller.abort(abortError(signal));
    },
    onResponseStart(_controller, status, headers) {
      if (status < 200) return;
      const header = (name: string) => {
        const value = headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      };
      settle.resolve({ status, header, body: queue.chunks });
    },
    onResponseData: (_controller, chunk) => queue.push(chunk),
    onResponseEnd() {
      finish();
      queue.end();
    },
    onResponseError(_controller, error) {
      finish();
      const known = errorOf(error, request);
      settle.reject(known);
      queue.fail(known);
    },
  };
}

function errorOf(error: Error, { url, timeoutMs, signal }: HttpRequest): AppError {
  if (signal?.aborted) return abortError(signal);
  const what = new URL(url).origin;
  const code = (error as { code?: string }).code;
  if (code !== undefined && timeoutCodes.has(code)) {
    return new AppError('TIMEOUT', { what, timeoutMs }, { cause: error });
  }
  if (error.name === 'AppError') return error as AppError;
  return new AppError('UNAVAILABLE', { what, reason: code ?? error.message }, { cause: error });
}

/** Opens a WebSocket. */
export function openSocket(url: string, events: SocketEvents): Socket {
  const socket = new WebSocket(url, {
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handshakeTimeout: connectTimeoutMs,
  });
  let reason = 'the connection ended';
  socket.on('open', () => events.onOpen());
  socket.on('message', (data, isBinary) => {
    if (isBinary) events.onBytes?.(data as Uint8Array);
    else events.onMessage(data.toString());
  });
  socket.on('error', (error) => {
    reason = (error as { code?: string }).code ?? error.message;
  });
  socket.on('close', () => events.onClose(reason));
  return {
    send: (message) => socket.send(message),
    close: () => socket.terminate(),
  };
}
