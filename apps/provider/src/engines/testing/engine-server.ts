/**
 * A test engine: an HTTP server that speaks Ollama's native API and OpenAI's, with a real engine behind it.
 *
 * It is not a mock of answers: every token comes from a model. It stands in for an Ollama where none can
 * be had, so that adapters, and whole networks, are tested over real sockets. Faults are set from outside
 * and hold until they are set again. Like Ollama it lets requests wait for a free slot.
 *
 * Limits: no images, tools or formats; log-probability values are zero, only their number is right.
 * Not part of a running provider: only tests and the script beside it may import this.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Engine } from '../engine.ts';
import { embedFronts } from './embed-fronts.ts';
import type { EngineFault } from './faults.ts';
import { answer, answerError, createGenerations } from './generation.ts';
import { listingOf, type ServerStyle } from './listings.ts';
import {
  type FrontRequest,
  ollamaChatFront,
  ollamaGenerateFront,
  openaiFront,
  type WireFront,
} from './wire-fronts.ts';

const BODY_BYTES_MAX = 1_048_576;
const PROBE_TIMEOUT_MS = 5_000;
const VERSION_DEFAULT = '0.32.15';

export interface EngineServerOptions {
  /** Started and stopped by its owner, not by this server. */
  readonly engine: Engine;
  readonly host?: string;
  readonly port?: number;
  /** What `/api/version` answers. */
  readonly version?: string;
  /** A trailing assistant message is continued; default true. */
  readonly continuesAssistant?: boolean;
  /** Default plain. A vLLM continues only when the body asks for it. */
  readonly server?: ServerStyle;
}

/** Requests and tokens since the start. */
export interface EngineServerCounts {
  readonly calls: Readonly<Record<string, number>>;
  readonly generations: number;
  readonly tokensSent: number;
  /** The body of the last generation, as received. */
  readonly lastBody: unknown;
}

/** The test engine; see `createEngineServer`. */
export interface EngineServer {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Its address, once started. */
  url(): string;
  counts(): EngineServerCounts;
  setFault(fault: EngineFault | undefined): void;
}

const fronts: Readonly<Record<string, WireFront>> = {
  '/api/chat': ollamaChatFront,
  '/api/generate': ollamaGenerateFront,
  '/v1/chat/completions': openaiFront,
};

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    sizeBytes += part.length;
    if (sizeBytes > BODY_BYTES_MAX) throw new RangeError('body too large');
    parts.push(part);
  }
  return sizeBytes === 0 ? undefined : JSON.parse(Buffer.concat(parts).toString('utf8'));
}

function asksToContinue(body: unknown): boolean {
  return (body as { continue_final_message?: unknown } | null)?.continue_final_message === true;
}

/** The handler of all paths, and its counts. */
function createHandler(options: EngineServerOptions, fault: () => EngineFault | undefined) {
  const {
    engine,
    version = VERSION_DEFAULT,
    continuesAssistant = true,
    server = 'plain',
  } = options;
  const calls: Record<string, number> = {};
  const totals = { generations: 0, tokensSent: 0, lastBody: undefined as unknown };
  const serve = createGenerations({
    engine,
    fault,
    onTokensSent: (tokens) => {
      totals.tokensSent += tokens;
    },
  });

  async function answerGeneration(path: string, body: unknown, response: ServerResponse) {
    const front = fronts[path]!;
    const abort = new AbortController();
    response.once('close', () => abort.abort());
    totals.generations += 1;
    totals.lastBody = body;
    let asked: FrontRequest;
    try {
      const mayContinue = server === 'plain' || asksToContinue(body);
      asked = front.parse(body, continuesAssistant && mayContinue);
    } catch {
      return answerError(response, path, [400, 'invalid request']);
    }
    await serve({ path, front, response, asked, signal: abort.signal });
  }

  async function answerEmbedding(path: string, body: unknown, response: ServerResponse) {
    const front = embedFronts[path]!;
    const abort = new AbortController();
    response.once('close', () => abort.abort());
    totals.lastBody = body;
    if (fault()?.kind === 'busy') return answerError(response, path, [503, 'server busy']);
    try {
      const asked = front.parse(body);
      answer(response, 200, front.answer(asked, await engine.embed(asked, abort)));
    } catch (error) {
      const isBad = engine.classify(error) === 'bad';
      answerError(response, path, [isBad ? 400 : 500, String(error)]);
    }
  }

  async function answerListing(path: string, body: unknown, response: ServerResponse) {
    const { models } = await engine.probe(AbortSignal.timeout(PROBE_TIMEOUT_MS));
    const model = (body as { model?: unknown } | undefined)?.model;
    const listing = listingOf(path, models, { version, model, server });
    if (listing === undefined) answerError(response, path, [404, 'not found']);
    else answer(response, 200, listing);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://engine').pathname;
    calls[path] = (calls[path] ?? 0) + 1;
    const body = await readBody(request);
    if (Object.hasOwn(embedFronts, path)) await answerEmbedding(path, body, response);
    else if (Object.hasOwn(fronts, path)) await answerGeneration(path, body, response);
    else await answerListing(path, body, response);
  }

  return { handle, counts: (): EngineServerCounts => ({ calls: { ...calls }, ...totals }) };
}

/** Makes the server; `start` opens the port (0 takes a free one, see `url`). */
export function createEngineServer(options: EngineServerOptions): EngineServer {
  const { host = '127.0.0.1', port = 0 } = options;
  let fault: EngineFault | undefined;
  let server: Server | undefined;
  const { handle, counts } = createHandler(options, () => fault);

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    handle(request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else answerError(response, '/', [400, 'bad request']);
    });
  }

  return {
    url() {
      const address = server?.address() as AddressInfo | null | undefined;
      assert(address, 'the test engine is not started');
      return `http://${host}:${address.port}`;
    },
    counts,
    setFault(next) {
      fault = next;
    },
    async start() {
      server = createServer(onRequest);
      server.listen(port, host);
      await once(server, 'listening');
    },
    async stop() {
      const last = server;
      server = undefined;
      if (!last) return;
      last.close();
      last.closeAllConnections();
      if (last.listening) await once(last, 'close');
    },
  };
}
