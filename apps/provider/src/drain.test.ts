import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SignedReceipt } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { modelName } from './testing/counting-engine.ts';
import { startProvider, type TestProvider, type TestWishes } from './testing/start-provider.ts';

let test: TestProvider;
afterEach(() => test.stop());

const body = JSON.stringify({
  model: modelName,
  messages: [{ role: 'user', content: 'hi' }],
  stream: true,
});

/** One slot, and an engine that stops after ten tokens until it is let go. */
async function start(wishes: TestWishes = {}) {
  let isOpen = false;
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = () => {
      isOpen = true;
      resolve();
    };
  });
  const before = (index: number, signal: AbortSignal) =>
    index < 10 || isOpen
      ? Promise.resolve()
      : new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          void gate.then(resolve);
        });
  test = await startProvider({ script: { before }, config: { slots: 1 }, ...wishes });
  return { letGo: () => letGo() };
}

const pay = (key: string) =>
  fetch(`${test.url}/v1/chat/completions`, {
    method: 'POST',
    body,
    headers: { 'payment-signature': test.buyer.header(body, { key }) },
  });

async function owner(method: 'POST' | 'DELETE', input: object = {}) {
  const token = readFileSync(join(test.dataDir, 'admin.token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = method === 'POST' ? { body: JSON.stringify(input) } : {};
  const answer = await fetch(`${test.url}/v1/drain`, { method, headers, ...init });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

async function lastReceipt(key: string) {
  const path = `/v1/payments/receipts/${test.buyer.jobId(body, key)}`;
  const { receipts } = (await (await fetch(test.url + path)).json()) as {
    receipts: SignedReceipt[];
  };
  return receipts.at(-1)?.payload;
}

const status = async () =>
  (await (await fetch(`${test.url}/v1/status`)).json()) as Record<string, unknown>;

describe('an owner who wants the machine back', () => {
  it('lets the running job end, sends the waiting one away unpaid, and takes no new one', async () => {
    const { letGo } = await start();
    const running = await pay('running');
    await until(() => test.counts.pulled === 10);
    const waiting = pay('waiting');
    await until(async () => (await status()).waiting === 1);
    const { json } = await owner('POST', { withinMs: 60_000 });
    expect(json).toMatchObject({ isDraining: true, running: 1 });
    expect((await waiting).status).toBe(503);
    expect(await lastReceipt('waiting')).toMatchObject({ outcome: 'provider_error', charged: '0' });
    expect((await pay('new')).status).toBe(404);
    expect(await status()).toMatchObject({ models: [] });
    letGo();
    expect(await running.text()).toContain('[DONE]');
    expect(await lastReceipt('running')).toMatchObject({ outcome: 'complete', to: 40 });
    expect(await status()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('gets it when the time is over: what was delivered is due, and no prompt', async () => {
    await start();
    const running = await pay('running');
    await until(() => test.counts.pulled === 10);
    await owner('POST', { withinMs: 20 });
    await running.text();
    expect(await lastReceipt('running')).toMatchObject({
      ...{ outcome: 'provider_error', to: 10, charged: '10' },
    });
    expect(test.counts.aborted).toBe(1);
  });

  it('sells again when it is told to', async () => {
    const { letGo } = await start();
    letGo();
    await owner('POST');
    expect((await pay('a')).status).toBe(404);
    expect((await owner('DELETE')).json).toEqual({ isDraining: false, running: 0, endsInMs: 0 });
    const answer = await pay('a');
    expect(answer.status).toBe(200);
    await answer.text();
  });

  it('is nobody else', async () => {
    await start();
    const answer = await fetch(`${test.url}/v1/drain`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(401);
    expect(await status()).toMatchObject({ models: [modelName] });
  });
});
