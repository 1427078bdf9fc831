import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProviderConfig } from '../config.ts';
import { createOllamaEngine } from '../engines/ollama/ollama-engine.ts';
import { createEngineServer } from '../engines/testing/engine-server.ts';
import { createCountingEngine, modelName } from '../testing/counting-engine.ts';
import { readSse } from '../testing/read-answer.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';
import { createTestBuyer, type TestBuyer } from '../testing/test-buyer.ts';

const slots = 2;
const tokenMs = 20;
const tokens = 20;
const firstTokenMs = 3_000;
/** Jobs that the engine can do in a second. */
const capacity = (slots * 1_000) / (tokens * tokenMs);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A provider over a real HTTP engine that gives a token every 20 ms on each of two slots. */
async function startPaced(more: Partial<ProviderConfig> = {}) {
  const words = Array.from({ length: 200 }, (_, index) => `w${index} `);
  const before = (_: number, signal: AbortSignal) => sleep(tokenMs, undefined, { signal });
  const counting = createCountingEngine({ words, before, slots });
  const server = createEngineServer({ engine: counting.engine });
  await server.start();
  closers.push(() => server.stop());
  const engine = createOllamaEngine({ baseUrl: server.url() });
  await engine.start();
  const probe = await engine.probe(AbortSignal.timeout(5_000));
  const config = { slots, firstTokenMs, benchmark: 'never' as const, ...more };
  const test = await startProvider({ engine: { engine, probe }, config });
  closers.push(test.stop);
  return { test, counts: counting.counts };
}

interface Asked {
  readonly payer: string;
  readonly atMs: number;
  readonly status: number;
  readonly firstMs: number;
  readonly retryAfterMs: number;
  readonly retryAfterSeconds: number;
  readonly isWhole: boolean;
}

function createClient({ url }: TestProvider, payer: string, buyer: TestBuyer) {
  let calls = 0;
  return async (maxTokens = tokens): Promise<Asked> => {
    calls += 1;
    const body = JSON.stringify({
      model: modelName,
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
      max_tokens: maxTokens,
    });
    const header = buyer.header(body, { key: `${payer} ${calls}`, tokens: maxTokens });
    const atMs = performance.now();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': header },
    });
    const { status, headers } = answer;
    const firstMs = performance.now() - atMs;
    const text = await answer.text();
    const isWhole = status === 200 && readSse(text).isDone;
    const retryAfterMs = Number(headers.get('retry-after-ms'));
    const retryAfterSeconds = Number(headers.get('retry-after'));
    return { payer, atMs, status, firstMs, retryAfterMs, retryAfterSeconds, isWhole };
  };
}

/** Someone else who pays. */
function newPayer(test: TestProvider, name: string) {
  const buyer = createTestBuyer(test.chain.network, test.offer);
  test.chain.put(buyer.channel);
  return createClient(test, name, buyer);
}

async function warmUp(ask: (maxTokens?: number) => Promise<Asked>): Promise<void> {
  for (let job = 0; job < 5; job += 1) expect((await ask()).status).toBe(200);
}

const percentile = (values: readonly number[], share: number) =>
  [...values].sort((one, other) => one - other)[Math.floor((values.length - 1) * share)] ?? 0;

describe('ten times as many jobs as the engine can do', () => {
  it('are refused before they run, those let in are in time, and a light payer gets its share', async () => {
    const { test, counts } = await startPaced();
    const heavy = createClient(test, 'heavy', test.buyer);
    const light = newPayer(test, 'light');
    await warmUp(heavy);
    const ranBefore = counts.calls;
    const seconds = 4;
    const pending: Promise<Asked>[] = [];
    // The light payer wants a fifth of what the engine can do, the heavy one ten times all of it.
    const everyMs = 1_000 / (capacity * 10);
    const beginMs = performance.now();
    for (let call = 0; call < capacity * 10 * seconds; call += 1) {
      const waitMs = beginMs + call * everyMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      pending.push(heavy());
      if (call % 50 === 25) pending.push(light());
    }
    const all = await Promise.all(pending);
    const taken = all.filter(({ status }) => status === 200);
    const refused = all.filter(({ status }) => status !== 200);
    const firstMs = (payer: string) =>
      taken.filter((one) => one.payer === payer).map((one) => one.firstMs);
    const lightJobs = all.filter(({ payer }) => payer === 'light');
    const sooner = refused.map((one) => ratioOf(one, taken)).filter((ratio) => ratio > 0);
    const row = (name: string) =>
      `${name.padEnd(6)} ${String(all.filter(({ payer }) => payer === name).length).padStart(4)} asked ` +
      `${String(firstMs(name).length).padStart(4)} taken  first token p50 ${percentile(firstMs(name), 0.5).toFixed(0)} ms ` +
      `p99 ${percentile(firstMs(name), 0.99).toFixed(0)} ms (promised ${firstTokenMs})`;
    const said = [0.1, 0.5, 0.9].map((share) => percentile(sooner, share).toFixed(2)).join(', ');
    process.stdout.write(
      `${row('heavy')}\n${row('light')}\nRetry-After said ÷ true, p10 p50 p90: ${said}\n`,
    );
    expect(refused.length).toBeGreaterThan(all.length / 2);
    expect(
      refused.every(({ status, retryAfterSeconds }) => status === 503 && retryAfterSeconds > 0),
    ).toBe(true);
    expect(taken.every(({ isWhole }) => isWhole)).toBe(true);
    expect(counts.calls - ranBefore).toBe(taken.length);
    expect(percentile(firstMs('heavy'), 0.99)).toBeLessThan(firstTokenMs);
    expect(lightJobs.every(({ status }) => status === 200)).toBe(true);
    // One job of the other payer on each slot, and its own first token.
    expect(percentile(firstMs('light'), 0.99)).toBeLessThan(3 * tokens * tokenMs);
  });

  it('are told when to come back, and that is true within a half', async () => {
    const { test } = await startPaced({ waitingTokensMax: 400, firstTokenMs: 60_000 });
    const heavy = createClient(test, 'heavy', test.buyer);
    await warmUp(heavy);
    const crowd = Array.from({ length: 10 }, () => heavy());
    await until(async () => (await waitingOf(test)) === 8);
    // There is room for 190 tokens when no more than 5 of the 8 jobs wait that are promised 20 each.
    const said = await heavy(190);
    expect(said.status).toBe(503);
    expect(said.retryAfterMs).toBeGreaterThan(500);
    await sleep(said.atMs + said.retryAfterMs * 0.5 - performance.now());
    expect((await heavy(190)).status).toBe(503);
    await sleep(said.atMs + said.retryAfterMs * 1.5 - performance.now());
    expect((await heavy(190)).status).toBe(200);
    await Promise.all(crowd);
  });
});

async function waitingOf({ url }: TestProvider): Promise<number> {
  return ((await (await fetch(`${url}/v1/status`)).json()) as { waiting: number }).waiting;
}

/** What a refusal said, divided by the time until a job of the same payer was taken; 0 when none was. */
function ratioOf({ payer, atMs, retryAfterMs }: Asked, taken: readonly Asked[]): number {
  const next = taken.find((one) => one.payer === payer && one.atMs > atMs);
  return next ? retryAfterMs / (next.atMs - atMs) : 0;
}
