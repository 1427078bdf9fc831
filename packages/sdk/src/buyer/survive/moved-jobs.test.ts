import { AppError, jobProofOf, textHashOf, verifyJobProof } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../books/store.ts';
import { createTestChain } from '../../node/testing/chain.ts';
import { until } from '../../node/testing/http-server.ts';
import { expectSettled, expectWhole, warm } from '../testing/answers.ts';
import { callOf, createTestMarket, drain, words } from '../testing/test-market.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);

describe('what no receipt covers', () => {
  it('is acknowledged when the provider is back, by the next life of the buyer too', async () => {
    const chain = createTestChain();
    const first = await sell(chain);
    const second = await sell(chain);
    const store = createMemoryStore();
    const buyer = await buy(chain, { store });
    await warm(chain, buyer, [first, second]);
    const before = buyer.spentToday();
    first.faults.fail = { after: 10, how: 'kill' };
    const job = await buyer.run(callOf('k'));
    first.faults.onAcknowledge = () => {
      throw new AppError('UNAVAILABLE', { what: 'it', reason: 'it is starting' });
    };
    const drained = await drain(job);
    expectWhole(drained, [first, second]);
    expect(drained.end?.parts[0]).toMatchObject({ to: 10, charged: 100n });
    expect(buyer.openCalls()).toMatchObject([{ tail: { from: 8, to: 10 }, status: 'unsettled' }]);
    await buyer.close();
    delete first.faults.onAcknowledge;
    const next = await buy(chain, { store });
    await expectSettled(next, [first, second]);
    expect(first.jobs.get(job.jobId)?.receipts.at(-1)?.payload).toMatchObject({
      from: 8,
      to: 10,
      outcome: 'provider_error',
      charged: '100',
    });
    expect(next.spentToday()).toBe(before + 312n);
  });

  it('is not paid when the provider refuses the acknowledgement', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 10, how: 'kill' } } });
    const second = await sell(chain);
    first.faults.onAcknowledge = () => {
      throw new AppError('JOB_STATE_WRONG', { jobId: '', state: 'ended otherwise' });
    };
    const buyer = await buy(chain);
    const { end } = await drain(await buyer.run(callOf('k')));
    await expectSettled(buyer, [first, second]);
    expect(buyer.spentToday()).toBe(292n);
    expect([292n, 312n]).toContain(end?.charged);
  });
});

describe('a provider that dies between the end that it stored and the end that it sent', () => {
  it('is paid as one whose line broke: both sides count the same, nobody is distrusted, the proof holds', async () => {
    const chain = createTestChain();
    const [after, windowTokens] = [27, 8];
    const faults = { fail: { after, how: 'complete' } } as const;
    const first = await sell(chain, { windowTokens, faults });
    const second = await sell(chain, { windowTokens });
    const buyer = await buy(chain);
    const job = await buyer.run(callOf('k'));
    expectWhole(await drain(job), [first, second]);
    await expectSettled(buyer, [first, second]);
    expect(buyer.channels().map(({ status }) => status)).not.toContain('distrusted');

    const [one, two] = [first, second].map(({ jobs }) => jobs.get(job.jobId));
    const [ended, begun] = [one?.receipts.at(-1)?.payload, two?.receipts[0]?.payload];
    if (!one || !two || !ended || !begun) throw new Error('both had the job');
    expect([ended.outcome, begun.from]).toEqual(['complete', after]);
    const text = words.slice(24, after).join('');
    const tail = { from: 24, to: after, textHash: textHashOf(text) };
    const proof = jobProofOf({
      ...{ genesisHash: chain.network.genesisHash, identity: null },
      ...{ jobId: job.jobId, bodyDigest: one.bodyDigest },
      parts: [
        { offer: first.offer, from: 0, receipts: one.receipts, tail },
        { offer: second.offer, from: after, receipts: two.receipts, tail: null },
      ],
    });
    const proven = proof && verifyJobProof(chain.network, proof);
    expect(proven?.ok && proven.value).toMatchObject({
      ...{ outputTokens: words.length, prompts: 2, surplusTokens: ended.to - after },
      charged: buyer.spentToday(),
    });
    expect(ended.to - after).toBeLessThanOrEqual(windowTokens);
  });
});

describe('the same call of an answer that moved', () => {
  it('reads along across the move', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { tokenMs: 2, fail: { after: 10, how: 'kill' } } });
    const second = await sell(chain, { faults: { tokenMs: 2 } });
    const buyer = await buy(chain);
    const one = drain(await buyer.run(callOf('k')));
    const two = drain(await buyer.run(callOf('k')));
    await until(() => second.resumed() === 1);
    const three = drain(await buyer.run(callOf('k')));
    for (const drained of await Promise.all([one, two, three])) {
      expectWhole(drained, [first, second]);
    }
    expect([first.calls(), second.calls()]).toEqual([1, 1]);
  });

  it('cannot be read again afterwards: no provider holds all of it', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 10, how: 'kill' } } });
    const second = await sell(chain);
    const store = createMemoryStore();
    const buyer = await buy(chain, { store });
    await drain(await buyer.run(callOf('k')));
    await buyer.close();
    const next = await buy(chain, { store });
    for (const who of [next, next]) {
      await expect(who.run(callOf('k'))).rejects.toMatchObject({
        code: 'JOB_ENDED',
        facts: { outcome: 'complete' },
      });
    }
    expect([first.calls(), second.calls()]).toEqual([1, 1]);
  });

  it('is bought anew from others when all its providers failed', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 5, how: 'kill' } } });
    const second = await sell(chain, { faults: { fail: { after: 5, how: 'kill' } } });
    const buyer = await buy(chain);
    await expect(drain(await buyer.run(callOf('k')))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const third = await sell(chain);
    await expectSettled(buyer, [first, second]);
    expectWhole(await drain(await buyer.run(callOf('k'))), [third]);
    expect([first.calls(), second.calls()]).toEqual([1, 1]);
  });
});

describe('a hedged first token', () => {
  it('comes from the next provider when the first is late, which is owed nothing', async () => {
    const chain = createTestChain();
    const late = await sell(chain, { faults: { isSilent: true } });
    const quick = await sell(chain);
    const buyer = await buy(chain, { hedgeMs: 30 });
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [quick]);
    await expectSettled(buyer, [late, quick]);
    expect([...late.jobs.values()][0]).toMatchObject({ outcome: 'client_abort', charged: 0n });
    expect(buyer.spentToday()).toBe(312n);
  });

  it('asks nobody else when the first is in time', async () => {
    const chain = createTestChain();
    const first = await sell(chain);
    const second = await sell(chain);
    const buyer = await buy(chain, { hedgeMs: 2_000 });
    expectWhole(await drain(await buyer.run(callOf('k'))), [first]);
    expect(second.calls()).toBe(0);
  });
});
