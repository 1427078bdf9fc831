import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@aitbc/primitives';
import { bodyDigestOf } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { createFakeChain } from '../testing/fake-chain.ts';
import { checkReceipts, receiptsAt } from '../testing/read-answer.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';

const messages = [{ role: 'user', content: 'hi' }];
const body = JSON.stringify({ model: modelName, messages, stream: true });
const base = 57n;

const folders: string[] = [];
const running: TestProvider[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'aitbc-provider-'));
  folders.push(made);
  return made;
}

async function start(wishes: Parameters<typeof startProvider>[0]): Promise<TestProvider> {
  const started = await startProvider(wishes);
  running.push(started);
  return started;
}

const pay = (test: TestProvider, header: string, signal?: AbortSignal) =>
  fetch(`${test.url}/v1/chat/completions`, {
    method: 'POST',
    body,
    headers: { 'payment-signature': header },
    ...(signal ? { signal } : {}),
  });

/**
 * A provider in the middle of a job, 20 tokens delivered; the disk as a crash would leave it, after
 * `atLast` has happened.
 */
async function crashed(atLast: (first: TestProvider) => void = () => {}) {
  const chain = createFakeChain();
  let pulled = 0;
  const before = (index: number, signal: AbortSignal) => {
    pulled = index;
    if (index < 20) return Promise.resolve();
    return new Promise<void>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
  const first = await start({ chain, dataDir: folder(), script: { before } });
  const header = first.buyer.header(body, { cap: base + 64n });
  const leaving = new AbortController();
  await pay(first, header, leaving.signal);
  await until(() => pulled === 20);
  atLast(first);
  const dataDir = folder();
  cpSync(first.dataDir, dataDir, { recursive: true });
  leaving.abort();
  return { chain, dataDir, header, buyer: first.buyer };
}

describe('a daemon that died in the middle of a job', () => {
  it('ends it as provider_error with the charge of its last receipt and never runs it again', async () => {
    const { chain, dataDir, header, buyer } = await crashed();
    const second = await start({ chain, dataDir });
    const jobId = buyer.jobId(body);
    const receipts = await receiptsAt(second.url, jobId);
    const ranges = [defaultWords.slice(0, 16).join(''), ''];
    const digest = bodyDigestOf(utf8(body));
    const payloads = checkReceipts(chain.network, { receipts, ranges }, digest);
    expect(payloads.at(-1)).toMatchObject({
      outcome: 'provider_error',
      from: 16,
      to: 16,
      charged: '16',
      chargedCumulative: '16',
    });
    const again = await pay(second, header);
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({
      error: { code: 'JOB_ENDED', facts: { outcome: 'provider_error' } },
    });
    expect(second.counts.calls).toBe(0);
  });

  it('gives the reservation back and keeps what is due', async () => {
    const { chain, dataDir, buyer } = await crashed();
    const second = await start({ chain, dataDir });
    // 121 were signed and 16 are due: a job of 105 fits without a larger cap, one of 106 does not
    const words = JSON.stringify({ model: modelName, messages, stream: true, user: 'x' });
    const next = (tokens: number) =>
      fetch(`${second.url}/v1/chat/completions`, {
        method: 'POST',
        body: words,
        headers: { 'payment-signature': buyer.header(words, { tokens, cap: base + 64n }) },
      });
    expect((await next(49)).status).toBe(402);
    expect((await next(48)).status).toBe(200);
  });

  it('claims what the last life earned', async () => {
    const { chain, dataDir, buyer } = await crashed();
    const second = await start({ chain, dataDir, config: { claimThreshold: '1' } });
    expect(chain.claims).toHaveLength(0);
    const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
    const claim = await fetch(`${second.url}/v1/payments/claim`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await claim.json()).toMatchObject({ rows: 1 });
    expect(chain.channel(buyer.channelId)?.totalClaimed).toBe(16n);
  });

  it('charges nothing without a receipt, also when the channel changed on chain in between', async () => {
    const { chain, dataDir, buyer } = await crashed(({ chain, buyer: { channel } }) => {
      chain.put({ ...channel, balance: channel.balance + 5n });
    });
    const second = await start({ chain, dataDir });
    const status = await (await fetch(`${second.url}/v1/status`)).json();
    const last = (await receiptsAt(second.url, buyer.jobId(body))).at(-1)?.payload;
    expect(last).toMatchObject({ to: 20, outcome: 'provider_error', charged: '20' });
    expect(status).toMatchObject({ charged: '20' });
  });

  it('goes on with the offers of its last life when nothing has changed', async () => {
    const dataDir = folder();
    const config = { publicUrl: 'https://gpu.example' };
    const chain = createFakeChain();
    const first = await start({ chain, dataDir, config });
    await first.provider.stop();
    const second = await start({ chain, dataDir, config });
    expect(second.offer).toEqual(first.offer);
    await second.provider.stop();
    const dearer = await start({ chain, dataDir, config: { ...config, priceOutput: '9000000' } });
    expect(dearer.offer).not.toEqual(first.offer);
  });

  it('honours the offers it signed, at their prices', async () => {
    const { chain, dataDir, buyer } = await crashed();
    const second = await start({ chain, dataDir, config: { priceOutput: '9000000' } });
    const header = buyer.header(body, { key: 'later', tokens: 40, cap: 1_000n });
    const answer = await pay(second, header);
    expect(answer.status).toBe(200);
    await answer.text();
    const receipts = await receiptsAt(second.url, buyer.jobId(body, 'later'));
    expect(receipts.at(-1)?.payload).toMatchObject({ outcome: 'complete', charged: '54' });
  });

  it('refuses the database of another chain', async () => {
    const { dataDir } = await crashed();
    const other = startProvider({ chain: createFakeChain('other', 0xbb), dataDir });
    await expect(other).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});
