import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createLog } from '../log.ts';
import { createHttp } from './http.ts';
import type { OriginRules } from './origins.ts';
import { mountSocket } from './socket.ts';

const log = createLog({ name: 'test', level: 'silent' });
const open: { close(): Promise<void> }[] = [];
const evil = 'http://evil.example';
const friend = 'https://app.example';

afterEach(async () => {
  await Promise.all(open.splice(0).map((http) => http.close()));
});

/** A server whose POST and socket say whose page they serve; `/` is what may be shared. */
async function serve(origins?: OriginRules | false) {
  const http = createHttp({ name: 'test', log, ...(origins === undefined ? {} : { origins }) });
  open.push(http);
  const sessions: string[] = [];
  for (const path of ['/', '/other']) {
    http.app.post(path, ({ pageKind }) => ({ pageKind }));
    http.app.get(`${path}read`, ({ pageKind }) => ({ pageKind }));
    await mountSocket(http.app, path === '/' ? '/' : '/ws', {
      log,
      onOpen(socket) {
        sessions.push(socket.request.pageKind);
        return { onMessage: () => void socket.send(socket.request.pageKind) };
      },
    });
  }
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  return { url, sessions };
}

async function ask(url: string, headers: Record<string, string>, method = 'POST') {
  const type = { 'content-type': 'application/json' };
  const body = method === 'POST' ? { body: '{}' } : {};
  const answer = await fetch(url, { method, headers: { ...type, ...headers }, ...body });
  const text = await answer.text();
  return {
    status: answer.status,
    body: text === '' ? undefined : JSON.parse(text),
    cors: answer.headers.get('access-control-allow-origin'),
    headers: answer.headers,
  };
}

/** What a socket hears first, or the HTTP answer that it got instead. */
function knock(url: string, origin?: string): Promise<unknown> {
  const socket = new WebSocket(url.replace('http', 'ws'), origin === undefined ? {} : { origin });
  return new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('1'));
    socket.on('message', (data) => {
      resolve(JSON.parse(String(data)));
      socket.close();
    });
    socket.on('unexpected-response', (_request, answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += String(chunk);
      });
      answer.on('end', () => {
        const { code } = JSON.parse(text);
        resolve([answer.statusCode, code, answer.headers['content-type']]);
      });
    });
    socket.on('error', reject);
  });
}

const refusal = [403, 'FORBIDDEN', 'application/problem+json; charset=utf-8'];

test('a program sends no origin and calls as it likes', async () => {
  const { url } = await serve();
  expect(await ask(url, {})).toMatchObject({ status: 200, body: { pageKind: 'none' }, cors: null });
  expect(await knock(url)).toBe('none');
});

test.each([
  ['another site', evil],
  ['a page without an origin to name', 'null'],
  ['another port of this machine', 'http://127.0.0.1:1'],
  ['two origins at once', 'http://127.0.0.1, http://evil.example'],
  ['a longer name', 'http://127.0.0.1.evil.example'],
])('%s may not post, and its socket is not opened', async (_, origin) => {
  const { url, sessions } = await serve();
  const answer = await ask(url, { origin });
  expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' }, cors: null });
  expect(answer.headers.get('content-type')).toBe(refusal[2]);
  expect(await knock(`${url}/ws`, origin)).toEqual(refusal);
  expect(sessions).toEqual([]);
  expect((await ask(url, { origin }, 'OPTIONS')).status).toBe(403);
  expect((await ask(url, { origin }, 'DELETE')).status).toBe(403);
});

test('a connection whose upgrade was refused is ended at once', async () => {
  const { url } = await serve();
  const { port } = new URL(url);
  const headers = ['GET /ws HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Connection: Upgrade'];
  headers.push('Upgrade: websocket', `Origin: ${evil}`, '', '');
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  socket.write(headers.join('\r\n'));
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  expect(text).toContain('403 Forbidden');
  socket.destroy();
});

test('a foreign page cannot see what a plain read says', async () => {
  const { url } = await serve({ shared: { path: '/', origins: [friend] } });
  const expected = { status: 200, body: { pageKind: 'foreign' }, cors: null };
  expect(await ask(`${url}/read`, { origin: evil }, 'GET')).toMatchObject(expected);
  expect(await ask(`${url}/read`, { origin: friend }, 'GET')).toMatchObject(expected);
});

test('a page of the daemon calls it under the address it came from', async () => {
  const { url } = await serve();
  const local = url.replace('127.0.0.1', 'localhost');
  expect((await ask(url, { origin: url })).body).toEqual({ pageKind: 'own' });
  expect((await ask(`${url}/other`, { origin: url })).body).toEqual({ pageKind: 'own' });
  expect(await knock(`${url}/ws`, url)).toBe('own');
  expect((await ask(url, { origin: local })).status).toBe(403);
});

test.each([
  [[], 'daemon.example:81', 403],
  [['Daemon.example'], 'daemon.example:81', 200],
  [[], '[::1]:81', 200],
  [[], '10.1.2.3:81', 200],
  [[], 'localhost:81', 200],
])(
  'with the names %j a page of %s that was loaded from here gets %i',
  async (ownNames, host, status) => {
    const http = createHttp({ name: 'test', log, origins: { ownNames } });
    open.push(http);
    http.app.post('/', () => ({}));
    const post = (origin: string) =>
      http.app.inject({ method: 'POST', url: '/', headers: { host, origin } });
    expect((await post(`http://${host}`)).statusCode).toBe(status);
    expect((await post(`http://${host}0`)).statusCode).toBe(403);
  },
);

test('a listed origin may call the shared path only, without credentials', async () => {
  const { url } = await serve({ shared: { path: '/', origins: ['https://APP.example:443'] } });
  const answer = await ask(url, { origin: friend });
  expect(answer).toMatchObject({ status: 200, body: { pageKind: 'listed' }, cors: friend });
  expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  expect(answer.headers.get('vary')).toBe('origin');
  expect((await ask(url, {})).headers.get('vary')).toBe('origin');
  expect(await knock(`${url}/?x=1`, friend)).toBe('listed');
  expect(await knock(`${url}/ws`, friend)).toEqual(refusal);
  expect(await ask(`${url}/other`, { origin: friend })).toMatchObject({ status: 403, cors: null });
  expect(await ask(url, { origin: evil })).toMatchObject({ status: 403, cors: null });
});

test('a preflight is answered on the shared path for who is listed', async () => {
  const { url } = await serve({ shared: { path: '/', origins: [friend] } });
  const { status, cors, headers } = await ask(url, { origin: friend }, 'OPTIONS');
  expect([status, cors]).toEqual([204, friend]);
  expect(headers.get('access-control-allow-methods')).toBe('GET, POST');
  expect(headers.get('access-control-allow-headers')).toBe('content-type');
  expect((await ask(`${url}/other`, { origin: friend }, 'OPTIONS')).status).toBe(403);
  expect((await ask(url, { origin: evil }, 'OPTIONS')).status).toBe(403);
  expect((await ask(url, {}, 'OPTIONS')).status).toBe(404);
});

test('a star lets every page in as nobody in particular; names before it keep their rank', async () => {
  const { url } = await serve({ shared: { path: '/', origins: ['*', friend] } });
  expect(await ask(url, { origin: evil })).toMatchObject({ body: { pageKind: 'any' }, cors: '*' });
  expect((await ask(url, { origin: 'null' })).body).toEqual({ pageKind: 'any' });
  expect((await ask(url, { origin: friend })).body).toEqual({ pageKind: 'listed' });
  expect(await knock(`${url}/ws`, evil)).toEqual(refusal);
});

test('an error on the shared path can be read by who is listed', async () => {
  const { url } = await serve({ shared: { path: '/', origins: [friend] } });
  const headers = { origin: friend, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: 'no json' });
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([400, friend]);
});

test.each(['app.example', 'https://app.example/path', 'https://*.example', 'null', ''])(
  'the origin %j is refused as a setting',
  (origin) => {
    const origins = { shared: { path: '/', origins: [origin] } };
    expect(() => createHttp({ name: 'test', log, origins })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  },
);

test('a page of an extension can be listed', async () => {
  const origin = 'chrome-extension://abcdef';
  const { url } = await serve({ shared: { path: '/', origins: [origin] } });
  expect((await ask(url, { origin })).body).toEqual({ pageKind: 'listed' });
});

test('a daemon with a check of its own gets everything', async () => {
  const { url } = await serve(false);
  expect((await ask(url, { origin: evil })).body).toEqual({ pageKind: 'none' });
});
