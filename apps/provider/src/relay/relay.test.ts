import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@aitbc/primitives';
import { limits, oneShotEndpoints, providerEndpoints } from '@aitbc/protocol';
import { createHttp, createLog, until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hideMetrics } from '../front/hide-metrics.ts';
import { defaultWords, type EngineScript, modelName } from '../testing/counting-engine.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';
import { endpointOf } from './relay-endpoint.ts';
import { createRelayMark } from './relay-mark.ts';
import { isForSale } from './relayed-paths.ts';
import {
  type RelayingCoordinator,
  startRelayingCoordinator,
} from './testing/relaying-coordinator.ts';

const messages = [{ role: 'user', content: 'hi' }];
const body = JSON.stringify({ model: modelName, messages, stream: true });
const path = '/v1/chat/completions';
const headers = { 'content-type': 'application/json' };

let coordinator: RelayingCoordinator;
let test: TestProvider;

beforeEach(async () => {
  coordinator = await startRelayingCoordinator();
});
afterEach(async () => {
  await test?.stop();
  await coordinator.stop();
});

async function start(script: EngineScript = {}): Promise<void> {
  const config = { coordinatorUrl: coordinator.url, relay: true };
  test = await startProvider({ script, config });
  await until(() => coordinator.frames.some(({ type }) => type === 'heartbeat'));
}

const paid = (key = 'a', isDeaf = false) =>
  coordinator.call({
    ...{ path, body, isDeaf },
    headers: { ...headers, 'payment-signature': test.buyer.header(body, { key, tokens: 64 }) },
  });

/** An engine that stops at this word until it is aborted. */
const stuckAt = (word: number): EngineScript => ({
  before: (index, signal) =>
    index < word
      ? Promise.resolve()
      : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
});

describe('a provider that takes relayed calls', () => {
  it('offers the address of the relay and says so in its hello', async () => {
    await start();
    const { endpoint, provider } = test.offer.payload;
    expect(endpoint).toBe(`${coordinator.url}/v1/relay/${provider}`);
    expect(coordinator.frames[0]).toMatchObject({ type: 'hello', endpoint, relay: true });
  });

  it('sells a stream as it does to who dials it: same payment, same words, same receipt', async () => {
    await start();
    const relayed = paid('a');
    expect(await relayed.head()).toMatchObject({
      status: 200,
      headers: { 'content-type': expect.stringContaining('text/event-stream') },
    });
    const text = await relayed.text();
    const direct = await fetch(test.url + path, {
      ...{ method: 'POST', body },
      headers: {
        ...headers,
        'payment-signature': test.buyer.header(body, { key: 'b', tokens: 64 }),
      },
    });
    const saidIn = (stream: string) =>
      [...stream.matchAll(/"content":"([^"]+)"/g)].map(([, part]) => part).join('');
    expect(saidIn(text)).toBe(defaultWords.join(''));
    expect(saidIn(await direct.text())).toBe(defaultWords.join(''));
    expect(text).toContain('"charged":"54"');
  });

  it('asks who has not paid for payment', async () => {
    await start();
    const unpaid = coordinator.call({ path, body, headers });
    const { status, headers: answered } = await unpaid.head();
    expect(status).toBe(402);
    expect(answered).toHaveProperty('payment-required');
    expect(test.counts.calls).toBe(0);
  });

  it('takes a body in parts and hands its length to nobody', async () => {
    await start();
    const long = JSON.stringify({ model: modelName, messages, user: 'x'.repeat(200_000) });
    const call = coordinator.call({
      path,
      body: long,
      headers: { ...headers, 'content-length': '2' },
    });
    expect((await call.head()).status).toBe(400);
    expect(await call.text()).toContain('user: Too big'); // so the whole body was read
  });

  it.each([
    ['POST', '/v1/drain'],
    ['DELETE', '/v1/drain'],
    ['POST', '/v1/bench'],
    ['GET', '/v1/earnings'],
    ['GET', '/v1/earnings?days=1'],
    ['POST', '/v1/payments/claim'],
    ['GET', '/metrics'],
    ['GET', '/health/ready'],
    ['GET', '/v1/%65arnings'],
    ['GET', '//v1/earnings'],
    ['GET', '/v1/models/../earnings'],
    ['GET', '/v1/payments/receipts/..%2f..%2fearnings'],
    ['GET', '/v1/models#/../earnings'],
    ['POST', '/v1/models'],
    ['CONNECT', '/v1/models'],
    ['GET', '/v1/payments/receipts/'],
  ])('shows no %s %s, not even with the token of its owner', async (method, path) => {
    await start();
    const token = readFileSync(join(test.dataDir, 'admin.token'), 'utf8').trim();
    const authorization = `Bearer ${token}`;
    const call = coordinator.call({ method, path, headers: { authorization } });
    expect((await call.head()).status).toBe(404);
    expect(await call.text()).toContain('NOT_FOUND');
  });

  it('ends the job when its buyer leaves', async () => {
    await start(stuckAt(3));
    const call = paid();
    await until(() => call.soFar().includes('w2'));
    const leftMs = Date.now();
    call.call.reset();
    await until(() => test.counts.aborted === 1);
    expect(test.counts.abortedAtMs - leftMs).toBeLessThan(250);
  });

  it('ends all jobs of a connection that dies, and serves again over the next', async () => {
    await start(stuckAt(3));
    const calls = [paid('a'), paid('b')];
    await until(() => calls.every((call) => call.soFar().includes('w2')));
    coordinator.cut();
    await until(() => test.counts.aborted === 2);
    await until(() => coordinator.frames.filter(({ type }) => type === 'hello').length === 2);
    await until(() => coordinator.frames.at(-1)?.type === 'heartbeat');
    const again = coordinator.call({ method: 'GET', path: '/v1/models' });
    expect((await again.head()).status).toBe(200);
  });

  it('is held back by a reader that takes nothing, and so is its engine', async () => {
    const words = Array.from({ length: 64 }, () => 'x'.repeat(300_000)); // more than sockets hold
    await start({ words });
    const call = paid('a', true);
    let pulled = -1;
    await until(
      () => {
        const isStill = pulled === test.counts.pulled && pulled > 0;
        pulled = test.counts.pulled;
        return isStill;
      },
      { intervalMs: 100 },
    );
    expect(pulled).toBeLessThan(words.length);
    expect(call.soFar().length).toBeGreaterThanOrEqual(limits.relayWindowBytes);
    expect(call.soFar().length).toBeLessThan(limits.relayWindowBytes + limits.relayChunkBytes);
    const other = coordinator.call({ method: 'GET', path: '/v1/models' });
    expect((await other.head()).status).toBe(200);
    call.call.reset();
    await until(() => test.counts.aborted === 1);
  });

  it('leaves a coordinator that breaks the rules, and comes back', async () => {
    await start();
    coordinator.sendBytes(utf8('nonsense'));
    await until(() => coordinator.frames.filter(({ type }) => type === 'hello').length === 2);
  });
});

describe('what may be called', () => {
  const rows = Object.values({ ...providerEndpoints, ...oneShotEndpoints });

  it.each(rows.map(({ method, path, access }) => [method, path, access] as const))(
    '%s %s is there for buyers when its access (%s) is',
    (method, path, access) => {
      const written = path.replace(/:\w+/, 'ab'.repeat(32));
      expect(isForSale(method, written)).toBe(access !== 'token');
    },
  );
});

describe('the mark of a relayed call', () => {
  const mark = createRelayMark();
  const request = (headers: Record<string, string>) => ({ ip: '127.0.0.1', headers });

  it('tells the address of who calls, and nobody else can make it', () => {
    expect(mark.callerOf(request(mark.headersFor('203.0.113.9')))).toBe('203.0.113.9');
    expect(mark.callerOf(request({}))).toBe('127.0.0.1');
    const forged = createRelayMark().headersFor('10.0.0.1');
    expect(mark.callerOf(request(forged))).toBe('127.0.0.1');
  });

  it('makes a relayed caller a stranger where neighbours see more', async () => {
    const log = createLog({ name: 'test', level: 'silent' });
    const { app } = createHttp({ name: 'test', log });
    hideMetrics(app, mark.callerOf);
    const get = (headers: Record<string, string>) => app.inject({ url: '/metrics', headers });
    expect((await get({})).statusCode).toBe(200);
    expect((await get(mark.headersFor('203.0.113.9'))).statusCode).toBe(404);
    await app.close();
  });
});

describe('the address in offers', () => {
  const where = { url: 'http://127.0.0.1:8008', address: 'ait1abc' };
  const settings = { relay: false, publicUrl: '', coordinatorUrl: 'https://market.example/' };

  it('is that of the relay, the public one, or the one listened on', () => {
    expect(endpointOf(settings, where)).toBe(where.url);
    expect(endpointOf({ ...settings, publicUrl: 'https://gpu.example' }, where)).toBe(
      'https://gpu.example',
    );
    expect(endpointOf({ ...settings, relay: true }, where)).toBe(
      'https://market.example/v1/relay/ait1abc',
    );
  });

  it.each([
    ['two ways in', { publicUrl: 'https://gpu.example' }],
    ['no coordinator', { coordinatorUrl: '' }],
    ['an address that no offer can hold', { coordinatorUrl: `https://${'a'.repeat(190)}.example` }],
  ])('is CONFIG_INVALID with relay and %s', (_, changes) => {
    expect(() => endpointOf({ ...settings, relay: true, ...changes }, where)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error,
    );
  });
});
