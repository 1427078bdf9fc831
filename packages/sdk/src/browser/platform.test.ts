import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { HttpRequest } from '../http/transport.ts';
import {
  answerJson,
  startTestServer,
  type TestHandlers,
  type TestServer,
} from '../node/testing/http-server.ts';
import { createTransport, openSocket } from './platform.ts';

const transport = createTransport();
const servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(handlers: TestHandlers): Promise<string> {
  const server = await startTestServer(handlers);
  servers.push(server);
  return server.url;
}

function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url, headers: {}, timeoutMs: 5_000, ...more };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('the transport of a browser', () => {
  it('sends a body and reads the answer with its headers', async () => {
    let seen = '';
    const url = await serve({
      onRequest(request, body, response) {
        seen = `${request.method} ${request.headers['x-test']} ${body}`;
        answerJson(response, 201, { ok: true });
      },
    });
    const headers = { 'x-test': '1' };
    const answer = await transport.request(get(url, { method: 'POST', headers, body: 'hello' }));
    expect([answer.status, answer.header('content-type')]).toEqual([201, 'application/json']);
    expect(answer.header('x-none')).toBe(undefined);
    expect(await textOf(answer.body)).toBe('{"ok":true}');
    expect(seen).toBe('POST 1 hello');
  });

  it('says UNAVAILABLE where nobody listens and where an answer breaks off', async () => {
    await expect(transport.request(get('http://127.0.0.1:1'))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const url = await serve({
      onRequest(_request, _body, response) {
        response.write('half', () => response.destroy());
      },
    });
    const { body } = await transport.request(get(url));
    await expect(textOf(body)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('says TIMEOUT when no answer begins, with the server it asked', async () => {
    const url = await serve({});
    await expect(transport.request(get(url, { timeoutMs: 30 }))).rejects.toMatchObject({
      code: 'TIMEOUT',
      facts: { what: url, timeoutMs: 30 },
    });
  });

  it('says TIMEOUT when an answer falls silent in its middle', async () => {
    const url = await serve({ onRequest: (_request, _body, response) => response.write('half') });
    const { body } = await transport.request(get(url, { timeoutMs: 50 }));
    await expect(textOf(body)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('says CANCELLED when the caller gives up, before, during and after the head', async () => {
    const gone = get('http://127.0.0.1:1', { signal: AbortSignal.abort() });
    await expect(transport.request(gone)).rejects.toMatchObject({ code: 'CANCELLED' });
    const waiting = new AbortController();
    const silent = await serve({ onRequest: () => waiting.abort() });
    const during = transport.request(get(silent, { signal: waiting.signal }));
    await expect(during).rejects.toMatchObject({ code: 'CANCELLED' });
    const reading = new AbortController();
    const url = await serve({ onRequest: (_request, _body, response) => response.write('half') });
    const { body } = await transport.request(get(url, { signal: reading.signal }));
    const read = (async () => {
      for await (const _ of body) reading.abort();
    })();
    await expect(read).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('ends the exchange when its reader leaves', async () => {
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const url = await serve({
      onRequest(_request, _body, response) {
        response.on('close', end);
        response.write('first');
      },
    });
    const { body } = await transport.request(get(url));
    for await (const _ of body) break;
    await ended;
  });
});

describe('the socket of a browser', () => {
  // Node 20 has no WebSocket of its own; this one has the browser's interface.
  beforeAll(() => void vi.stubGlobal('WebSocket', WebSocket));
  afterAll(() => void vi.unstubAllGlobals());

  it('sends, hears and tells its end', async () => {
    const url = await serve({
      onSocket(socket) {
        socket.on('message', (data) => {
          socket.send(`echo ${String(data)}`);
          socket.close();
        });
      },
    });
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      const socket = openSocket(url.replace('http', 'ws'), {
        onOpen: () => socket.send('hello'),
        onMessage: (text) => heard.push(text),
        onClose: () => resolve(),
      });
    });
    expect(heard).toEqual(['echo hello']);
  });
});
