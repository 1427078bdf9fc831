import { connect } from 'node:net';
import { AppError, endpoint } from '@aitbc/protocol';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { createLog } from '../log.ts';
import { until } from '../testing.ts';
import { answered, mountEndpoints } from './endpoints.ts';
import { createHttp, type HttpOptions } from './http.ts';
import { mountDocs, openApiOf } from './openapi.ts';
import { type JsonSocket, mountSocket } from './socket.ts';

const log = createLog({ name: 'test', level: 'silent' });
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((http) => http.close()));
});

function server(options: Partial<HttpOptions> = {}) {
  const http = createHttp({ name: 'test', log, closeGraceMs: 200, ...options });
  open.push(http);
  return http;
}

const table = {
  getThing: endpoint({
    method: 'GET',
    path: '/v1/things/:thingId',
    summary: 'One thing.',
    access: 'open',
    input: z.strictObject({
      thingId: z.string(),
      limit: z.int().max(50).default(20),
      deep: z.boolean().default(false),
      tags: z.array(z.string()).default([]),
    }),
    output: z.object({ echo: z.unknown() }),
  }),
  postThing: endpoint({
    method: 'POST',
    path: '/v1/things/:thingId/run',
    summary: 'Runs it.',
    access: 'token',
    input: z.strictObject({ thingId: z.string(), amount: z.string().optional() }),
    output: z.object({ caller: z.string(), raw: z.string().nullable(), amount: z.string() }),
  }),
  streamThing: endpoint({
    method: 'GET',
    path: '/v1/stream',
    summary: 'Streams.',
    access: 'open',
    streams: true,
    input: z.strictObject({}),
    output: z.object({}),
  }),
};

function mounted(options: Partial<HttpOptions> = {}) {
  const http = server(options);
  mountEndpoints(http.app, table, {
    log,
    authorize(row, request) {
      if (row.access === 'open') return 'nobody';
      const name = /^Bearer (\w+)$/.exec(request.headers.authorization ?? '')?.[1];
      if (!name) throw new AppError('UNAUTHORIZED', { reason: 'no token' });
      return name;
    },
    handlers: {
      getThing: (input) => ({ echo: input }),
      async postThing(input, { caller, rawBody }) {
        if (input.amount === '0') throw new AppError('TX_AMOUNT_ZERO');
        if (input.amount === 'boom') throw new Error('secret detail');
        return { caller, raw: rawBody?.toString() ?? null, amount: input.amount ?? (7 as never) };
      },
      streamThing(_input, { reply }) {
        reply.hijack();
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
        reply.raw.end('data: 1\n\n');
        return answered;
      },
    },
  });
  return http;
}

async function post(app: ReturnType<typeof server>['app'], body: string, headers = {}) {
  const answer = await app.inject({
    method: 'POST',
    url: '/v1/things/a/run',
    headers: { 'content-type': 'application/json', authorization: 'Bearer ada', ...headers },
    payload: body,
  });
  return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
}

test('path and query become typed input with defaults', async () => {
  const { app } = mounted();
  const answer = await app.inject('/v1/things/42?limit=3&deep=true&tags=x');
  expect(answer.json()).toEqual({ echo: { thingId: '42', limit: 3, deep: true, tags: ['x'] } });
});

test('input that breaks the schema is BAD_REQUEST naming the field', async () => {
  const { app } = mounted();
  const answer = await app.inject('/v1/things/42?limit=99');
  expect(answer.statusCode).toBe(400);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.json()).toMatchObject({
    code: 'BAD_REQUEST',
    status: 400,
    type: 'urn:aitbc:error:BAD_REQUEST',
  });
  expect(answer.json().facts.reason).toContain('limit');
  expect((await app.inject('/v1/things/42?other=1')).statusCode).toBe(400);
});

test('a handler sees the caller and the exact bytes of the body', async () => {
  const { app } = mounted();
  const { body } = await post(app, '{ "amount" : "5" }');
  expect(body).toEqual({ caller: 'ada', raw: '{ "amount" : "5" }', amount: '5' });
});

test.each([
  ['{"amount":"0"}', 400, 'TX_AMOUNT_ZERO'],
  ['{"amount":', 400, 'BAD_REQUEST'],
  ['[1]', 400, 'BAD_REQUEST'],
  ['{"__proto__":{"x":1}}', 400, 'BAD_REQUEST'],
  ['{"amount":"boom"}', 500, 'INTERNAL'],
  ['{}', 500, 'INTERNAL'],
])('body %s answers %i %s', async (payload, status, code) => {
  const { app } = mounted();
  const answer = await post(app, payload);
  expect(answer).toMatchObject({ status, body: { code } });
  expect(JSON.stringify(answer.body)).not.toContain('secret detail');
});

test('a body above the limit, of another type, or without a token is refused', async () => {
  const { app } = mounted({ bodyLimitBytes: 100 });
  const large = await post(app, JSON.stringify({ amount: 'x'.repeat(200) }));
  expect(large).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE' } });
  expect(large.body.facts.limitBytes).toBe(100);
  expect(await post(app, 'a=1', { 'content-type': 'text/plain' })).toMatchObject({ status: 400 });
  const nobody = await post(app, '{"amount":"1"}', { authorization: '' });
  expect(nobody).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
});

test('with anyContentIsJson a body without a type is read as JSON', async () => {
  const { app } = mounted({ anyContentIsJson: true });
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await post(app, '{"amount":"5"}', type)).toMatchObject({ status: 200 });
});

test('a streaming row writes its answer itself', async () => {
  const url = await mounted().listen({ host: '127.0.0.1', port: 0 });
  expect(await (await fetch(`${url}/v1/stream`)).text()).toBe('data: 1\n\n');
});

test('an unknown path is NOT_FOUND, a broken URL BAD_REQUEST, both with a request id', async () => {
  const { app } = mounted();
  const missing = await app.inject({ url: '/nope', headers: { 'x-request-id': 'abc-1' } });
  expect(missing.json()).toMatchObject({ code: 'NOT_FOUND', requestId: 'abc-1' });
  expect(missing.headers['x-request-id']).toBe('abc-1');
  const broken = await app.inject('/v1/things/%E0%A4%A');
  expect(broken.json()).toMatchObject({ code: 'BAD_REQUEST' });
});

test('health follows the ready callback and metrics count requests and CPU', async () => {
  let ready = false;
  const { app } = mounted({ ready: () => ready });
  expect((await app.inject('/health/live')).statusCode).toBe(200);
  expect((await app.inject('/health/ready')).statusCode).toBe(503);
  ready = true;
  expect((await app.inject('/health/ready')).statusCode).toBe(200);
  const text = (await app.inject('/metrics')).body;
  expect(text).toMatch(/process_cpu_seconds_total\{daemon="test"\} \d*\.\d+/);
  expect(text).toMatch(
    /duration_seconds_count\{daemon="test",method="GET",route="\/health\/ready",status="200"/,
  );
});

test('a taken port is PORT_IN_USE naming the setting', async () => {
  const url = await server().listen({ host: '127.0.0.1', port: 0 });
  const port = Number(new URL(url).port);
  const second = server().listen({ host: '127.0.0.1', port, setting: '--rpc-port' });
  await expect(second).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    facts: { port, setting: '--rpc-port' },
  });
});

test('an address of another machine is CONFIG_INVALID', async () => {
  const elsewhere = server().listen({ host: '192.0.2.1', port: 0 });
  await expect(elsewhere).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    facts: { reason: expect.stringContaining('192.0.2.1') },
  });
});

test('close ends idle, half-open and hanging connections within the grace time', async () => {
  const http = server();
  let hanging = false;
  http.app.get('/hang', () => {
    hanging = true;
    return new Promise(() => {});
  });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  await (await fetch(`${url}/health/live`)).text();
  const lost = fetch(`${url}/hang`).catch((error: Error) => error);
  const halfOpen = connect(Number(new URL(url).port), '127.0.0.1');
  halfOpen.on('error', () => {});
  await until(() => hanging);
  const start = performance.now();
  await http.close();
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(await lost).toBeInstanceOf(Error);
});

test('a request has a bounded time to come in, head and body', () => {
  const { requestTimeout, headersTimeout } = server().app.server;
  for (const ms of [requestTimeout, headersTimeout]) {
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(120_000);
  }
});

test('sockets carry JSON both ways, refuse what is no JSON, and close with the server', async () => {
  const http = server();
  const closed: string[] = [];
  await mountSocket(http.app, '/ws', {
    log,
    onOpen: (socket) => ({
      onMessage: (value) => void socket.send({ echo: value }),
      onClose: () => closed.push('closed'),
    }),
  });
  const url = (await http.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
  const client = new WebSocket(`${url}/ws`);
  const frames: string[] = [];
  client.on('message', (data) => frames.push(String(data)));
  client.on('open', () => client.send('{"a":1}'));
  await until(() => frames.length > 0);
  expect(frames).toEqual(['{"echo":{"a":1}}']);
  let code = 0;
  client.on('close', (value) => {
    code = value;
  });
  client.send('no json');
  await until(() => code);
  expect(code).toBe(1007);
  await until(() => closed.length > 0);
  const second = new WebSocket(`${url}/ws`);
  second.on('error', () => {});
  await until(() => second.readyState === second.OPEN);
  const start = performance.now();
  await http.close();
  expect(performance.now() - start).toBeLessThan(1_500);
  await until(() => second.readyState === second.CLOSED);
});

test('sockets carry bytes where a session takes them, and read them as JSON elsewhere', async () => {
  const http = server();
  await mountSocket(http.app, '/bytes', {
    log,
    onOpen: (socket) => ({
      onMessage: (value) => void socket.send({ text: value }),
      onBytes: (bytes) => void socket.sendBytes(Uint8Array.from(bytes).reverse()),
    }),
  });
  await mountSocket(http.app, '/json', {
    log,
    onOpen: (socket) => ({ onMessage: (value) => void socket.send({ text: value }) }),
  });
  const url = (await http.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
  const said: string[] = [];
  const clients = ['/bytes', '/json'].map((path) => new WebSocket(`${url}${path}`));
  for (const client of clients) {
    client.on('message', (data, isBinary) => {
      said.push(isBinary ? (data as Buffer).toString('hex') : String(data));
    });
    await until(() => client.readyState === client.OPEN);
  }
  clients[0]?.send(Uint8Array.of(1, 2, 3));
  await until(() => said.length === 1);
  clients[0]?.send('7');
  await until(() => said.length === 2);
  clients[1]?.send(Buffer.from('7'));
  await until(() => said.length === 3);
  expect(said).toEqual(['030201', '{"text":7}', '{"text":7}']);
  await http.close();
});

test('a session that cannot open closes with the code of its error', async () => {
  const http = server();
  await mountSocket(http.app, '/ws', {
    log,
    onOpen: () => Promise.reject(new AppError('UNAUTHORIZED', { reason: 'no' })),
  });
  const url = (await http.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
  const client = new WebSocket(`${url}/ws`);
  const end = await new Promise((done) =>
    client.on('close', (code, why) => done([code, `${why}`])),
  );
  expect(end).toEqual([1008, 'UNAUTHORIZED']);
});

test('a reader that does not read is cut off at the backlog limit', async () => {
  const http = server();
  let socket: JsonSocket | undefined;
  await mountSocket(http.app, '/ws', {
    log,
    backlogBytes: 100_000,
    onOpen(opened) {
      socket = opened;
      return { onMessage() {} };
    },
  });
  const url = (await http.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
  const client = new WebSocket(`${url}/ws`);
  client.on('error', () => {});
  await until(() => socket);
  client.pause();
  const text = JSON.stringify('x'.repeat(100_000));
  await until(() => socket?.sendText(text) === false, { intervalMs: 0 });
  client.terminate();
});

test('a peer that answers no ping is dropped', async () => {
  const http = server();
  let closed = false;
  await mountSocket(http.app, '/ws', {
    log,
    pingIntervalMs: 20,
    onOpen: () => ({
      onMessage() {},
      onClose() {
        closed = true;
      },
    }),
  });
  const url = (await http.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
  const client = new WebSocket(`${url}/ws`, { autoPong: false });
  client.on('error', () => {});
  await until(() => closed);
});

test('the OpenAPI document and its pages come from the tables', async () => {
  const http = mounted();
  const document = openApiOf({ title: 'Things', version: '1', tables: { things: table } });
  await mountDocs(http.app, document);
  const answer = await http.app.inject('/openapi.json');
  const { paths } = answer.json();
  expect(paths['/v1/things/{thingId}'].get.parameters.map((p: { name: string }) => p.name)).toEqual(
    ['thingId', 'limit', 'deep', 'tags'],
  );
  const run = paths['/v1/things/{thingId}/run'].post;
  expect(run.security).toEqual([{ token: [] }]);
  const { schema } = run.requestBody.content['application/json'];
  expect(Object.keys(schema.properties)).toEqual(['amount']);
  expect((await http.app.inject('/docs')).statusCode).toBeLessThan(400);
});
