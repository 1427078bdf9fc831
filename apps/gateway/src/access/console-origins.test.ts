import { asAppError } from '@aitbc/protocol';
import { createHttp, createLog } from '@aitbc/service';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sharedWith } from './console-origins.ts';

const listed = 'https://console.example';
const http = createHttp({
  name: 'gateway',
  log: createLog({ name: 'gateway', level: 'silent' }),
  origins: { shared: sharedWith([listed]) },
});
let url = '';

beforeAll(async () => {
  http.direct({
    path: '/v1/chat/completions',
    handle: ({ response, headers }) => void response.writeHead(200, headers).end('{}'),
    fail: ({ response }, error) =>
      void response.writeHead(asAppError(error).code === 'FORBIDDEN' ? 403 : 500).end(),
  });
  http.app.get('/v1/aitbc/spend', () => ({}));
  http.app.get('/v1/aitbc/keys', () => ({}));
  http.app.post('/v1/aitbc/keys', () => ({}));
  url = await http.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => http.close());

const chat = '/v1/chat/completions';
const ask = (path: string, origin: string, init: RequestInit = {}) =>
  fetch(url + path, {
    ...init,
    headers: { origin, ...(init.method === 'POST' && { 'content-type': 'application/json' }) },
    ...(init.method === 'POST' && { body: '{}' }),
  });
const allowed = (answer: Response) => answer.headers.get('access-control-allow-origin');

it('lets a listed console ask, buy and read what an answer cost', async () => {
  const before = await ask(chat, listed, { method: 'OPTIONS' });
  expect(before.status).toBe(204);
  expect(before.headers.get('access-control-allow-headers')).toContain('authorization');
  const bought = await ask(chat, listed, { method: 'POST' });
  expect([bought.status, allowed(bought)]).toEqual([200, listed]);
  expect(bought.headers.get('access-control-expose-headers')).toContain('x-aitbc-job');
  expect(allowed(await ask('/v1/aitbc/spend', listed))).toBe(listed);
});

it('keeps everything from other origins, and keys from the console too', async () => {
  for (const origin of ['https://other.example', 'http://console.example', 'null']) {
    expect((await ask(chat, origin, { method: 'POST' })).status).toBe(403);
    expect(allowed(await ask('/v1/aitbc/spend', origin))).toBeNull();
  }
  expect(allowed(await ask('/v1/aitbc/keys', listed))).toBeNull();
  expect((await ask('/v1/aitbc/keys', listed, { method: 'POST' })).status).toBe(403);
});

it('refuses a star', () => {
  expect(() => sharedWith(['*'])).toThrowError(/one by one/);
});
