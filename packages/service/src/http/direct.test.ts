import { connect } from 'node:net';
import { AppError, endpoint } from '@aitbc/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createLog } from '../log.ts';
import { until } from '../testing.ts';
import { sendJson } from './direct.ts';
import { mountDirectEndpoint } from './endpoints.ts';
import { createHttp, type Http } from './http.ts';

const log = createLog({ name: 'test', level: 'silent' });
const limitBytes = 1_000;
let http: Http;
let url: string;
/** Hooks that the framework ran: calls that did not go straight. */
let hooked = 0;

beforeEach(async () => {
  hooked = 0;
  http = createHttp({ name: 'test', log, bodyLimitBytes: limitBytes, closeGraceMs: 200 });
  http.app.addHook('onRequest', async () => {
    hooked += 1;
  });
  http.direct({
    path: '/echo',
    async handle(call) {
      const { body, rawBody, requestId } = call;
      const { fault } = body as { fault?: string };
      if (fault) throw new AppError('BAD_REQUEST', { reason: fault });
      sendJson(call, { status: 200, text: JSON.stringify({ body, raw: `${rawBody}`, requestId }) });
    },
    fail(exchange, error) {
      const { code = '', statusCode = 400, message } = error as Record<string, string & number>;
      sendJson(exchange, { status: statusCode, text: JSON.stringify({ code, message }) });
    },
  });
  mountDirectEndpoint(http, add, {
    handler: ({ one, other }) => ({ sum: one + other }),
    log,
  });
  url = await http.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => http.close());

const add = endpoint({
  method: 'POST',
  path: '/add',
  summary: 'Adds.',
  access: 'open',
  input: z.strictObject({ one: z.int(), other: z.int() }),
  output: z.object({ sum: z.int() }),
});

async function post(path: string, body: BodyInit, headers: Record<string, string> = {}) {
  const answer = await fetch(url + path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'x-request-id': 'mine', ...headers },
    ...(body instanceof ReadableStream ? ({ duplex: 'half' } as object) : {}),
  });
  const json = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, headers: answer.headers, json };
}

const inChunks = (text: string) => new Blob([text]).stream();

describe('a direct path', () => {
  const text = '{ "a" : "ü" }';
  const roads: [string, () => ReturnType<typeof post>, number][] = [
    ['straight for a plain call', () => post('/echo', text), 0],
    ['the framework for a body in chunks', () => post('/echo', inChunks(text)), 1],
    ['the framework for a query', () => post('/echo?x=1', text), 1],
    ['the framework for its own page', () => post('/echo', text, { origin: url }), 1],
  ];
  it.each(roads)('has one answer on both roads: %s', async (_road, call, hooks) => {
    const { status, headers, json } = await call();
    expect(json).toEqual({ body: { a: 'ü' }, raw: text, requestId: 'mine' });
    expect([status, headers.get('x-request-id'), hooked]).toEqual([200, 'mine', hooks]);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it.each([
    ['what the handler throws', '{"fault":"no"}', 'BAD_REQUEST'],
    ['a body that is no JSON', '{', 'FST_ERR_CTP_INVALID_JSON_BODY'],
    ['a key that would change prototypes', '{"__proto__":{}}', 'FST_ERR_CTP_INVALID_JSON_BODY'],
    ['a body above the limit', `"${'x'.repeat(limitBytes)}"`, 'FST_ERR_CTP_BODY_TOO_LARGE'],
  ])('tells %s to the same function on both roads', async (_what, text, code) => {
    const straight = await post('/echo', text);
    const framed = await post('/echo?x=1', text);
    expect([straight.json.code, framed.json.code]).toEqual([code, code]);
    expect(framed.status).toBe(straight.status);
  });

  it('refuses a foreign web page before its body is looked at', async () => {
    const headers = { origin: 'http://evil.example', 'content-type': 'text/plain' };
    const { json } = await post('/echo', '{', headers);
    expect(json.code).toBe('FORBIDDEN');
  });

  it('is only for POST', async () => {
    expect((await fetch(`${url}/echo`)).status).toBe(404);
  });

  it('counts among the metrics on both roads', async () => {
    await post('/echo', text);
    await post('/echo?x=1', text);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const labels = 'daemon="test",method="POST",route="/echo",status="200"';
    expect(metrics).toContain(`http_request_duration_seconds_count{${labels}} 2`);
  });

  it('survives a caller that leaves in the middle of its body', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n');
    socket.write('content-length: 50\r\n\r\n{"half":');
    await until(() => socket.bytesWritten > 90);
    socket.resetAndDestroy();
    expect((await post('/echo', '{}')).status).toBe(200);
  });
});

describe('a direct endpoint', () => {
  it('answers by its row', async () => {
    expect(await post('/add', '{"one":1,"other":2}')).toMatchObject({
      status: 200,
      json: { sum: 3 },
    });
  });

  it.each([
    ['{"one":1}', 'other'],
    ['[]', 'JSON object'],
    ['{', 'JSON'],
  ])('refuses %s as a problem that names what is wrong', async (text, reason) => {
    const { status, headers, json } = await post('/add', text);
    expect([status, json.code, json.requestId]).toEqual([400, 'BAD_REQUEST', 'mine']);
    expect(JSON.stringify(json.facts)).toContain(reason);
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  });
});
