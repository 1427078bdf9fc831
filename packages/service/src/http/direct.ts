/**
 * Calls that are answered on node:http itself, past the framework.
 *
 * What the framework does for a call (routing, hooks, an async scope for its body, the reply) costs more CPU than some
 * whole handlers. So a *direct* path has one handler and two roads to it:
 *
 *   straight: a plain POST of exactly this path, with a body of a told length within the limit
 *   framework: everything else, such as a body in chunks or above the limit, a call of a web page, and all calls
 *     while the server closes; its hooks and limits come first
 *
 * Both give the same request id, the same parsing of the same bytes, the same log line and the same metrics. Hooks that others
 * add do not see what goes straight. A handler answers by `sendJson`, or writes to `response` itself with `headers`
 * among its own.
 *
 * Rejected: to copy the framework's limits and refusals. What is unusual may be slow, and is refused in one place.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import type { Log } from '../log.ts';

/** What is told of a request that was answered. */
export interface FinishedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly elapsedMs: number;
}

/** A call before its body was read. */
export interface DirectExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** What every answer carries. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A call with its body. */
export interface DirectCall extends DirectExchange {
  /** Exact bytes of the body. */
  readonly rawBody: Buffer;
  /** Its JSON value; undefined for an empty body. */
  readonly body: unknown;
}

/** A path that only takes POST. */
export interface DirectRoute {
  readonly path: string;
  /** Answers the call. What it throws before anything has left goes to `fail`. */
  handle(call: DirectCall): Promise<void> | void;
  /** Answers an error of `handle`, or of the framework. */
  fail(exchange: DirectExchange, error: unknown): void;
}

/** An answer as a whole. */
export interface JsonAnswer {
  readonly status: number;
  readonly text: string;
  /** Default: the type of JSON. */
  readonly headers?: Readonly<Record<string, string>>;
}

const jsonType = 'application/json; charset=utf-8';

/** Answers with JSON, in one write. */
export function sendJson({ response, headers }: DirectExchange, answer: JsonAnswer): void {
  response.writeHead(answer.status, {
    'content-type': jsonType,
    'content-length': String(Buffer.byteLength(answer.text)),
    ...headers,
    ...answer.headers,
  });
  response.end(answer.text);
}

export interface DirectOptions {
  readonly bodyLimitBytes: number;
  readonly anyContentIsJson: boolean;
  readonly log: Log;
  readonly requestIdOf: (given: string | string[] | undefined) => string;
  readonly onFinished: (request: FinishedRequest) => void;
  /** Throws an error with a status for what is no JSON. */
  readonly parseJson: (text: string) => unknown;
}

/** The direct paths of a server. */
export interface Direct {
  /** Answers the request if it may go straight. */
  take(request: IncomingMessage, response: ServerResponse): boolean;
  /** Mounts a path on both roads. */
  mount(app: FastifyInstance, route: DirectRoute): void;
  /** From now on everything goes through the framework, which refuses new work. */
  close(): void;
}

export function createDirect(options: DirectOptions): Direct {
  const routes = new Map<string, DirectRoute>();
  let isClosing = false;
  return {
    take(request, response) {
      const route = request.method === 'POST' ? routes.get(request.url ?? '') : undefined;
      if (!route || isClosing || !isPlain(request, options)) return false;
      const requestId = options.requestIdOf(request.headers['x-request-id']);
      const headers = { 'x-request-id': requestId };
      const exchange = { request, response, requestId, headers };
      tellWhenFinished(exchange, route, options);
      readBytes(request, (rawBody) => void answerStraight(route, exchange, { rawBody, options }));
      return true;
    },
    mount(app, route) {
      routes.set(route.path, route);
      app.post(route.path, {
        handler(request, reply) {
          const { rawBody, body } = request;
          const exchange = hijack(request, reply);
          return answer(route, { ...exchange, rawBody: rawBody ?? Buffer.alloc(0), body }, options);
        },
        errorHandler: (error, request, reply) => route.fail(hijack(request, reply), error),
      });
    },
    close() {
      isClosing = true;
    },
  };
}

/** A server that asks the direct paths first; its times are those that the framework would have set. */
export function serverOf(
  direct: Pick<Direct, 'take'>,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  { keepAliveTimeout, requestTimeout, connectionTimeout }: FastifyServerOptions,
): Server {
  const server = createServer((request, response) => {
    if (!direct.take(request, response)) handler(request, response);
  });
  if (keepAliveTimeout !== undefined) server.keepAliveTimeout = keepAliveTimeout;
  if (requestTimeout !== undefined) server.requestTimeout = requestTimeout;
  if (connectionTimeout !== undefined) server.setTimeout(connectionTimeout);
  return server;
}

function isPlain({ headers }: IncomingMessage, options: DirectOptions): boolean {
  if (headers.origin !== undefined || headers.upgrade !== undefined) return false;
  if (headers['transfer-encoding'] !== undefined) return false;
  const lengthBytes = Number(headers['content-length'] ?? 0);
  if (!(lengthBytes > 0 && lengthBytes <= options.bodyLimitBytes)) return false;
  return options.anyContentIsJson || headers['content-type'] === 'application/json';
}

/** The caller that leaves in the middle is never heard of again: nothing has begun. */
function readBytes(request: IncomingMessage, onBytes: (bytes: Buffer) => void): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.once('end', () => {
    const [first] = parts;
    onBytes(first && parts.length === 1 ? first : Buffer.concat(parts));
  });
}

interface Arrived {
  readonly rawBody: Buffer;
  readonly options: DirectOptions;
}

function answerStraight(
  route: DirectRoute,
  exchange: DirectExchange,
  { rawBody, options }: Arrived,
): Promise<void> | void {
  let body: unknown;
  try {
    body = options.parseJson(rawBody.toString('utf8'));
  } catch (error) {
    route.fail(exchange, error);
    return;
  }
  return answer(route, { rawBody, body, ...exchange }, options);
}

async function answer(
  route: DirectRoute,
  call: DirectCall,
  { log }: Pick<DirectOptions, 'log'>,
): Promise<void> {
  try {
    await route.handle(call);
  } catch (error) {
    const { response, requestId } = call;
    if (!response.headersSent) {
      route.fail(call, error);
      return;
    }
    log.error({ err: error, requestId }, 'an answer broke off');
    response.destroy();
  }
}

function tellWhenFinished(
  { request, response, requestId }: DirectExchange,
  { path: route }: DirectRoute,
  { onFinished }: DirectOptions,
): void {
  const begunMs = performance.now();
  const { method = '' } = request;
  response.once('finish', () => {
    const elapsedMs = performance.now() - begunMs;
    onFinished({ requestId, method, route, status: response.statusCode, elapsedMs });
  });
}

/** The call of a request that came through the framework; the reply is the handler's from here on. */
function hijack(request: FastifyRequest, reply: FastifyReply): DirectExchange {
  const headers = reply.getHeaders() as Record<string, string>;
  reply.hijack();
  return { request: request.raw, response: reply.raw, requestId: request.id, headers };
}
