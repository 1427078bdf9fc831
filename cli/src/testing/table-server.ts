/** Real HTTP servers on loopback from endpoint tables, with handlers given as arguments. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AppError,
  asAppError,
  type EndpointTable,
  errorBodyOf,
  errorTable,
  type nodeRpc,
  type OutputOf,
  type ParsedInputOf,
  type RpcTable,
} from '@aitbc/protocol';

/** A server under test. */
export interface TestServer {
  readonly url: string;
  /** What was asked: method and path, or the name of the RPC method, with the authorization header. */
  readonly calls: { what: string; authorization: string | undefined; input: unknown }[];
  close(): Promise<void>;
}

/** Handlers of the rows a test needs; the others answer NOT_FOUND. */
export type TableHandlers<T extends EndpointTable> = {
  readonly [K in keyof T]?: (
    input: ParsedInputOf<T[K]>,
    exchange: { request: IncomingMessage; response: ServerResponse },
  ) => OutputOf<T[K]> | Promise<OutputOf<T[K]>>;
};

type AnyHandler = (input: unknown, exchange: unknown) => unknown;

/** Serves the rows of a table. A handler that ends the response itself answers undefined. */
export async function serveTable<T extends EndpointTable>(
  table: T,
  handlers: TableHandlers<T>,
): Promise<TestServer> {
  const calls: TestServer['calls'] = [];
  return listen(calls, async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://test');
    const found = rowFor(table, request.method ?? '', url.pathname);
    const handler = found && (handlers[found.name] as AnyHandler | undefined);
    if (!found || !handler) throw new AppError('NOT_FOUND', { what: `path ${url.pathname}` });
    const body = request.method === 'POST' ? JSON.parse((await bodyOf(request)) || '{}') : {};
    const texts = Object.fromEntries(url.searchParams);
    const numbers = Object.fromEntries(
      Object.entries(texts).map(([name, value]) => [name, /^\d+$/.test(value) ? +value : value]),
    );
    const schema = table[found.name]?.input;
    const asText = schema?.safeParse({ ...texts, ...body, ...found.params });
    const input = asText?.data ?? schema?.parse({ ...numbers, ...body, ...found.params });
    calls.push({ what: found.name, authorization: request.headers.authorization, input });
    const answer = await handler(input, { request, response });
    if (!response.writableEnded && !response.headersSent) sendJson(response, 200, answer);
  });
}

function rowFor(table: EndpointTable, method: string, pathname: string) {
  for (const [name, row] of Object.entries(table)) {
    const names = [...row.path.matchAll(/:(\w+)/g)].map((match) => match[1] as string);
    const pattern = new RegExp(`^${row.path.replace(/:\w+/g, '([^/]+)')}$`);
    const match = row.method === method ? pattern.exec(pathname) : null;
    if (!match) continue;
    const params = Object.fromEntries(names.map((key, at) => [key, match[at + 1]]));
    return { name, params };
  }
  return undefined;
}

/** Handlers of the node's methods a test needs. */
export type NodeHandlers = {
  readonly [K in keyof typeof nodeRpc]?: (
    input: ParsedInputOf<(typeof nodeRpc)[K]>,
  ) => OutputOf<(typeof nodeRpc)[K]> | Promise<OutputOf<(typeof nodeRpc)[K]>>;
};

/** Serves JSON-RPC methods of a node. */
export async function serveNode(table: RpcTable, handlers: NodeHandlers): Promise<TestServer> {
  const calls: TestServer['calls'] = [];
  return listen(calls, async (request, response) => {
    const { id, method, params } = JSON.parse(await bodyOf(request)) as {
      id: number;
      method: keyof NodeHandlers;
      params: unknown;
    };
    const { authorization } = request.headers;
    calls.push({ what: method, authorization, input: params });
    try {
      const handler = handlers[method] as ((input: unknown) => unknown) | undefined;
      if (!handler) throw new AppError('NOT_FOUND', { what: `method ${method}` });
      const result = await handler(table[method]?.input.parse(params));
      sendJson(response, 200, { jsonrpc: '2.0', id, result });
    } catch (error) {
      const data = errorBodyOf(error);
      const { rpcNumber } = errorTable[data.code];
      const { message } = data;
      sendJson(response, 200, { jsonrpc: '2.0', id, error: { code: rpcNumber, message, data } });
    }
  });
}

async function listen(
  calls: TestServer['calls'],
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<TestServer> {
  const server: Server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const { row } = asAppError(error);
      sendJson(response, row.httpStatus, errorBodyOf(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
