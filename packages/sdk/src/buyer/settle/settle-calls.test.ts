import { AppError } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { type BuyerStore, createMemoryStore } from '../../books/store.ts';
import { createTestChain } from '../../node/testing/chain.ts';
import { until } from '../../node/testing/http-server.ts';
import { callOf, createTestMarket, drain, wholePrice, words } from '../testing/test-market.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);

const rowsOf = async (store: BuyerStore) => (await store.load(0)).calls;

/** A buyer that ended in mid-answer, as a crash would leave its store. */
async function crashed() {
  const chain = createTestChain();
  const seller = await sell(chain, { faults: { tokenMs: 5 } });
  const store = createMemoryStore();
  const first = await buy(chain, { store });
  const reading = drain(await first.run(callOf('k'))).catch(() => undefined);
  const sold = [...seller.jobs.values()][0];
  await until(() => (sold?.delivered ?? 0) > 6);
  await first.close();
  await reading;
  await until(() => sold?.outcome === 'client_abort');
  return { chain, seller, store, sold };
}

describe('a request that may still be on its way', () => {
  it('keeps its reservation although the provider does not know the job yet', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.refuse = {
      error: new AppError('UNAVAILABLE', { what: 'it', reason: 'lost in mid-air' }),
      times: 1,
    };
    const clock = { now: Date.now(), nowMs: () => clock.now };
    const buyer = await buy(chain, { clock });
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await until(() => seller.receiptsAsked() >= 2);
    expect(buyer.openCalls()).toHaveLength(1);
    clock.now += 10_000;
    await until(() => buyer.openCalls().length === 0);
    expect(buyer.channels()[0]).toMatchObject({ settled: 0n, status: 'open' });
  });

  it('is given up at the provider before its reservation ends', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const lost = new AppError('UNAVAILABLE', { what: 'it', reason: 'lost in mid-air' });
    seller.faults.refuse = { error: lost, times: 1 };
    let [givenUp, isAway] = [0, true];
    seller.faults.onAcknowledge = () => {
      if (isAway) throw lost;
      givenUp += 1;
    };
    const clock = { now: Date.now(), nowMs: () => clock.now };
    const buyer = await buy(chain, { clock });
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    clock.now += 10_000;
    await until(() => seller.receiptsAsked() >= 2);
    expect(buyer.openCalls()).toHaveLength(1);
    isAway = false;
    await until(() => buyer.openCalls().length === 0);
    expect(givenUp).toBe(1);
  });

  it('is asked anew after it was given up, and says so when the provider wants to know', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.givenUp = 77;
    const buyer = await buy(chain);
    expect((await drain(await buyer.run(callOf('k')))).answer).toBe(words.join(''));
    expect(buyer.spentToday()).toBe(wholePrice);
    const error = new AppError('JOB_EXPIRED', { jobId: 'ab'.repeat(32), again: 78 });
    seller.faults.refuse = { error, times: 2 };
    await expect(buyer.run(callOf('k2'))).rejects.toMatchObject({ code: 'JOB_EXPIRED' });
    await until(() => buyer.openCalls().length === 0);
  });

  it('is asked for again within the same promise, and charged once', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.refuse = {
      error: new AppError('UNAVAILABLE', { what: 'it', reason: 'lost in mid-air' }),
      times: 1,
    };
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const { signedMax } = buyer.channels()[0] ?? {};
    const again = await buyer.run(callOf('k'));
    expect(seller.books.get(buyer.channels()[0]?.channelId ?? '')?.signedMax).toBe(signedMax);
    expect((await drain(again)).answer).toBe(words.join(''));
    expect(buyer.spentToday()).toBe(wholePrice);
  });
});

describe('a call that an earlier life left open', () => {
  it('goes on where it was asked for first, under its offer, though another ranks higher now', async () => {
    const { chain, store, sold, seller } = await crashed();
    const other = await sell(chain);
    const second = await buy(chain, { store });
    await expect(second.run(callOf('k'))).rejects.toMatchObject({
      code: 'JOB_ENDED',
      facts: { outcome: 'client_abort' },
    });
    expect([seller.calls(), other.calls()]).toEqual([2, 0]);
    await until(() => second.openCalls().length === 0);
    expect(second.spentToday()).toBe(sold?.charged);
  });

  it('is no reason for distrust when its row is older than its last voucher', async () => {
    const { chain, store } = await crashed();
    const [row] = await rowsOf(store);
    if (!row) throw new Error('there is an open call');
    const [channel] = (await store.load(0)).channels;
    if (!channel) throw new Error('there is a channel');
    const { channelId } = channel;
    // what a power cut may leave: the first voucher, and nothing of those after it
    await store.save({ call: { ...row, tokens: 4, reserved: 100n } });
    await store.save({ channel: { ...channel, signedMax: 100n } });
    const second = await buy(chain, { store });
    expect(second.openCalls()).toHaveLength(1);
    const next = await second.run(callOf('k2'));
    expect((await drain(next)).end?.outcome).toBe('complete');
    expect(second.channels()[0]).toMatchObject({ channelId, status: 'open' });
  });

  it('holds nothing when the job ran on another channel', async () => {
    const { chain, store, seller } = await crashed();
    const [row] = await rowsOf(store);
    const [channel] = (await store.load(0)).channels;
    if (!row || !channel) throw new Error('there is an open call on a channel');
    const job = seller.jobs.get(row.jobId);
    const elsewhere = '77'.repeat(32);
    seller.jobs.set(row.jobId, {
      ...job,
      receipts: job?.receipts.map((receipt) => ({
        ...receipt,
        payload: { ...receipt.payload, channelId: elsewhere },
      })),
    } as never);
    const second = await buy(chain, { store });
    await until(() => second.openCalls().length === 0);
    expect(second.channels()[0]).toMatchObject({ settled: 0n, status: 'open' });
  });

  it('holds nothing on a channel that the chain has closed', async () => {
    const { chain, store, seller } = await crashed();
    await seller.server.close();
    for (const [id, channel] of chain.channels)
      chain.channels.set(id, { ...channel, closed: true });
    const second = await buy(chain, { store });
    expect(second.openCalls()).toEqual([]);
    expect(second.channels()[0]?.status).toBe('closed');
  });
});

describe('a provider that broke a rule', () => {
  it('stays out after a restart, until the owner forgives it', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const store = createMemoryStore();
    const first = await buy(chain, { store });
    seller.faults.spoil = ({ payload }) => ({ payload, signer: '00', signature: '00' });
    await expect(first.run(callOf('k1')).then(drain)).rejects.toMatchObject({
      code: 'RECEIPT_INVALID',
    });
    delete seller.faults.spoil;
    const second = await buy(chain, { store });
    for (const key of ['k1', 'k2']) {
      await expect(second.run(callOf(key))).rejects.toMatchObject({ code: 'RECEIPT_INVALID' });
    }
    expect(seller.calls()).toBe(1);
    const third = await buy(chain, { store, forgiven: [seller.address] });
    expect((await drain(await third.run(callOf('k3')))).end?.outcome).toBe('complete');
  });
});

describe('money on its way into a channel', () => {
  it('is found by the next life, whether the funding became final or not', async () => {
    const chain = createTestChain();
    await sell(chain);
    const store = createMemoryStore();
    const first = await buy(chain, { store });
    chain.onSend = async () => {
      throw new AppError('UNAVAILABLE', { what: 'node', reason: 'it died' });
    };
    await expect(first.run(callOf('k'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const begun = first.channels()[0];
    expect(begun?.status).toBe('opening');
    chain.onSend = () => Promise.resolve();
    const second = await buy(chain, { store });
    expect((await drain(await second.run(callOf('k')))).answer).toBe(words.join(''));
    expect([...chain.channels.keys()]).toEqual([begun?.channelId]);
  });

  it('is asked for again in mid-answer when the wallet or the node was away for a moment', async () => {
    const chain = createTestChain();
    await sell(chain);
    const buyer = await buy(chain, { channelFund: 150n });
    let sends = 0;
    chain.onSend = async () => {
      sends += 1;
      if (sends === 2) throw new AppError('UNAVAILABLE', { what: 'wallet', reason: 'it died' });
    };
    expect((await drain(await buyer.run(callOf('k')))).answer).toBe(words.join(''));
  });

  it('opens no call again that has ended meanwhile', async () => {
    const chain = createTestChain();
    await sell(chain);
    const store = createMemoryStore();
    const buyer = await buy(chain, { store, channelFund: 150n });
    let sends = 0;
    let arrive = () => {};
    chain.onSend = async () => {
      sends += 1;
      if (sends === 2) {
        await new Promise<void>((resolve) => {
          arrive = resolve;
        });
      }
    };
    const job = await buyer.run(callOf('k'));
    await drain(job); // the seller gives up waiting: limit
    await until(() => buyer.openCalls().length === 0);
    arrive();
    await until(() => (buyer.channels()[0]?.balance ?? 0n) > 150n);
    await new Promise((resolve) => setImmediate(resolve));
    expect(buyer.openCalls()).toEqual([]);
    expect((await rowsOf(store)).map(({ status }) => status)).toEqual(['settled']);
  });

  it('is waited for by each of many calls that run it low together', async () => {
    const chain = createTestChain();
    await sell(chain, { faults: { tokenMs: 1 } });
    const buyer = await buy(chain, { channelFund: 250n });
    const keys = ['a', 'b', 'c', 'd'];
    const answers = await Promise.all(
      keys.map(async (key) => (await drain(await buyer.run(callOf(key)))).answer),
    );
    expect(answers).toEqual(keys.map(() => words.join('')));
    expect(buyer.channels()[0]?.settled).toBe(4n * wholePrice);
  });
});
