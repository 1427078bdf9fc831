import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createManualClock, utf8 } from '@aitbc/primitives';
import { createRelayLine, encodeRelayFrame, limits, type RelayLine } from '@aitbc/protocol';
import { createHttp, createLog, type Http, until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, identityOf, startBench, startMs } from '../testing/harness.ts';
import { mountRelay } from './mount-relay.ts';
import { createRelayDesk } from './relay-desk.ts';
import { connectRelaying, type RelayingProvider } from './testing/relaying-provider.ts';

const seller = identityOf('seller');
const relayedSoonMs = 250;

/** A call under way; its answer is read only where the test says so. */
interface Asked {
  readonly outgoing: ClientRequest;
  readonly answer: Promise<IncomingMessage>;
  text(): Promise<string>;
}

function ask(url: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const outgoing = request(url, { method: 'POST', agent: false, ...options });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
  });
  answer.catch(() => {}); // also seen by the tests that expect it
  const asked: Asked = {
    outgoing,
    answer,
    async text() {
      let text = '';
      for await (const chunk of await answer) text += chunk;
      return text;
    },
  };
  return asked;
}

const problemIn = async (asked: Asked) => {
  const { statusCode, headers } = await asked.answer;
  const { code } = JSON.parse(await asked.text()) as { code: string };
  return { status: statusCode, code, retryAfter: headers['retry-after'] };
};

describe('a relayed call', () => {
  let bench: Bench;
  let provider: RelayingProvider;
  const urlOf = (path: string) => `${bench.url}/v1/relay/${seller.address}${path}`;

  beforeEach(async () => {
    bench = await startBench();
    bench.chain.register(seller);
    provider = await connectRelaying(bench.url, seller);
  });
  afterEach(() => bench.stop());

  test('reaches the provider with its path, headers and body, but without rights and cookies', async () => {
    const headers = {
      ...{ 'content-type': 'text/odd', 'payment-signature': 'abc' },
      ...{ authorization: 'Bearer secret', cookie: 'a=b' },
    };
    const asked = ask(urlOf('/v1/chat/completions?a=%20b'), { headers });
    asked.outgoing.end('{"body": 1}');
    const call = await provider.call();
    await until(() => call.hasEnded);
    expect(call.head).toEqual({
      method: 'POST',
      path: '/v1/chat/completions?a=%20b',
      headers: { 'content-type': 'text/odd', 'payment-signature': 'abc' },
      from: '127.0.0.1',
    });
    expect(call.body).toBe('{"body": 1}');
    asked.outgoing.destroy();
  });

  test('is answered part by part, as each comes', async () => {
    const asked = ask(urlOf('/v1/models'), { method: 'GET' });
    asked.outgoing.end();
    const call = await provider.call();
    call.answer(402, { 'payment-required': 'e30=', 'content-type': 'text/event-stream' });
    const answer = await asked.answer;
    expect(answer.statusCode).toBe(402);
    expect(answer.headers).toMatchObject({ 'payment-required': 'e30=' });
    const heard: string[] = [];
    answer.on('data', (chunk) => heard.push(String(chunk)));
    for (const word of ['one', 'two']) {
      call.call.send(utf8(word));
      await until(() => heard.at(-1) === word);
    }
    call.call.end();
    await until(() => answer.complete);
  });

  test('gives a browser nothing to run and the coordinator nothing to obey', async () => {
    const asked = ask(urlOf('/v1/models'), { method: 'GET' });
    asked.outgoing.end();
    const call = await provider.call();
    const headers = { 'x-accel-redirect': '/secret', 'clear-site-data': '"*"', 'x-aitbc-job': 'a' };
    call.answer(200, { ...headers, 'content-type': 'text/html' });
    call.call.end();
    const answer = await asked.answer;
    expect(answer.headers).toMatchObject({
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'x-aitbc-job': 'a',
    });
    expect(answer.headers).not.toHaveProperty('x-accel-redirect');
    expect(answer.headers).not.toHaveProperty('clear-site-data');
  });

  test('carries a body of the largest size through windows that are smaller', async () => {
    const body = 'x'.repeat(limits.bodyBytes);
    const asked = ask(urlOf('/v1/completions'));
    asked.outgoing.end(body);
    const call = await provider.call();
    await until(() => call.hasEnded);
    expect(call.body).toBe(body);
    call.answer(200);
    call.call.end();
    expect((await asked.answer).statusCode).toBe(200);
  });

  test('ends at the provider when the buyer leaves', async () => {
    const asked = ask(urlOf('/v1/completions'));
    asked.outgoing.end('{}');
    const call = await provider.call();
    call.answer(200);
    await asked.answer;
    const leftMs = performance.now();
    asked.outgoing.destroy();
    const resetAtMs = await until(() => call.resetAtMs);
    expect(resetAtMs - leftMs).toBeLessThan(relayedSoonMs);
  });

  test('ends at the buyer when the connection of the provider dies, before or in its answer', async () => {
    const [waiting, reading] = [ask(urlOf('/v1/completions')), ask(urlOf('/v1/completions'))];
    for (const { outgoing } of [waiting, reading]) outgoing.end('{}');
    const second = await provider.call(1);
    second.answer(200);
    second.call.send(utf8('part'));
    await reading.answer;
    const diedMs = performance.now();
    provider.close();
    await expect(waiting.answer).rejects.toThrow(/hang up|ECONNRESET/);
    await expect(reading.text()).rejects.toThrow(/aborted|ECONNRESET/);
    expect(performance.now() - diedMs).toBeLessThan(relayedSoonMs);
  });

  test('ends at the buyer when the provider gives it up', async () => {
    const asked = ask(urlOf('/v1/completions'));
    asked.outgoing.end('{}');
    (await provider.call()).call.reset();
    await expect(asked.answer).rejects.toThrow(/hang up|ECONNRESET/);
  });

  test('whose answer ends before its body is over for both', async () => {
    const asked = ask(urlOf('/v1/completions'));
    asked.outgoing.write('{');
    const call = await provider.call();
    call.answer(413);
    call.call.end();
    expect((await asked.answer).statusCode).toBe(413);
    await until(() => call.resetAtMs);
  });

  test('that nobody reads does not hold up another', async () => {
    const [unread, read] = [ask(urlOf('/v1/completions')), ask(urlOf('/v1/completions'))];
    for (const { outgoing } of [unread, read]) outgoing.end('{}');
    const [first, second] = [await provider.call(0), await provider.call(1)];
    first.answer(200);
    (await unread.answer).pause();
    let sentBytes = 0;
    const part = new Uint8Array(16_384);
    while (first.call.send(part) || first.drains > 0) {
      first.drains = 0;
      sentBytes += part.length;
      await new Promise((resolve) => setImmediate(resolve));
      if (sentBytes > 64_000_000) throw new Error('nothing holds it back');
    }
    second.answer(200);
    second.call.send(utf8('quick'));
    second.call.end();
    expect(await read.text()).toBe('quick');
    unread.outgoing.destroy();
  });

  test('to a provider that is not there, or takes none, is RELAY_OFFLINE with a time to try again', async () => {
    const stranger = identityOf('stranger');
    bench.chain.register(stranger);
    await connectRelaying(bench.url, stranger, { relay: false });
    for (const { address } of [stranger, identityOf('nobody')]) {
      const asked = ask(`${bench.url}/v1/relay/${address}/v1/models`, { method: 'GET' });
      asked.outgoing.end();
      const refused = { status: 503, code: 'RELAY_OFFLINE', retryAfter: '5' };
      expect(await problemIn(asked)).toEqual(refused);
    }
  });

  test('is RELAY_FULL beyond those that one provider carries, and fits in when one has ended', async () => {
    const all = Array.from({ length: limits.relayCallsPerProvider }, () =>
      ask(urlOf('/v1/models')),
    );
    for (const { outgoing } of all) outgoing.end('{}');
    await provider.call(limits.relayCallsPerProvider - 1);
    const more = ask(urlOf('/v1/models'));
    more.outgoing.end('{}');
    expect(await problemIn(more)).toEqual({ status: 503, code: 'RELAY_FULL', retryAfter: '1' });
    all[0]?.outgoing.destroy();
    await until(() => provider.calls.some(({ resetAtMs }) => resetAtMs));
    ask(urlOf('/v1/models')).outgoing.end('{}');
    await provider.call(limits.relayCallsPerProvider);
    for (const { outgoing } of all) outgoing.destroy();
  });

  test('with a body above the limit is PAYLOAD_TOO_LARGE, told or not', async () => {
    const told = ask(urlOf('/v1/models'), { headers: { 'content-length': '1048577' } });
    told.outgoing.flushHeaders();
    expect(await problemIn(told)).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
    expect(provider.calls).toEqual([]);
    const untold = ask(urlOf('/v1/models'));
    untold.outgoing.on('error', () => {}); // the rest of the body is not read
    untold.outgoing.write('x'.repeat(limits.bodyBytes));
    untold.outgoing.write('x');
    expect(await problemIn(untold)).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
    await until(() => provider.calls[0]?.resetAtMs);
  });

  test('with a head that cannot be relayed is BAD_REQUEST', async () => {
    const long = ask(urlOf(`/v1/models?${'x'.repeat(2_100)}`), { method: 'GET' });
    long.outgoing.end();
    expect(await problemIn(long)).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
  });

  test.each([
    ['a frame that is none', [utf8('nonsense')]],
    ['an answer to nobody', [encodeRelayFrame('head', 9, utf8('{}'))]],
    ['a head that is none', [encodeRelayFrame('head', 1, utf8('{"status": 101}'))]],
  ])('ends with the connection of a provider that sends %s', async (_, frames) => {
    const asked = ask(urlOf('/v1/models'));
    asked.outgoing.end();
    await provider.call();
    for (const frame of frames) provider.sendBytes(frame);
    await until(() => provider.isClosed);
    expect(provider.refusal).toBe('BAD_REQUEST');
    await expect(asked.answer).rejects.toThrow(/hang up|ECONNRESET/);
  });

  test('is not for a provider that never said that it takes any', async () => {
    const plain = identityOf('plain');
    bench.chain.register(plain);
    const connection = await connectRelaying(bench.url, plain, { relay: false });
    connection.sendBytes(encodeRelayFrame('reset', 1));
    await until(() => connection.isClosed);
    expect(connection.refusal).toBe('BAD_REQUEST');
  });
});

describe('the bounds of the desk', () => {
  const clock = createManualClock(startMs);
  const pipe: Uint8Array[] = [];
  let line: RelayLine;
  let desk: ReturnType<typeof createRelayDesk>;
  let http: Http;
  let url: string;

  beforeEach(async () => {
    pipe.length = 0;
    line = createRelayLine({ send: (frame) => void pipe.push(frame) });
    desk = createRelayDesk({ clock, sessions: { get: () => ({ relay: line }) } }, 2);
    const log = createLog({ name: 'test', level: 'silent' });
    http = createHttp({ name: 'test', log, closeGraceMs: 10 });
    await mountRelay(http.app, desk);
    url = `${await http.listen({ host: '127.0.0.1', port: 0 })}/v1/relay/ait1/v1/models`;
  });
  afterEach(() => http.close());

  const answer = (call: number, headers = {}) =>
    line.receive(encodeRelayFrame('head', call, utf8(JSON.stringify({ status: 200, headers }))));

  test('it is RELAY_FULL beyond the calls of all providers', async () => {
    const all = [ask(url), ask(url)];
    for (const { outgoing } of all) outgoing.end();
    await until(() => desk.size === 2);
    const more = ask(url);
    more.outgoing.end();
    expect(await problemIn(more)).toMatchObject({ status: 503, code: 'RELAY_FULL' });
    for (const { outgoing } of all) outgoing.destroy();
    await until(() => desk.size === 0);
    expect(line.size).toBe(0);
  });

  test('it is RELAY_FULL for an address whose bodies do not come, until they do or go', async () => {
    desk = createRelayDesk({ clock, sessions: { get: () => ({ relay: line }) } });
    const log = createLog({ name: 'test', level: 'silent' });
    const other = createHttp({ name: 'test', log, closeGraceMs: 10 });
    await mountRelay(other.app, desk);
    const base = await other.listen({ host: '127.0.0.1', port: 0 });
    const open = () => ask(`${base}/v1/relay/ait1/v1/models`);
    const slow = Array.from({ length: limits.relayBodiesPerCaller }, open);
    for (const { outgoing } of slow) outgoing.write('{');
    await until(() => desk.size === slow.length);
    const more = open();
    more.outgoing.write('{');
    expect(await problemIn(more)).toMatchObject({ status: 503, code: 'RELAY_FULL' });
    slow[0]?.outgoing.end('}');
    await until(() => pipe.some((frame) => frame[0] === 3));
    slow[1]?.outgoing.destroy();
    await until(() => desk.size === slow.length - 1);
    for (const { outgoing } of [open(), open()]) outgoing.write('{');
    await until(() => desk.size === slow.length + 1);
    await other.close();
  });

  test('a body that does not come is TIMEOUT', async () => {
    const asked = ask(url);
    asked.outgoing.write('{');
    await until(() => desk.size === 1);
    clock.advance(limits.requestTimeoutMs - 1);
    desk.dropIdle();
    expect(line.size).toBe(1);
    clock.advance(1);
    desk.dropIdle();
    expect(await problemIn(asked)).toMatchObject({ status: 504, code: 'TIMEOUT' });
    expect(line.size).toBe(0);
  });

  test('a provider that says nothing is TIMEOUT, or the end of the connection in its answer', async () => {
    const [waiting, reading] = [ask(url), ask(url)];
    waiting.outgoing.end();
    await until(() => desk.size === 1);
    reading.outgoing.end();
    await until(() => desk.size === 2 && pipe.filter((frame) => frame[0] === 3).length === 2);
    clock.advance(limits.relayIdleMs - 1);
    answer(2);
    await reading.answer;
    clock.advance(1);
    desk.dropIdle();
    expect(await problemIn(waiting)).toMatchObject({ status: 504, code: 'TIMEOUT' });
    clock.advance(limits.relayIdleMs);
    desk.dropIdle();
    await expect(reading.text()).rejects.toThrow(/aborted/);
    expect(desk.size).toBe(0);
  });

  test('a reader that does not read is cut off', async () => {
    const asked = ask(url);
    asked.outgoing.end();
    await until(() => pipe.some((frame) => frame[0] === 3));
    answer(1);
    (await asked.answer).pause();
    const part = encodeRelayFrame('data', 1, new Uint8Array(limits.relayChunkBytes));
    const creditOf = () => pipe.filter((frame) => frame[0] === 5 && frame[4] === 1).length;
    for (let sent = 0, seen = -1; seen !== creditOf() || sent % 4 !== 0; ) {
      if (sent % 4 === 0) seen = creditOf();
      line.receive(part);
      sent += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    clock.advance(limits.requestTimeoutMs);
    desk.dropIdle();
    await until(() => desk.size === 0);
    expect(line.size).toBe(0);
  });
});
