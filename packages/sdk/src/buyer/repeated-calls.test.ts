import { AppError } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../books/store.ts';
import { createTestChain } from '../node/testing/chain.ts';
import { until } from '../node/testing/http-server.ts';
import { callOf, createTestMarket, drain, wholePrice, words } from './testing/test-market.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);
const text = words.join('');

describe('the same call while it runs', () => {
  it('reads along from the first token; both get the whole answer and it is bought once', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 2 } });
    const buyer = await buy(chain);
    const first = await buyer.run(callOf('k'));
    const reading = drain(first);
    const sold = [...seller.jobs.values()][0];
    await until(() => (sold?.delivered ?? 0) > 10);
    const second = await buyer.run(callOf('k'));
    expect(second.jobId).toBe(first.jobId);
    const answers = await Promise.all([reading, drain(second)]);
    expect(answers.map((answer) => answer.answer)).toEqual([text, text]);
    expect(answers[1]?.end).toEqual(answers[0]?.end);
    expect(seller.calls()).toBe(1);
    expect(buyer.spentToday()).toBe(wholePrice);
  });

  it('shares the wait for the first token', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 5 } });
    const buyer = await buy(chain);
    const jobs = await Promise.all([1, 2, 3].map(() => buyer.run(callOf('k'))));
    const answers = await Promise.all(jobs.map((job) => drain(job)));
    expect(answers.map((answer) => answer.answer)).toEqual([text, text, text]);
    expect(seller.calls()).toBe(1);
  });

  it('goes on for those who stay, and ends when the last one leaves', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { faults: { tokenMs: 5 } });
    const buyer = await buy(chain);
    const leaving = [new AbortController(), new AbortController()];
    const jobs = await Promise.all(leaving.map(({ signal }) => buyer.run(callOf('k', {}, signal))));
    const reading = jobs.map((job) => drain(job).catch((error: AppError) => error.code));
    const sold = [...seller.jobs.values()][0];
    leaving[0]?.abort();
    expect(await reading[0]).toBe('CANCELLED');
    const { delivered = 0 } = sold ?? {};
    await until(() => (sold?.delivered ?? 0) > delivered + 5);
    expect(sold?.outcome).toBe('running');
    leaving[1]?.abort();
    expect(await reading[1]).toBe('CANCELLED');
    await until(() => sold?.outcome === 'client_abort');
    await until(() => buyer.openCalls().length === 0);
    expect(buyer.spentToday()).toBe(sold?.charged);
  });

  it('gets the error that ends the answer, each reader', async () => {
    const chain = createTestChain();
    await sell(chain, { faults: { dieAfter: 9, tokenMs: 2 } });
    const buyer = await buy(chain);
    const jobs = await Promise.all([1, 2].map(() => buyer.run(callOf('k'))));
    const ends = await Promise.all(jobs.map((job) => drain(job).catch((error) => error.code)));
    expect(ends).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  });

  it('refuses all who wait when nobody sells', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.refuse = { error: new AppError('QUEUE_FULL', {}), times: 1 };
    const buyer = await buy(chain);
    const asked = [1, 2].map(() => buyer.run(callOf('k')).catch((error) => error.code));
    expect(await Promise.all(asked)).toEqual(['QUEUE_FULL', 'QUEUE_FULL']);
    expect((await drain(await buyer.run(callOf('k')))).answer).toBe(text);
  });
});

describe('the same call after its end', () => {
  it('is not promised a second time: a crash during the repetition charges nothing twice', async () => {
    const chain = createTestChain();
    await sell(chain);
    const store = createMemoryStore();
    const first = await buy(chain, { store });
    await drain(await first.run(callOf('k')));
    const { signedMax } = first.channels()[0] ?? {};
    await expect(first.run(callOf('k'))).rejects.toMatchObject({
      code: 'JOB_ENDED',
      facts: { outcome: 'complete' },
    });
    expect(first.channels()[0]?.signedMax).toBe(signedMax);
    const { calls } = await store.load(0);
    expect(calls.map(({ status }) => status)).toEqual(['settled']);
    const second = await buy(chain, { store });
    expect(second.openCalls()).toEqual([]);
    expect(second.channels()[0]?.settled).toBe(wholePrice);
  });

  it('is found in the store when the books have forgotten it', async () => {
    const chain = createTestChain();
    await sell(chain);
    const store = createMemoryStore();
    const first = await buy(chain, { store });
    await drain(await first.run(callOf('k')));
    const later = { nowMs: () => Date.now() + 3_600_000 };
    const second = await buy(chain, { store, clock: later });
    await expect(second.run(callOf('k'))).rejects.toMatchObject({ code: 'JOB_ENDED' });
    expect(second.openCalls()).toEqual([]);
    expect(second.channels()[0]?.settled).toBe(wholePrice);
  });

  it('is not bought from somebody who ranks higher now', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const store = createMemoryStore();
    const first = await buy(chain, { store });
    await drain(await first.run(callOf('k')));
    const other = await sell(chain);
    const second = await buy(chain, { store });
    seller.faults.refuse = { error: new AppError('QUEUE_FULL', {}), times: 9 };
    await expect(second.run(callOf('k'))).rejects.toMatchObject({ code: 'JOB_ENDED' });
    expect(other.calls()).toBe(0);
  });

  it('is not asked of a provider that never answered when another one did', async () => {
    const chain = createTestChain();
    const silent = await sell(chain, { faults: { isDown: true } });
    const second = await sell(chain);
    const buyer = await buy(chain);
    await drain(await buyer.run(callOf('k')));
    expect(buyer.openCalls()).toMatchObject([{ provider: silent.address }]);
    silent.faults.isDown = false;
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({
      code: 'JOB_ENDED',
      facts: { outcome: 'complete' },
    });
    expect([silent.jobs.size, second.jobs.size]).toEqual([0, 1]);
  });

  it('goes to another provider when the first one failed, and to that one never again', async () => {
    const chain = createTestChain();
    const failing = await sell(chain, { faults: { dieAfter: 9 } });
    const buyer = await buy(chain);
    await expect(drain(await buyer.run(callOf('k')))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await until(() => buyer.openCalls().length === 0);
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({
      code: 'JOB_ENDED',
      facts: { outcome: 'provider_error' },
    });
    const good = await sell(chain);
    expect((await drain(await buyer.run(callOf('k')))).answer).toBe(text);
    expect([failing.calls(), good.calls()]).toEqual([1, 1]);
  });
});
