import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { AppError, limits, type SignedReceipt, signDocument } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { type BuyerStore, createMemoryStore } from '../books/store.ts';
import { createTestChain, testHotKey } from '../node/testing/chain.ts';
import { until } from '../node/testing/http-server.ts';
import type { JobReport } from '../offers/report-jobs.ts';
import { callOf, createTestMarket, drain, words } from './testing/test-market.ts';

describe('buyer', () => {
  const { sellers, sell, buy, close } = createTestMarket();
  afterEach(close);

  it('opens a channel, pays by windows, checks the receipts and settles', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const reports: JobReport[] = [];
    const buyer = await buy(chain, { reports });
    const job = await buyer.run(callOf('k1'));
    const { answer: text, end } = await drain(job);
    expect(text).toBe(words.join(''));
    expect(end).toMatchObject({
      outcome: 'complete',
      finishReason: 'stop',
      outputTokens: 30,
      promptTokens: 5,
    });
    expect(end?.charged).toBe(7n + 5n + 300n);
    expect(seller.exposure()).toBeLessThanOrEqual(4);
    expect(chain.sent).toEqual(['vault_deposit']);
    const [channel] = buyer.channels();
    expect(channel).toMatchObject({ settled: 312n, status: 'open', balance: 1_000_000n });
    expect(buyer.openCalls()).toEqual([]);
    expect(buyer.spentToday()).toBe(312n);
    await until(() => reports.length === 1);
    expect(reports[0]?.receipt.payload.outcome).toBe('complete');
  });

  it('uses one channel for calls that run at once and never promises more than it holds', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 1 } });
    const buyer = await buy(chain);
    const jobs = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => buyer.run(callOf(key))));
    const ends = await Promise.all(jobs.map((job) => drain(job)));
    expect(ends.every(({ answer }) => answer === words.join(''))).toBe(true);
    const [channel] = buyer.channels();
    expect(buyer.channels()).toHaveLength(1);
    expect(channel?.settled).toBe(5n * 312n);
    expect(seller.books.get(channel?.channelId ?? '')?.charged).toBe(5n * 312n);
    expect(channel?.signedMax).toBeLessThanOrEqual(5n * 900n);
  });

  it('pays its windows though as many answers run as there are connections to a provider', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 1, voucherWaitMs: 10_000 } });
    const buyer = await buy(chain, { stallMs: 25_000 });
    await drain(await buyer.run(callOf('first'))); // the channel is there
    const keys = Array.from({ length: 128 }, (_, index) => `k${index}`);
    const ends = await Promise.all(keys.map(async (key) => drain(await buyer.run(callOf(key)))));
    expect(ends.every(({ answer }) => answer === words.join(''))).toBe(true);
    expect([...seller.jobs.values()].every(({ outcome }) => outcome === 'complete')).toBe(true);
  }, 30_000);

  it('pays all at once in reserve mode', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const buyer = await buy(chain, { mode: 'reserve' });
    const { end } = await drain(await buyer.run(callOf('k', { max_tokens: 30 })));
    expect(end?.charged).toBe(312n);
    expect([...seller.jobs.values()][0]?.covered).toBe(30);
  });

  it('takes the next offer when a provider refuses or is away', async () => {
    const chain = createTestChain();
    const refusing = await sell(chain);
    const gone = await sell(chain);
    const good = await sell(chain);
    refusing.faults.refuse = { error: new AppError('QUEUE_FULL', {}), times: 9 };
    await gone.server.close();
    const buyer = await buy(chain);
    const job = await buyer.run(callOf('k'));
    expect(job.offer.provider).toBe(good.address);
    expect((await drain(job)).end?.outcome).toBe('complete');
    expect(buyer.openCalls()).toEqual([]);
  });

  it('takes the next offer when a provider says nothing within its bound, and owes nothing', async () => {
    const chain = createTestChain();
    const silent = await sell(chain, { faults: { isSilent: true } });
    const good = await sell(chain);
    const buyer = await buy(chain, { firstTokenGraceMs: 0 });
    const job = await buyer.run(callOf('k'));
    expect(job.offer.provider).toBe(good.address);
    const { end } = await drain(job);
    expect(end?.firstTokenMs).toBeLessThan(1_000);
    await until(() => buyer.openCalls().length === 0);
    expect([...silent.jobs.values()][0]).toMatchObject({ outcome: 'client_abort', charged: 0n });
    expect(buyer.spentToday()).toBe(312n);
  });

  it('gives the last refusal when all providers refuse, and the same call may be tried again', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.refuse = { error: new AppError('QUEUE_FULL', {}), times: 1 };
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect((await drain(await buyer.run(callOf('k')))).end?.charged).toBe(312n);
    expect(buyer.spentToday()).toBe(312n);
  });

  it('says NO_OFFER when no offer passes the checks', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const forged = { ...seller.offer, payload: { ...seller.offer.payload, windowTokens: 5 } };
    sellers[0] = { ...seller, offer: forged };
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'NO_OFFER' });
    expect(seller.calls()).toBe(0);
  });

  it('refuses offers with private addresses unless they are allowed', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const buyer = await buy(chain, { allowPrivate: false });
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'NO_OFFER' });
    expect(seller.calls()).toBe(0);
  });

  it('refuses a call above the budget of a job or of the day before anything is signed or funded', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const small = await buy(chain, { jobMax: 50n });
    await expect(small.run(callOf('k'))).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
      facts: { scope: 'one job' },
    });
    expect(chain.sent).toEqual([]);
    const day = await buy(chain, { dayMax: 400n });
    expect((await drain(await day.run(callOf('k1')))).end?.charged).toBe(312n);
    await expect(day.run(callOf('k2'))).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
      facts: { scope: 'this day' },
    });
    expect(seller.calls()).toBe(1);
  });

  it('ends a call whose next window does not fit the budget', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const buyer = await buy(chain, { jobMax: 200n });
    const job = await buyer.run(callOf('k'));
    await expect(drain(job)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    await until(() => buyer.openCalls().length === 0);
    const sold = [...seller.jobs.values()][0];
    expect(sold?.outcome).toBe('client_abort');
    expect(buyer.spentToday()).toBe(sold?.charged);
  });

  it('stops the provider when the caller leaves and settles by the receipt it fetches', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 5 } });
    const buyer = await buy(chain);
    const controller = new AbortController();
    const job = await buyer.run(callOf('k', {}, controller.signal));
    const reading = drain(job);
    const sold = [...seller.jobs.values()][0];
    await until(() => (sold?.delivered ?? 0) > 6);
    controller.abort();
    const leftMs = Date.now();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    await until(() => sold?.outcome === 'client_abort');
    expect(Date.now() - leftMs).toBeLessThan(250);
    await until(() => buyer.openCalls().length === 0);
    expect(buyer.channels()[0]?.settled).toBe(sold?.charged);
  });

  it('ends with a clear error when the provider dies in mid-answer, and pays delivered tokens only', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.dieAfter = 9;
    const buyer = await buy(chain);
    const job = await buyer.run(callOf('k'));
    await expect(drain(job)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await until(() => buyer.openCalls().length === 0);
    expect(buyer.spentToday()).toBe(90n);
  });

  it('asks for the final receipt when the stream forgot it', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.forgetFinal = true;
    const buyer = await buy(chain);
    expect((await drain(await buyer.run(callOf('k')))).end).toMatchObject({
      outcome: 'complete',
      charged: 312n,
    });
  });

  it.each<[string, (receipt: SignedReceipt) => SignedReceipt['payload']]>([
    ['charges too much', ({ payload }) => ({ ...payload, charged: '99999' })],
    ['has another text', ({ payload }) => ({ ...payload, textHash: '00'.repeat(32) })],
    ['skips tokens', ({ payload }) => ({ ...payload, from: payload.from + 1 })],
    ['counts tokens that are not paid', ({ payload }) => ({ ...payload, to: payload.to + 50 })],
    ['counts too long a prompt', ({ payload }) => ({ ...payload, promptTokens: 5_000 })],
    ['is for another channel', ({ payload }) => ({ ...payload, channelId: '00'.repeat(32) })],
    ['breaks the prefix', ({ payload }) => ({ ...payload, prefixHash: '00'.repeat(32) })],
  ])('signs nothing more for a provider whose receipt %s', async (_what, change) => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const authorizer = keyPairFromSeed(new Uint8Array(32).fill(110));
    const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
    seller.faults.spoil = (receipt) =>
      signDocument({ tag: 'receipt', network: chain.network }, change(receipt), signer);
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k')).then(drain)).rejects.toMatchObject({
      code: 'RECEIPT_INVALID',
    });
    expect(buyer.channels()[0]?.status).toBe('distrusted');
    const { signedMax } = buyer.channels()[0] ?? {};
    await expect(buyer.run(callOf('k2'))).rejects.toMatchObject({ code: 'RECEIPT_INVALID' });
    expect(buyer.channels()[0]?.signedMax).toBe(signedMax);
    expect(seller.calls()).toBe(1);
  });

  it('believes no receipt that counts more tokens than its text can have, though they are paid for', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const authorizer = keyPairFromSeed(new Uint8Array(32).fill(110));
    const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
    seller.faults.spoil = ({ payload }) =>
      signDocument({ tag: 'receipt', network: chain.network }, { ...payload, to: 200 }, signer);
    const buyer = await buy(chain, { mode: 'reserve' });
    await expect(buyer.run(callOf('k', { max_tokens: 256 })).then(drain)).rejects.toMatchObject({
      code: 'RECEIPT_INVALID',
      facts: { reason: 'it counts more tokens than bytes' },
    });
  });

  it('believes no receipt that is dated before its offer, which would be too old to be audited', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const authorizer = keyPairFromSeed(new Uint8Array(32).fill(110));
    const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
    const atMs = 1_600_000_000_000;
    seller.faults.spoil = ({ payload }) =>
      signDocument({ tag: 'receipt', network: chain.network }, { ...payload, atMs }, signer);
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k')).then(drain)).rejects.toMatchObject({
      code: 'RECEIPT_INVALID',
      facts: { reason: 'it is dated before its offer' },
    });
  });

  it('pays by the signed offer and never by what a 402 asks for', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const dear = new AppError('PAYMENT_REQUIRED', { amount: '999999999', payTo: 'somebody else' });
    seller.faults.refuse = { error: dear, times: 1 };
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'PAYMENT_REQUIRED' });
    expect(seller.calls()).toBe(1);
    expect(chain.channels.size).toBe(1);
    expect(buyer.channels()[0]?.signedMax).toBeLessThan(1_000n);
    expect(buyer.openCalls()).toEqual([]);
  });

  it('refuses a receipt that another key signed', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const { publicKey, secretKey } = testHotKey(77);
    seller.faults.spoil = ({ payload }) =>
      signDocument({ tag: 'receipt', network: chain.network }, payload, {
        publicKey: hex(publicKey),
        secretKey,
      });
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k')).then(drain)).rejects.toMatchObject({
      code: 'RECEIPT_INVALID',
    });
  });

  it('finds its channel again without a store and goes on from the books the seller can prove', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const first = await buy(chain);
    await drain(await first.run(callOf('k1')));
    await first.close();
    const second = await buy(chain);
    expect(second.channels()).toHaveLength(1);
    const { end } = await drain(await second.run(callOf('k2')));
    expect(end?.charged).toBe(312n);
    expect(second.channels()[0]?.settled).toBe(624n);
    expect(seller.calls()).toBe(3);
    expect(chain.sent).toEqual(['vault_deposit']);
  });

  it('pays no provider that counts more than its receipts say', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const buyer = await buy(chain);
    await drain(await buyer.run(callOf('k1')));
    const books = seller.books.get(buyer.channels()[0]?.channelId ?? '');
    if (books) books.charged += 400n;
    await expect(buyer.run(callOf('k2'))).rejects.toMatchObject({ code: 'RECEIPT_INVALID' });
    expect(buyer.channels()[0]?.status).toBe('distrusted');
  });

  it('settles after a restart what was open when it stopped', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 5 } });
    const store = createMemoryStore();
    const first = await buy(chain, { store });
    const job = await first.run(callOf('k'));
    const reading = drain(job).catch(() => undefined);
    const sold = [...seller.jobs.values()][0];
    await until(() => (sold?.delivered ?? 0) > 6);
    await first.close();
    await reading;
    const second = await buy(chain, { store });
    await until(() => second.openCalls().length === 0);
    expect(second.channels()[0]?.settled).toBe(sold?.charged);
    expect(second.spentToday()).toBe(sold?.charged);
  });

  it('charges once when a crash lost the end of a call, and asks for its receipts again', async () => {
    const chain = createTestChain();
    await sell(chain);
    const store = createMemoryStore();
    const late: BuyerStore = {
      ...store,
      save: (change, time) => (time === 'soon' ? undefined : store.save(change)),
    };
    const first = await buy(chain, { store: late });
    expect((await drain(await first.run(callOf('k')))).end?.charged).toBe(312n);
    await first.close();
    const second = await buy(chain, { store });
    await until(() => second.openCalls().length === 0);
    expect(second.channels()[0]?.settled).toBe(312n);
    expect(second.spentToday()).toBe(312n);
  });

  it('fills a channel that runs low in the background, and waits only when there is no room', async () => {
    const chain = createTestChain();
    await sell(chain);
    const buyer = await buy(chain, { channelFund: 1_000n });
    await drain(await buyer.run(callOf('k1')));
    await drain(await buyer.run(callOf('k2')));
    await drain(await buyer.run(callOf('k3')));
    await until(() => (buyer.channels()[0]?.balance ?? 0n) >= 2_000n);
    expect(chain.sent).toEqual(['vault_deposit', 'channel_fund']);
    expect(buyer.channels()[0]?.settled).toBe(936n);
  });

  it('waits for more money in mid-answer and goes on', async () => {
    const chain = createTestChain();
    await sell(chain);
    const buyer = await buy(chain, { channelFund: 150n });
    const { answer: text } = await drain(await buyer.run(callOf('k1')));
    expect(text).toBe(words.join(''));
    expect(chain.sent.length).toBeGreaterThan(1);
  });

  it('refuses an idempotency key that is empty or too long', async () => {
    const chain = createTestChain();
    const buyer = await buy(chain);
    for (const key of ['', 'x'.repeat(limits.idempotencyKeyBytes + 1)]) {
      await expect(buyer.run(callOf(key))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    }
  });
});
