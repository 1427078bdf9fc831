import { AppError, endpoint, errorBodyOf, limits, zHash } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  answerJson,
  startTestServer,
  type TestHandlers,
  type TestServer,
} from '../node/testing/http-server.ts';
import { createClient } from './client.ts';

const table = {
  getThing: endpoint({
    method: 'GET',
    path: '/v1/things/:thingId',
    summary: '',
    access: 'open',
    input: z.strictObject({
      thingId: z.string(),
      deep: z.boolean().optional(),
      tags: z.array(z.string()).optional(),
    }),
    output: z.object({ size: z.int() }),
  }),
  makeThing: endpoint({
    method: 'POST',
    path: '/v1/things/:thingId/parts',
    summary: '',
    access: 'token',
    input: z.strictObject({ thingId: z.string(), name: z.string() }),
    output: z.object({ hash: zHash }),
  }),
};

describe('createClient', () => {
  const servers: TestServer[] = [];
  const serve = async (handlers: TestHandlers) => {
    const server = await startTestServer(handlers);
    servers.push(server);
    return server.url;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  it('puts path parts into the path and the rest of a GET into the query', async () => {
    let seen = '';
    const baseUrl = await serve({
      onRequest(request, _body, response) {
        seen = `${request.method} ${request.url}`;
        answerJson(response, 200, { size: 3, more: 'ignored' });
      },
    });
    const client = createClient(table, { baseUrl: `${baseUrl}/` });
    const answer = await client.getThing({ thingId: 'a/b c', deep: true, tags: ['x', 'y'] });
    expect(answer).toEqual({ size: 3 });
    expect(seen).toBe('GET /v1/things/a%2Fb%20c?deep=true&tags=x&tags=y');
  });

  it('sends the rest of a POST as JSON with the token', async () => {
    let seen: unknown;
    const baseUrl = await serve({
      onRequest(request, body, response) {
        const { authorization } = request.headers;
        seen = { url: request.url, authorization, body: JSON.parse(body) };
        answerJson(response, 200, { hash: '00'.repeat(32) });
      },
    });
    const client = createClient(table, { baseUrl, token: 'secret' });
    await client.makeThing({ thingId: 't1', name: 'n' });
    expect(seen).toEqual({
      url: '/v1/things/t1/parts',
      authorization: 'Bearer secret',
      body: { name: 'n' },
    });
  });

  it('rebuilds the error a daemon answered with', async () => {
    const refusal = new AppError('TX_FUNDS_INSUFFICIENT', {
      account: 'a',
      available: 1n,
      needed: 2n,
    });
    const baseUrl = await serve({
      onRequest: (_request, _body, response) =>
        answerJson(response, 402, { status: 402, ...errorBodyOf(refusal) }),
    });
    const call = createClient(table, { baseUrl }).getThing({ thingId: 't' });
    await expect(call).rejects.toMatchObject({
      code: 'TX_FUNDS_INSUFFICIENT',
      facts: { available: '1' },
    });
  });

  it('says that an answer does not fit its schema', async () => {
    const baseUrl = await serve({
      onRequest: (_request, _body, response) => answerJson(response, 200, { size: 'big' }),
    });
    const call = createClient(table, { baseUrl }).getThing({ thingId: 't' });
    await expect(call).rejects.toMatchObject({ code: 'ANSWER_INVALID' });
  });

  it('says UNAVAILABLE for a foreign error page and for a port where nobody listens', async () => {
    const baseUrl = await serve({
      onRequest: (_request, _body, response) => void response.writeHead(502).end('<html>'),
    });
    const client = createClient(table, { baseUrl });
    await expect(client.getThing({ thingId: 't' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const gone = createClient(table, { baseUrl: 'http://127.0.0.1:1' });
    await expect(gone.getThing({ thingId: 't' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      facts: { what: 'http://127.0.0.1:1' },
    });
  });

  it('ends a call that takes too long with TIMEOUT, also in the middle of the answer', async () => {
    const baseUrl = await serve({
      onRequest(request, _body, response) {
        if (request.url === '/v1/things/half') response.writeHead(200).write('{"size"');
      },
    });
    const client = createClient(table, { baseUrl, timeoutMs: 60 });
    for (const thingId of ['silent', 'half']) {
      await expect(client.getThing({ thingId })).rejects.toMatchObject({ code: 'TIMEOUT' });
    }
  });

  it('ends a call with CANCELLED when its signal aborts, before, during and after the head', async () => {
    const controller = new AbortController();
    const baseUrl = await serve({
      onRequest(request, _body, response) {
        if (request.url === '/v1/things/half') response.writeHead(200).write('{"size"');
        setImmediate(() => controller.abort());
      },
    });
    const client = createClient(table, { baseUrl });
    for (const thingId of ['half', 'already']) {
      const call = client.getThing({ thingId }, { signal: controller.signal });
      await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    }
  });

  it('refuses a missing path part and an answer without end', async () => {
    const baseUrl = await serve({
      onRequest(_request, _body, response) {
        const more = () => {
          if (!response.destroyed && response.write('x'.repeat(limits.bodyBytes)))
            setImmediate(more);
        };
        response.on('drain', more);
        more();
      },
    });
    const client = createClient(table, { baseUrl });
    await expect(client.getThing({ thingId: '' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(client.getThing({ thingId: 'flood' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});
