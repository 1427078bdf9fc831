import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { utf8 } from '@aitbc/primitives';
import { AppError, bodyDigestOf, type SignedReceipt } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import type { GivenUpJob } from '../store.ts';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { deadProvider, earlierAnswer } from '../testing/earlier-answer.ts';
import { createFakeChain } from '../testing/fake-chain.ts';
import { checkReceipts } from '../testing/read-answer.ts';
import { startProvider, type TestProvider } from '../testing/start-provider.ts';
import { createGivenUpJobs } from './acknowledge-job.ts';

const messages = [{ role: 'user', content: 'hi' }];
const body = JSON.stringify({ model: modelName, messages, stream: true });
const base = 57n;
const wordsOf = (from: number, to: number) => defaultWords.slice(from, to).join('');

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
  started.chain.otherProviders.set(deadProvider.address, deadProvider.authorizer);
  running.push(started);
  return started;
}

const standing = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

/** The next life of a provider that died after `died` tokens of a job that it had from `from` on. */
async function secondLife({ died = 20, from = 0 } = {}) {
  const chain = createFakeChain();
  let pulled = 0;
  const before = (index: number, signal: AbortSignal) => {
    pulled = index;
    return index < died - from ? Promise.resolve() : standing(signal);
  };
  const first = await start({ chain, dataDir: folder(), script: { before } });
  const { buyer } = first;
  const jobId = buyer.jobId(body);
  const ranges = [{ text: wordsOf(0, from), tokens: from }];
  const { resume, point } = earlierAnswer(chain.network, { jobId, body, ranges });
  const leaving = new AbortController();
  const cap = base + 64n - BigInt(from);
  await fetch(`${first.url}${from > 0 ? '/v1/payments/resume' : '/v1/chat/completions'}`, {
    method: 'POST',
    body: from > 0 ? JSON.stringify({ body, resume }) : body,
    headers: {
      'content-type': 'application/json',
      'payment-signature': buyer.header(body, from > 0 ? { cap, resume: point } : { cap }),
    },
    signal: leaving.signal,
  });
  await until(() => pulled === died - from);
  const dataDir = folder();
  cpSync(first.dataDir, dataDir, { recursive: true });
  leaving.abort();
  const second = await start({ chain, dataDir });
  return { chain, second, buyer, jobId, point };
}

async function acknowledge(test: TestProvider, signed: Record<string, unknown>) {
  const answer = await fetch(`${test.url}/v1/payments/acknowledge`, {
    method: 'POST',
    body: JSON.stringify(signed),
    headers: { 'content-type': 'application/json' },
  });
  const json = (await answer.json()) as { code?: string; receipts?: SignedReceipt[] };
  return { status: answer.status, code: json.code, receipts: json.receipts ?? [], json };
}

const statusOf = async (test: TestProvider) => (await fetch(`${test.url}/v1/status`)).json();

describe('an acknowledgement', () => {
  it('after a crash is signed for, charged, and claimed', async () => {
    const { chain, second, buyer, jobId } = await secondLife();
    const signed = buyer.acknowledgement(jobId, { from: 16, to: 20, text: wordsOf(16, 20) });
    const { status, receipts } = await acknowledge(second, signed);
    expect(status).toBe(200);
    const ranges = [wordsOf(0, 16), '', wordsOf(16, 20)];
    const digest = bodyDigestOf(utf8(body));
    const payloads = checkReceipts(chain.network, { receipts, ranges }, digest);
    expect(payloads.map(({ outcome, charged }) => [outcome, charged])).toEqual([
      ['running', '16'],
      ['provider_error', '16'],
      ['provider_error', '20'],
    ]);
    expect(await statusOf(second)).toMatchObject({ charged: '20' });
  });

  it('gets the same receipts when it comes again, also in the next life', async () => {
    const { chain, second, buyer, jobId } = await secondLife();
    const signed = buyer.acknowledgement(jobId, { from: 16, to: 20, text: wordsOf(16, 20) });
    const first = await acknowledge(second, signed);
    expect(await acknowledge(second, signed)).toEqual(first);
    await second.provider.stop();
    const third = await start({ chain, dataDir: second.dataDir });
    expect(await acknowledge(third, signed)).toEqual(first);
    expect(await statusOf(third)).toMatchObject({ charged: '20' });
  });

  it('of a resumed job begins where that began', async () => {
    const { chain, second, buyer, jobId, point } = await secondLife({ died: 25, from: 20 });
    const signed = buyer.acknowledgement(jobId, { from: 20, to: 25, text: wordsOf(20, 25) });
    const { receipts } = await acknowledge(second, signed);
    const ranges = ['', wordsOf(20, 25)];
    const payloads = checkReceipts(chain.network, { receipts, ranges }, point);
    expect(payloads.at(-1)).toMatchObject({ from: 20, to: 25, charged: '5' });
  });

  it('is refused for a range that does not follow, is uncovered, too long or empty', async () => {
    const { second, buyer, jobId } = await secondLife();
    const of = (from: number, to: number) => buyer.acknowledgement(jobId, { from, to, text: 'x' });
    for (const [from, to] of [
      [17, 20],
      [0, 16],
      [16, 33],
      [16, 16],
    ] as const) {
      const { status, code } = await acknowledge(second, of(from, to));
      expect([status, code]).toEqual([409, 'JOB_STATE_WRONG']);
    }
    expect(await statusOf(second)).toMatchObject({ charged: '16' });
  });

  it('is refused from a stranger, for another channel, and for a job nobody knows', async () => {
    const { second, buyer, jobId } = await secondLife();
    const range = { from: 16, to: 20, text: 'x' };
    const good = buyer.acknowledgement(jobId, range);
    const forged = { ...good, to: 19 };
    expect((await acknowledge(second, forged)).code).toBe('VOUCHER_SIGNATURE_INVALID');
    const sibling = buyer.sibling();
    second.chain.put(sibling.channel);
    const other = await acknowledge(second, sibling.acknowledgement(jobId, range));
    expect(other.code).toBe('VOUCHER_CHANNEL_WRONG');
    const unknown = buyer.acknowledgement('ab'.repeat(32), range);
    expect((await acknowledge(second, unknown)).code).toBe('JOB_UNKNOWN');
    expect(await statusOf(second)).toMatchObject({ charged: '16' });
  });

  it('is refused when what is signed leaves no room for it', async () => {
    const { second, buyer, jobId } = await secondLife();
    // a withdrawal has left 18 of 121 that were signed; 16 are due
    second.chain.put({ ...buyer.channel, balance: 18n });
    const of = (to: number) =>
      buyer.acknowledgement(jobId, { from: 16, to, text: wordsOf(16, to) });
    expect((await acknowledge(second, of(19))).code).toBe('JOB_STATE_WRONG');
    expect((await acknowledge(second, of(18))).status).toBe(200);
    expect(await statusOf(second)).toMatchObject({ charged: '18' });
  });

  it('is refused for a job that runs or has ended well', async () => {
    const test = await start({
      dataDir: folder(),
      script: { before: (index, signal) => (index < 20 ? Promise.resolve() : standing(signal)) },
    });
    const { buyer } = test;
    const leaving = new AbortController();
    const call = await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': buyer.header(body) },
      signal: leaving.signal,
    });
    expect(call.status).toBe(200);
    await until(() => test.counts.pulled === 20);
    const jobId = buyer.jobId(body);
    const signed = buyer.acknowledgement(jobId, { from: 16, to: 20, text: wordsOf(16, 20) });
    const live = await acknowledge(test, signed);
    expect([live.status, live.code]).toEqual([409, 'JOB_STATE_WRONG']);
    leaving.abort();
    await until(async () => ((await statusOf(test)) as { running: number }).running === 0);
    const over = buyer.acknowledgement(jobId, { from: 20, to: 21, text: 'x' });
    expect((await acknowledge(test, over)).code).toBe('JOB_STATE_WRONG');
  });
});

describe('a job that its buyer gives up before it is known here', () => {
  const pay = (test: TestProvider, change = {}) =>
    fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': test.buyer.header(body, { change }) },
    });
  const nothing = { from: 0, to: 0, text: '' };

  it('never runs when the request comes later, not even in the next life', async () => {
    const chain = createFakeChain();
    const first = await start({ chain, dataDir: folder() });
    const { buyer } = first;
    const given = buyer.acknowledgement(buyer.jobId(body), nothing);
    expect((await acknowledge(first, given)).code).toBe('JOB_UNKNOWN');
    expect((await acknowledge(first, given)).code).toBe('JOB_UNKNOWN');
    expect((await pay(first)).status).toBe(410);
    const dataDir = folder();
    cpSync(first.dataDir, dataDir, { recursive: true }); // what a kill leaves when the answer has left
    const second = await start({ chain, dataDir });
    const header = buyer.header(body);
    const late = await fetch(`${second.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': header },
    });
    expect([late.status, first.counts.calls, second.counts.calls]).toEqual([410, 0, 0]);
    expect(await statusOf(second)).toMatchObject({ charged: '0', running: 0 });
  });

  it('runs when the buyer asks for it anew, and then as often as any job: once', async () => {
    const test = await start({ dataDir: folder() });
    await acknowledge(test, test.buyer.acknowledgement(test.buyer.jobId(body), nothing));
    const refused = await pay(test);
    const { error } = (await refused.json()) as {
      error: { code: string; facts: { again: number } };
    };
    const { code, facts } = error;
    expect(code).toBe('JOB_EXPIRED');
    expect((await pay(test, { again: facts.again - 1 })).status).toBe(410);
    const answer = await pay(test, { again: facts.again });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('w39');
    expect((await pay(test)).status).toBe(200); // the held back one reads along
    expect(test.counts.calls).toBe(1);
  });

  it('is given up by who holds the key of a channel, and for that channel alone', async () => {
    const test = await start({ dataDir: folder() });
    const { buyer } = test;
    const jobId = buyer.jobId(body);
    const good = buyer.acknowledgement(jobId, nothing);
    const forged = { ...good, textHash: 'ab'.repeat(32) };
    expect((await acknowledge(test, forged)).code).toBe('VOUCHER_SIGNATURE_INVALID');
    const unknown = await acknowledge(test, { ...good, channelId: 'cd'.repeat(32) });
    expect(unknown.code).toBe('VOUCHER_CHANNEL_WRONG');
    const sibling = buyer.sibling();
    test.chain.put(sibling.channel);
    expect((await acknowledge(test, sibling.acknowledgement(jobId, nothing))).code).toBe(
      'JOB_UNKNOWN',
    );
    expect((await pay(test)).status).toBe(200);
  });

  it('is remembered for a day, and of the newest 64 of a channel', () => {
    const rows = new Map<string, GivenUpJob>();
    const store = {
      givenUp: () => [...rows.values()],
      saveGivenUp: (row: GivenUpJob) => void rows.set(row.jobId, row),
      dropGivenUp: ({ jobId }: { jobId: string }) => void rows.delete(jobId),
    };
    const clock = { now: 1_000 };
    const jobs = createGivenUpJobs(store, () => clock.now);
    const job = (at: number) => ({ jobId: `${at}`.padStart(64, '0'), channelId: 'c' });
    for (let at = 0; at < 70; at += 1) jobs.add(job(at));
    expect(rows.size).toBe(64);
    expect(jobs.refusal(job(5), undefined)).toBeUndefined();
    expect(jobs.refusal(job(6), undefined)?.code).toBe('JOB_EXPIRED');
    clock.now += 24 * 3_600_000 + 1;
    jobs.add(job(70));
    expect([...rows.keys()]).toEqual([job(70).jobId]);
    clock.now += 24 * 3_600_000 + 1;
    createGivenUpJobs(store, () => clock.now);
    expect(rows.size).toBe(0);
  });
});

describe('what an engine says about its tokens', () => {
  const run = async (script: Parameters<typeof startProvider>[0]) => {
    const test = await start(script);
    const answer = await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': test.buyer.header(body) },
    });
    await answer.text();
    const url = `${test.url}/v1/payments/receipts/${test.buyer.jobId(body)}`;
    const { receipts } = (await (await fetch(url)).json()) as { receipts: SignedReceipt[] };
    return { test, last: receipts.at(-1)?.payload };
  };

  it.each([
    { says: 'as many', counter: (n: number) => n, charged: '54', faults: 0 },
    { says: 'the end token too', counter: (n: number) => n + 1, charged: '54', faults: 0 },
    { says: 'more', counter: (n: number) => n + 5, charged: '54', faults: 1 },
    { says: 'less', counter: (n: number) => n - 3, charged: '51', faults: 1 },
    // 32 tokens stand in receipts already: they stay charged
    { says: 'much less', counter: () => 1, charged: '32', faults: 1 },
    { says: 'nothing', counter: () => 0, charged: '54', faults: 1 },
  ])('$says: the smaller count is billed, and the owner is told', async (row) => {
    const { test, last } = await run({ dataDir: folder(), script: { counter: row.counter } });
    expect(last).toMatchObject({ outcome: 'complete', to: 40, charged: row.charged });
    const metrics = await (await fetch(`${test.url}/metrics`)).text();
    expect(metrics).toMatch(
      new RegExp(`aitbc_provider_engine_miscounts_total\\{[^}]*\\} ${row.faults}`),
    );
  });

  it('tokens without text go out with the text that they belong to', async () => {
    const words = ['a', '', '', 'é', 'b', '', 'c'];
    const before = () => setTimeout(20); // what comes faster goes out as one
    const test = await start({ dataDir: folder(), script: { words, before } });
    const answer = await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': test.buyer.header(body) },
    });
    const lines = (await answer.text()).split('\n').filter((line) => line !== '');
    const shown = lines.flatMap((line) => {
      if (line.startsWith(': aitbc-tokens')) return [line];
      const text = /"content":"([^"]+)"/.exec(line)?.[1];
      return text === undefined ? [] : [text];
    });
    expect(shown).toEqual(['a', ': aitbc-tokens 3', 'é', 'b', ': aitbc-tokens 2', 'c']);
  });
});

describe('an embedding job', () => {
  const embedBody = JSON.stringify({
    model: modelName,
    input: ['one', 'three'],
    encoding_format: 'float',
  });
  const embed = (test: TestProvider, pay = {}) =>
    fetch(`${test.url}/v1/embeddings`, {
      method: 'POST',
      body: embedBody,
      headers: {
        'content-type': 'application/json',
        'payment-signature': test.buyer.header(embedBody, { tokens: 1, ...pay }),
      },
    });

  it('is sold as one token, in one receipt over its vectors', async () => {
    const test = await start({ dataDir: folder() });
    // request 7, bound 3 + 5 + 2 × 16, one token
    expect((await embed(test, { cap: 47n })).status).toBe(402);
    const answer = await embed(test, { cap: 48n });
    expect(answer.status).toBe(200);
    const said = (await answer.json()) as {
      data: { embedding: number[] }[];
      x_aitbc_receipts: SignedReceipt[];
    };
    expect(said.data.map(({ embedding }) => embedding)).toEqual([
      [3, 0.5, -1],
      [5, 0.5, -1],
    ]);
    const ranges = ['[[3,0.5,-1],[5,0.5,-1]]'];
    const receipts = said.x_aitbc_receipts;
    const digest = bodyDigestOf(utf8(embedBody));
    const payloads = checkReceipts(test.chain.network, { receipts, ranges }, digest);
    expect(payloads).toMatchObject([
      { from: 0, to: 1, outcome: 'complete', promptTokens: 7, charged: '15' },
    ]);
  });

  it('that fails owes nothing', async () => {
    const before = async () => {
      throw new AppError('ENGINE_CRASHED', { engine: 'test', reason: 'planned' });
    };
    const test = await start({ dataDir: folder(), script: { before } });
    expect((await embed(test)).status).toBe(502);
    expect(await statusOf(test)).toMatchObject({ charged: '0', running: 0 });
  });

  it('is asked for once, however often it is sent', async () => {
    const test = await start({ dataDir: folder() });
    const [one, two] = await Promise.all([embed(test), embed(test)]);
    const texts = await Promise.all([one.json(), two.json()]);
    expect(texts[0]).toEqual(texts[1]);
    expect(test.counts.calls).toBe(1);
  });
});
