/** A real HTTP and WebSocket server on a free port, for tests of the clients. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** A running test server. */
export interface TestServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Handlers of a test server. */
export interface TestHandlers {
  onRequest?(request: IncomingMessage, body: string, response: ServerResponse): void;
  onSocket?(socket: WebSocket): void;
}

/** Starts a server on loopback; `port` 0 picks a free one. */
export async function startTestServer(handlers: TestHandlers, port = 0): Promise<TestServer> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () =>
      handlers.onRequest?.(request, Buffer.concat(parts).toString(), response),
    );
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => handlers.onSocket?.(socket));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: bound } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${bound}`, close: () => closeAll(server, sockets) };
}

function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Answers with JSON. */
export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** Waits until the condition holds; throws after `timeoutMs`. */
export async function until(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
  const endsAtMs = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > endsAtMs) throw new Error('the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
