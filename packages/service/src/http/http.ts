/**
 * The HTTP server of a daemon: Fastify with one error form, request ids, health, metrics, limits.
 *
 * Closing takes three steps: no new connection, idle ones ended at once; running requests and WebSockets
 * get `closeGraceMs`; what is left is cut. A JSON body is kept as its exact bytes beside the parsed value,
 * because a job id is a hash over what the client really sent.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { AppError, limits } from '@aitbc/protocol';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Log } from '../log.ts';
import {
  createDirect,
  type Direct,
  type DirectRoute,
  type FinishedRequest,
  serverOf,
} from './direct.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { isNestedBeyond, nestingMax } from './nesting.ts';
import { addOriginGuard, type OriginRules } from './origins.ts';
import { sendProblem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Exact bytes of a JSON body; null without one. */
    rawBody: Buffer | null;
  }
}

/** Options of `createHttp`. */
export interface HttpOptions {
  readonly name: string;
  readonly log: Log;
  /** Largest body; default `limits.bodyBytes`. A route may set its own `bodyLimit`. */
  readonly bodyLimitBytes?: number;
  /** Throws or answers false while the daemon cannot do its work; behind /health/ready. */
  readonly ready?: () => Promise<boolean> | boolean;
  /**
   * Takes bodies of every content type as JSON, as some engines' clients send them. Never set it where a
   * browser may reach: a form of any web page could then post.
   */
  readonly anyContentIsJson?: boolean;
  /** Web pages that may call; only its own when left out. `false` for a daemon with a check of its own. */
  readonly origins?: OriginRules | false;
  /** How long running requests may go on while closing. Default 2000. */
  readonly closeGraceMs?: number;
}

/** Where to listen. Port 0 takes a free one. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** The setting an operator changes when the port is taken. Default `--port`. */
  readonly setting?: string;
}

/** A server of a daemon. */
export interface Http {
  readonly app: FastifyInstance;
  readonly metrics: Metrics;
  /** Mounts a path that takes many short calls (direct.ts); to be used before `listen`. */
  direct(route: DirectRoute): void;
  /** Base URL. Throws PORT_IN_USE or CONFIG_INVALID. */
  listen(options: ListenOptions): Promise<string>;
  close(): Promise<void>;
}

const defaultCloseGraceMs = 2_000;
const idleConnectionMs = 72_000;
/** How long a request may take to come in, head and body; Node looks every 30 s. The framework knows no bound of its own. */
const requestArrivalMs = 120_000;

/** A server with health, metrics and error handling, not listening yet. */
export function createHttp(options: HttpOptions): Http {
  const { name, log, bodyLimitBytes = limits.bodyBytes } = options;
  const anyContentIsJson = options.anyContentIsJson ?? false;
  const metrics = createMetrics(name);
  const onFinished = createTeller(metrics, log);
  const direct = createDirect({
    ...{ bodyLimitBytes, anyContentIsJson, log, requestIdOf, onFinished },
    parseJson: (text) => parseJson(text),
  });
  const app: FastifyInstance = Fastify({
    serverFactory: (handler, settings) => serverOf(direct, handler, settings),
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: 'idle',
    keepAliveTimeout: idleConnectionMs,
    requestTimeout: requestArrivalMs,
    genReqId: (raw) => requestIdOf(raw.headers['x-request-id']),
    frameworkErrors: (error, request, reply) => sendProblem(error, { request, reply, log }),
  });
  const parseJson = createJsonParser(app);
  app.decorateRequest('rawBody', null);
  app.decorateRequest('pageKind', 'none');
  addBodyParsers(app, anyContentIsJson ? '*' : 'application/json', parseJson);
  app.setErrorHandler((error, request, reply) => sendProblem(error, { request, reply, log }));
  app.setNotFoundHandler((request, reply) => {
    const what = `path ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`;
    sendProblem(new AppError('NOT_FOUND', { what }), { request, reply, log });
  });
  addHooks(app, onFinished);
  if (options.origins !== false) addOriginGuard(app, options.origins ?? {});
  addHealth(app, { metrics, ready: options.ready ?? (() => true) });
  const sockets = trackSockets(app);
  return {
    app,
    metrics,
    direct: (route) => direct.mount(app, route),
    listen: (where) => listen(app, where),
    close: () => close({ app, direct, sockets }, options.closeGraceMs ?? defaultCloseGraceMs),
  };
}

/** The caller's request id when it is harmless, else a fresh one. */
function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

type ParseJson = (text: string) => unknown;

/** Reads JSON without keys that would change prototypes, and an empty text as undefined; throws the framework's errors. */
function createJsonParser(app: FastifyInstance): ParseJson {
  const parse = app.getDefaultJsonParser('error', 'error') as (
    request: unknown,
    text: string,
    done: (error: Error | null, value?: unknown) => void,
  ) => void;
  return (text) => {
    let parsed: unknown;
    let fault: Error | null = null;
    if (text === '') return undefined;
    if (isNestedBeyond(text)) {
      const reason = `the body is nested more than ${nestingMax} times`;
      throw new AppError('BAD_REQUEST', { reason });
    }
    parse(undefined, text, (error, value) => {
      fault = error;
      parsed = value;
    });
    if (fault) throw fault;
    return parsed;
  };
}

function addBodyParsers(app: FastifyInstance, types: string, parseJson: ParseJson): void {
  const parse = async (request: FastifyRequest, body: Buffer): Promise<unknown> => {
    request.rawBody = body;
    return parseJson(body.toString('utf8'));
  };
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(types, { parseAs: 'buffer' }, parse);
}

/** Counts and notes what was answered, on both roads. */
function createTeller(metrics: Metrics, log: Log): (request: FinishedRequest) => void {
  return (request) => {
    const { method, route, status, elapsedMs } = request;
    metrics.observe({ method, route, status, seconds: elapsedMs / 1_000 });
    if (log.isLevelEnabled('debug')) log.debug({ ...request }, 'request');
  };
}

function addHooks(app: FastifyInstance, onFinished: (request: FinishedRequest) => void): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', ({ id: requestId, method, routeOptions }, reply, done) => {
    const { statusCode: status, elapsedTime: elapsedMs } = reply;
    onFinished({ requestId, method, route: routeOptions.url ?? 'unknown', status, elapsedMs });
    done();
  });
}

function addHealth(
  app: FastifyInstance,
  { metrics, ready }: { metrics: Metrics; ready: () => Promise<boolean> | boolean },
): void {
  app.get('/health/live', () => ({ status: 'live' }));
  app.get('/health/ready', async (_request, reply) => {
    const isReady = await Promise.resolve()
      .then(ready)
      .catch((error: unknown) => {
        throw new AppError(
          'UNAVAILABLE',
          { what: 'this daemon', reason: error instanceof AppError ? error.message : 'not ready' },
          { cause: error },
        );
      });
    if (!isReady) return reply.status(503).send({ status: 'not ready' });
    return { status: 'ready' };
  });
  app.get('/metrics', async (_request, reply) => {
    void reply.header('content-type', metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}

/** All connections, also those that became WebSockets and left the HTTP server's own list. */
function trackSockets(app: FastifyInstance): Set<Socket> {
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function listen(
  app: FastifyInstance,
  { host, port, setting = '--port' }: ListenOptions,
): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    if (code === 'EADDRINUSE')
      throw new AppError('PORT_IN_USE', { port, setting }, { cause: error });
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      const reason = `cannot listen on ${host} port ${port}: ${message}`;
      throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
    }
    throw error;
  }
  const address = app.server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host;
  return `http://${shown.includes(':') && !shown.startsWith('[') ? `[${shown}]` : shown}:${bound}`;
}

interface Closing {
  readonly app: FastifyInstance;
  readonly direct: Pick<Direct, 'close'>;
  readonly sockets: ReadonlySet<Socket>;
}

async function close({ app, direct, sockets }: Closing, graceMs: number): Promise<void> {
  direct.close();
  // A connection that never sent a byte has nothing to finish, but Node does not count it as idle.
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}
