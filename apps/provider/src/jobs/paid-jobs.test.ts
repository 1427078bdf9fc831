import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { AppError } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { readSse, receiptsAt } from '../testing/read-answer.ts';
import { startProvider, type TestProvider, type TestWishes } from '../testing/start-provider.ts';
import { silentEngineMs } from './job-meter.ts';

const bodyOf = (content = 'hi', more: object = {}) =>
  JSON.stringify({
    model: modelName,
    messages: [{ role: 'user', content }],
    stream: true,
    ...more,
  });
const body = bodyOf();
// 7 for the request and 50 for the bound of the prompt
const base = 57n;
const expected = defaultWords.join('');

let test: TestProvider;
afterEach(() => test.stop());

async function start(wishes: TestWishes = {}): Promise<void> {
  test = await startProvider(wishes);
}

function post(header: string, text = body, signal?: AbortSignal): Promise<Response> {
  const init = { method: 'POST', body: text, headers: { 'payment-signature': header } };
  return fetch(`${test.url}/v1/chat/completions`, { ...init, ...(signal ? { signal } : {}) });
}

const lastReceipt = async (jobId: string) => (await receiptsAt(test.url, jobId)).at(-1)?.payload;

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { error: { code: string } }).error.code;
}

async function statusOf() {
  return (await fetch(`${test.url}/v1/status`)).json() as Promise<Record<string, unknown>>;
}

/** An engine that stops before each event until `open` is called. */
function createGate() {
  let isOpen = false;
  const waiting: (() => void)[] = [];
  return {
    before: (_index: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        if (isOpen) return resolve();
        waiting.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    open() {
      isOpen = true;
      for (const resume of waiting.splice(0)) resume();
    },
  };
}

describe('a replayed payment', () => {
  it('buys nothing more: the same job is answered from what is kept and charged once', async () => {
    await start();
    const header = test.buyer.header(body);
    const first = await (await post(header)).text();
    const again = await (await post(header)).text();
    expect(readSse(again).text).toBe(expected);
    expect(readSse(again).receipts).toEqual(readSse(first).receipts);
    expect(test.counts.calls).toBe(1);
    expect(await statusOf()).toMatchObject({ jobs: 1, charged: '54' });
  });

  it('is kept by no cache on the way, streamed or whole', async () => {
    await start();
    for (const stream of [true, false]) {
      const text = bodyOf('hi', { stream });
      const answer = await post(test.buyer.header(text), text);
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
      await answer.text();
    }
  });

  it('does not carry another job, whatever is left of its cap', async () => {
    await start();
    await (await post(test.buyer.header(body, { key: 'a', cap: base + 64n }))).text();
    const other = await post(test.buyer.header(body, { key: 'b', cap: base + 64n }));
    expect(await codeOf(other)).toBe('VOUCHER_UNDERFUNDED');
    expect(test.counts.calls).toBe(1);
  });

  it('conflicts when the same job comes with another channel', async () => {
    await start();
    await (await post(test.buyer.header(body))).text();
    const sibling = test.buyer.sibling();
    test.chain.put(sibling.channel);
    const other = await post(sibling.header(body));
    expect([other.status, await codeOf(other)]).toEqual([409, 'JOB_CONFLICT']);
    expect(test.counts.calls).toBe(1);
  });

  it('reads along while the job runs: concurrent duplicates are one job', async () => {
    const gate = createGate();
    await start({ script: { before: gate.before } });
    const header = test.buyer.header(body);
    const answers = Array.from({ length: 5 }, () => post(header));
    await until(() => test.counts.calls === 1);
    gate.open();
    const texts = await Promise.all(
      answers.map(async (answer) => readSse(await (await answer).text())),
    );
    expect(texts.map(({ text }) => text)).toEqual(Array(5).fill(expected));
    expect(test.counts.calls).toBe(1);
    expect(await statusOf()).toMatchObject({ jobs: 1, charged: '54' });
  });

  it('after a failed job is sent to the receipts', async () => {
    await start({
      script: {
        before: async (index) => {
          if (index === 3) {
            throw new AppError('ENGINE_CRASHED', { engine: 'test', reason: 'planned' });
          }
        },
      },
    });
    const header = test.buyer.header(body);
    await (await post(header)).text();
    const again = await post(header);
    expect(again.status).toBe(409);
    const { error } = (await again.json()) as { error: { code: string; facts: unknown } };
    expect(error).toMatchObject({
      code: 'JOB_ENDED',
      facts: {
        outcome: 'provider_error',
        receiptPath: `/v1/payments/receipts/${test.buyer.jobId(body)}`,
      },
    });
    expect(test.counts.calls).toBe(1);
  });
});

describe('a client that leaves', () => {
  it.each([true, false])(
    'frees the engine and pays for what went out (stream %s)',
    async (stream) => {
      const gate = createGate();
      const before = (index: number, signal: AbortSignal) =>
        index < 20 ? Promise.resolve() : gate.before(index, signal);
      await start({ script: { before } });
      const text = bodyOf('hi', { stream });
      const { port } = new URL(test.url);
      const client = httpRequest({
        port,
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'payment-signature': test.buyer.header(text) },
      });
      client.on('error', () => {});
      client.end(text);
      if (stream) await once(client, 'response');
      await until(() => test.counts.pulled === 20);
      const leftAtMs = Date.now();
      client.destroy();
      await until(() => test.counts.aborted === 1);
      expect(test.counts.abortedAtMs - leftAtMs).toBeLessThan(250);
      const jobId = test.buyer.jobId(text);
      await until(async () => (await lastReceipt(jobId))?.outcome === 'client_abort');
      expect(await lastReceipt(jobId)).toMatchObject({ to: 20, promptTokens: 7, charged: '34' });
      expect(await statusOf()).toMatchObject({ running: 0, waiting: 0, charged: '34' });
    },
  );

  it('pays no prompt when the engine had been silent for long', async () => {
    const gate = createGate();
    const before = (index: number, signal: AbortSignal) =>
      index < 20 ? Promise.resolve() : gate.before(index, signal);
    let aheadMs = 0;
    await start({ script: { before }, deps: { nowMs: () => Date.now() + aheadMs } });
    const leaving = new AbortController();
    const header = test.buyer.header(body);
    await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': header },
      signal: leaving.signal,
    });
    await until(() => test.counts.pulled === 20);
    aheadMs = silentEngineMs;
    leaving.abort();
    const jobId = test.buyer.jobId(body);
    await until(async () => (await lastReceipt(jobId))?.outcome === 'provider_error');
    expect(await lastReceipt(jobId)).toMatchObject({ to: 20, charged: '20' });
  });

  it('pays nothing before the first token', async () => {
    const gate = createGate();
    await start({ script: { before: gate.before } });
    const controller = new AbortController();
    const call = post(test.buyer.header(body), body, controller.signal).catch(() => {});
    await until(() => test.counts.calls === 1);
    controller.abort();
    await call;
    const jobId = test.buyer.jobId(body);
    await until(async () => (await lastReceipt(jobId))?.outcome === 'client_abort');
    expect(await lastReceipt(jobId)).toMatchObject({ to: 0, charged: '0' });
  });
});

describe('an engine that fails', () => {
  const failAt = (at: number) => async (index: number) => {
    if (index === at) throw new AppError('ENGINE_CRASHED', { engine: 'test', reason: 'planned' });
  };

  it('before the first token answers with its own status, and nothing is due', async () => {
    await start({ script: { before: failAt(0) } });
    const answer = await post(test.buyer.header(body));
    expect(answer.status).toBe(502);
    expect(await codeOf(answer)).toBe('ENGINE_CRASHED');
    expect(await lastReceipt(test.buyer.jobId(body))).toMatchObject({
      outcome: 'provider_error',
      charged: '0',
    });
  });

  it('by falling silent without its last word costs the delivered tokens only', async () => {
    await start({ script: { incomplete: true } });
    const raw = await (await post(test.buyer.header(body))).text();
    expect(raw).toContain('"code":"ENGINE_PROTOCOL"');
    expect(raw).not.toContain('[DONE]');
    const last = readSse(raw).receipts.at(-1)?.payload;
    expect(last).toMatchObject({ outcome: 'provider_error', charged: `${last?.to}` });
    expect(last?.to).toBeGreaterThan(0);
  });

  it('in the middle costs the delivered tokens only', async () => {
    await start({ script: { before: failAt(20) } });
    const raw = await (await post(test.buyer.header(body))).text();
    expect(raw).toContain('"code":"ENGINE_CRASHED"');
    expect(raw).not.toContain('[DONE]');
    const { receipts } = readSse(raw);
    expect(receipts.at(-1)?.payload).toMatchObject({
      outcome: 'provider_error',
      to: 20,
      charged: '20',
    });
  });

  it('and a first token later than promised waives the prompt', async () => {
    let now = Date.now();
    const before = async (index: number) => {
      if (index === 0) now += 2;
    };
    const deps = { nowMs: () => now };
    await start({ script: { before }, config: { firstTokenMs: 1 }, deps });
    await (await post(test.buyer.header(body))).text();
    expect(await lastReceipt(test.buyer.jobId(body))).toMatchObject({
      outcome: 'complete',
      charged: '40',
    });
  });
});

describe('the queue', () => {
  it('is full before anything about the payment changes, and says when to come back', async () => {
    const gate = createGate();
    await start({ script: { before: gate.before }, config: { slots: 1, waitingMax: 1 } });
    const pay = (key: string) => post(test.buyer.header(body, { key }));
    const first = pay('a');
    await until(() => test.counts.calls === 1);
    const second = pay('b');
    await until(async () => (await statusOf()).waiting === 1);
    const third = await pay('c');
    expect(third.status).toBe(503);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codeOf(third)).toBe('QUEUE_FULL');
    expect(await receiptsAt(test.url, test.buyer.jobId(body, 'c'))).toEqual([]);
    gate.open();
    for (const answer of [first, second])
      expect(readSse(await (await answer).text()).isDone).toBe(true);
    expect(readSse(await (await pay('c')).text()).text).toBe(expected);
    expect(await statusOf()).toMatchObject({ jobs: 3, running: 0, waiting: 0 });
  });

  it('bounds the tokens that are promised to waiting jobs', async () => {
    const gate = createGate();
    const config = { slots: 1, waitingMax: 10, waitingTokensMax: 100 };
    await start({ script: { before: gate.before }, config });
    const text = bodyOf('hi', { max_tokens: 60 });
    const pay = (key: string) => post(test.buyer.header(text, { key }), text);
    const running = [pay('a')];
    await until(() => test.counts.calls === 1);
    running.push(pay('b'));
    await until(async () => (await statusOf()).waiting === 1);
    expect(await codeOf(await pay('c'))).toBe('QUEUE_FULL');
    gate.open();
    await Promise.all(running.map(async (answer) => (await answer).text()));
  });
});

describe('a chain that is not heard of', () => {
  it('gets no more credit from us once our view of it is old', async () => {
    let now = Date.now();
    await start({ deps: { nowMs: () => now } });
    await (await post(test.buyer.header(body, { key: 'a' }))).text();
    test.chain.state.isDown = true;
    now += 60_001;
    const refused = await post(test.buyer.header(body, { key: 'b' }));
    expect([refused.status, await codeOf(refused)]).toEqual([503, 'VOUCHER_STALE_STATE']);
    expect(test.counts.calls).toBe(1);
    test.chain.nextBlock();
    expect((await post(test.buyer.header(body, { key: 'b' }))).status).toBe(200);
  });
});
