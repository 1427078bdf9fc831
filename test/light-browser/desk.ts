/**
 * One origin for the page and its nodes, as a site of one's own would have it: the page and its bundle, the answers of a
 * node under `/rpc`, and the same answers with one forgery in them under `/forged/NAME`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Genesis } from '@aitbc/protocol';
import { lightBundleToJson } from '@aitbc/protocol';
import { bundleFrom, type Forger } from './forger.ts';
import type { Forgery } from './forgeries.ts';
import type { PageFile } from './page-files.ts';

const bodyBytesMax = 1_000_000;
/** No foreign code, no eval; WebAssembly for the signatures, and calls only to where the page came from and to nodes. */
const policyOf = (nodeUrls: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    ["connect-src 'self'", ...nodeUrls, ...nodeUrls.map(socketUrlOf)].join(' '),
    'img-src data:',
  ].join('; ');

/** Address of a node's WebSocket. */
export const socketUrlOf = (url: string): string => url.replace(/^http/, 'ws');

/** What a desk serves. */
export interface DeskOptions {
  readonly nodeUrl: string;
  /** Nodes that the page may ask past the desk; read when a page is opened. */
  readonly directUrls: () => readonly string[];
  readonly genesis: Genesis;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly forger: Forger;
  /** By the last part of their path. */
  readonly forgeries: ReadonlyMap<string, Forgery>;
}

/** A running desk. */
export interface Desk {
  readonly url: string;
  /** How often each forgery changed an answer. */
  readonly applied: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** Starts a desk on loopback. */
export async function startDesk(options: DeskOptions): Promise<Desk> {
  const applied = new Map<string, number>();
  const server = createServer((request, response) => {
    serve({ options, applied }, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, applied, stop: () => close(server) };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

interface Serving {
  readonly options: DeskOptions;
  readonly applied: Map<string, number>;
}

async function serve(
  serving: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { files, genesis, directUrls } = serving.options;
  const { pathname: path } = new URL(request.url ?? '/', 'http://desk');
  const file = files.get(path);
  const json = { 'content-type': 'application/json' };
  if (request.method === 'GET' && file) {
    const { type, body } = file;
    const policy = policyOf(directUrls());
    response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(body);
  } else if (request.method === 'GET' && path === '/genesis.json') {
    response.writeHead(200, json).end(JSON.stringify(genesis));
  } else if (request.method === 'POST' && /^\/(rpc|forged\/[^/]+)$/.test(path)) {
    const answer = await answerOf(serving, path, await bodyOf(request));
    response.writeHead(200, json).end(JSON.stringify(answer));
  } else {
    response.writeHead(404).end();
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > bodyBytesMax) throw new RangeError('the body is too large');
  }
  return text;
}

interface RpcAnswer {
  readonly id: unknown;
  readonly result?: unknown;
}

async function answerOf(serving: Serving, path: string, body: string): Promise<unknown> {
  const { nodeUrl, forgeries } = serving.options;
  const response = await fetch(nodeUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const answer = (await response.json()) as RpcAnswer;
  const name = path.split('/')[2];
  const forgery = name === undefined ? undefined : forgeries.get(decodeURIComponent(name));
  if (!forgery || answer.result === undefined) return answer;
  const { method } = JSON.parse(body) as { readonly method: string };
  const forged = await forge(forgery, { method, answer, forger: serving.options.forger });
  if (forged !== answer) {
    serving.applied.set(forgery.name, (serving.applied.get(forgery.name) ?? 0) + 1);
  }
  return forged;
}

async function forge(
  { state, tx, bundle, refusal }: Forgery,
  at: { readonly method: string; readonly answer: RpcAnswer; readonly forger: Forger },
): Promise<unknown> {
  const { method, answer, forger } = at;
  const { id, result } = answer;
  const envelope = { jsonrpc: '2.0', id };
  if (refusal !== undefined) {
    const data = { code: refusal, facts: { what: 'it', reason: 'so it says' } };
    return { ...envelope, error: { code: -32_000, message: refusal, data } };
  }
  if (method === 'state_getProof' && state) {
    return { ...envelope, result: await state(result as never, forger) };
  }
  if (method === 'chain_getLightBundle' && bundle) {
    const forged = await bundle(bundleFrom(result), forger);
    return { ...envelope, result: lightBundleToJson(forged) };
  }
  if (method !== 'chain_getTxProof' || !tx) return answer;
  return { ...envelope, result: await tx(result as never, forger) };
}
