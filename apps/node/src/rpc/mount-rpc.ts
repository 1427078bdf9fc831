/**
 * RPC on `/`: POST takes a request or a batch, a WebSocket takes the same and subscriptions and batches of
 * bytes besides, GET says what this is. Faults of the transport are JSON-RPC answers too, with the HTTP status of their row.
 */
import type { ServerResponse } from 'node:http';
import {
  AppError,
  asAppError,
  nodeRpc,
  nodeSocketRpc,
  type OutputOf,
  type RpcMethod,
} from '@aitbc/protocol';
import {
  type Http,
  type JsonSocket,
  type Log,
  mountSocket,
  type SocketSession,
} from '@aitbc/service';
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import { assertAdmin } from './admin-access.ts';
import {
  createDispatch,
  type Dispatch,
  parseErrorAnswer,
  type RpcHandlers,
  rpcErrorOf,
} from './json-rpc.ts';
import type { CallerContext } from './methods/deps.ts';
import { assertPageMay } from './page-access.ts';
import type { SocketSubscriptions, Subscriptions } from './subscriptions.ts';
import type { AnswerFrame } from './tx-batches.ts';

const socketTable = { ...nodeRpc, ...nodeSocketRpc } as const;
/** Requests of one connection that may be under way; only waiting for finality takes time. */
const runningPerSocket = 4_096; // a sender may write a second of work ahead; each waits for its place in the mempool
/** Binary batches of one connection that may be under way, each of up to `limits.bodyBytes`. */
const framesPerSocket = 16;

interface SocketContext extends CallerContext {
  readonly subscriptions: SocketSubscriptions;
  /** Runs after the answer was sent. */
  readonly afterAnswer: (run: () => void) => void;
}

/** Parts of the RPC surface. */
export interface RpcDeps {
  readonly http: Http;
  readonly log: Log;
  readonly methods: RpcHandlers<typeof nodeRpc, CallerContext>;
  readonly subscriptions: Subscriptions;
  /** Answers a binary batch of transactions. */
  readonly answerFrame: AnswerFrame;
  /** What admin methods ask for; without it they answer nobody. */
  readonly adminToken: string | undefined;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
  /** What GET / answers. */
  readonly about: () => Record<string, unknown>;
  readonly checkOutputs: boolean;
}

/** Mounts RPC on the server; await it before listening. */
export async function mountRpc(deps: RpcDeps): Promise<void> {
  const { http, log } = deps;
  const { app } = http;
  // A route for WebSockets owns GET; whoever asks without an upgrade is answered before it.
  app.addHook('onRequest', async (request, reply) => {
    const isPage = request.method === 'GET' && request.url === '/' && !request.headers.upgrade;
    if (isPage) return reply.send(deps.about());
  });
  await mountSocket(app, '/', { log, onOpen: (socket) => openSession(socket, deps) });
  await app.register(async (scope) => mountPost(scope, deps));
}

function mountPost(scope: FastifyInstance, deps: RpcDeps): void {
  const { log, methods: handlers, checkOutputs, signal } = deps;
  const dispatch = createDispatch({ table: nodeRpc, handlers, log, checkOutputs, authorize });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body);
  });
  scope.setErrorHandler((error: FastifyError, _request, reply) => {
    const known = transportError(error);
    const answer = { jsonrpc: '2.0', id: null, error: rpcErrorOf(known) };
    return reply.status(known.row.httpStatus).send(answer);
  });
  scope.post('/', async (request, reply) => {
    let known: AbortSignal | undefined;
    const context = {
      ...callerOf(deps, request),
      /** Made when a method asks: few wait for anything, and each signal hangs on that of the node for a while. */
      get signal(): AbortSignal {
        known ??= AbortSignal.any([goneOf(reply.raw), signal]);
        return known;
      },
    };
    const answer = await answerText(dispatch, String(request.body ?? ''), context);
    if (answer === undefined) return reply.status(204).send();
    return reply.type('application/json').send(JSON.stringify(answer));
  });
}

/** Aborts when the caller hangs up before its answer is out. */
function goneOf(answer: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const hangUp = (): void => {
    if (!answer.writableFinished) gone.abort(); // an abort makes an error with its stack
  };
  if (answer.destroyed) hangUp();
  else answer.once('close', hangUp);
  return gone.signal;
}

function callerOf(
  { adminToken }: RpcDeps,
  request: FastifyRequest,
): Pick<CallerContext, 'page' | 'assertAdmin'> {
  return { page: request.pageKind, assertAdmin: () => assertAdmin(request, adminToken) };
}

const authorize = (row: RpcMethod, { page }: CallerContext): void => assertPageMay(page, row);

async function answerText<C>(dispatch: Dispatch<C>, text: string, context: C): Promise<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return parseErrorAnswer((error as Error).message.slice(0, 200));
  }
  return dispatch(value, context);
}

function transportError(error: FastifyError): AppError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AppError('PAYLOAD_TOO_LARGE', { sizeBytes: 'more', limitBytes: 'lower' });
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new AppError('BAD_REQUEST', { reason: error.message }, { cause: error });
  }
  return asAppError(error);
}

function openSession(socket: JsonSocket, deps: RpcDeps): SocketSession {
  const subscriptions = deps.subscriptions.open(socket);
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, deps.signal]);
  const dispatch = createDispatch<typeof socketTable, SocketContext>({
    table: socketTable,
    handlers: { ...deps.methods, ...socketHandlers },
    log: deps.log,
    checkOutputs: deps.checkOutputs,
    authorize,
  });
  const caller = callerOf(deps, socket.request);
  const takeFrame = createFrameTaker(socket, deps);
  let running = 0;
  return {
    async onMessage(value) {
      if (running >= runningPerSocket) {
        socket.close(1013, 'too many requests under way');
        return;
      }
      running += 1;
      const later: (() => void)[] = [];
      const afterAnswer = (run: () => void): void => void later.push(run);
      try {
        const answer = await dispatch(value, { signal, subscriptions, afterAnswer, ...caller });
        if (answer !== undefined) socket.send(answer);
        for (const run of later) run();
      } finally {
        running -= 1;
      }
    },
    onBytes: takeFrame,
    onMalformed: (reason) => void socket.send(parseErrorAnswer(reason.slice(0, 200))),
    onClose() {
      gone.abort();
      subscriptions.close();
    },
  };
}

/** Answers binary frames, a bounded number at once. */
function createFrameTaker(
  socket: JsonSocket,
  { answerFrame }: RpcDeps,
): (bytes: Uint8Array) => Promise<void> {
  let running = 0;
  return async (bytes) => {
    assertPageMay(socket.request.pageKind, nodeRpc.tx_sendBatch);
    if (running >= framesPerSocket) {
      socket.close(1013, 'too many batches under way');
      return;
    }
    running += 1;
    try {
      socket.sendBytes(await answerFrame(bytes));
    } finally {
      running -= 1;
    }
  };
}

const socketHandlers: RpcHandlers<typeof nodeSocketRpc, SocketContext> = {
  subscribe(input, { subscriptions, afterAnswer }) {
    const { answer, begin } = subscriptions.subscribe(input);
    afterAnswer(begin);
    return answer;
  },
  unsubscribe(input, { subscriptions }): OutputOf<typeof nodeSocketRpc.unsubscribe> {
    subscriptions.unsubscribe(input);
    return {};
  },
};
