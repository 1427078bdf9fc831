import { AppError } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../books/store.ts';
import { createTestMarket, wholePrice, words } from '../buyer/testing/test-market.ts';
import { pause } from '../chain/pause.ts';
import { createTestChain } from '../node/testing/chain.ts';
import { type Budget, openBudget } from './budget.ts';
import { createInference } from './inference.ts';
import { createMemoryAgentStore } from './store.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);

const messages = [{ role: 'user' as const, content: 'hello' }];
const wish = { model: 'tiny', messages };

async function setUp(totalNait: bigint, faults = {}) {
  const chain = createTestChain();
  const seller = await sell(chain, { faults });
  const store = createMemoryStore();
  const budget: Budget = await openBudget(createMemoryAgentStore(), totalNait);
  const inference = createInference({
    ...{ budget, callNait: 1_000n, network: chain.network },
    coordinator: {
      getJob: () => Promise.reject(new AppError('JOB_UNKNOWN', { jobId: '' })),
      jobResult: () => Promise.reject(new AppError('JOB_UNKNOWN', { jobId: '' })),
    },
    buyer: () => buy(chain, { store }),
    callsOf: (jobId) => store.find(jobId),
  });
  return { chain, seller, budget, inference };
}

/** Looks again until nothing is held any more. */
async function known(budget: Budget): Promise<void> {
  for (let tries = 1; budget.heldNait > 0n; tries += 1) {
    if (tries > 500) throw new Error('something stays held');
    await pause(10);
    await (await budget.hold(`look ${tries}`, 0n)).settle(0n);
  }
}

describe('inference within a budget', () => {
  it('spends what the answer cost, and tells the text as it comes', async () => {
    const { inference, budget } = await setUp(10_000n);
    const pieces: string[] = [];
    const answer = await inference.chat(wish, { onText: (text) => void pieces.push(text) });
    expect([answer.text, pieces.join('')]).toEqual([words.join(''), words.join('')]);
    expect([answer.chargedNait, budget.spentNait, budget.heldNait]).toEqual([
      wholePrice,
      wholePrice,
      0n,
    ]);
    expect(answer.parts.map((part) => part.chargedNait)).toEqual([wholePrice]);
  });

  it('refuses a call before anything is funded or signed, when its most does not fit', async () => {
    const { inference, chain, seller } = await setUp(999n);
    await expect(inference.chat(wish)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect([chain.sent, seller.calls()]).toEqual([[], 0]);
    expect((await inference.chat({ ...wish, maxNait: 999n })).chargedNait).toBe(wholePrice);
  });

  it('ends an answer that would cost more than its own limit, and pays what came', async () => {
    const { inference, budget, seller } = await setUp(10_000n);
    const call = inference.chat({ ...wish, maxNait: 200n });
    await expect(call).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    await known(budget);
    expect(budget.spentNait).toBeGreaterThan(0n);
    expect(budget.spentNait).toBeLessThanOrEqual(200n);
    expect(budget.spentNait).toBe([...seller.jobs.values()][0]?.charged);
  });

  it('pays for what a provider delivered before it died', async () => {
    const { inference, budget, seller } = await setUp(10_000n);
    seller.faults.dieAfter = 9;
    await expect(inference.chat(wish)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(budget.heldNait).toBe(1_000n);
    await known(budget);
    expect(budget.spentNait).toBe(90n);
  });

  it('holds nothing for a call that nobody took', async () => {
    const { inference, budget, seller } = await setUp(10_000n);
    seller.faults.refuse = { error: new AppError('QUEUE_FULL', {}), times: 9 };
    await expect(inference.chat(wish)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect([budget.spentNait, budget.heldNait]).toEqual([0n, 0n]);
  });

  it('buys vectors', async () => {
    const { inference, budget } = await setUp(10_000n);
    const { vectors, charged } = await inference.embed({ model: 'tiny', inputs: ['a', 'b'] });
    expect([vectors.length, budget.spentNait]).toEqual([2, charged]);
  });

  it('frees a batch that the coordinator does not take', async () => {
    const { inference, budget } = await setUp(10_000n);
    await expect(inference.batch([{ ...wish, maxNait: 3_000n }])).rejects.toMatchObject({
      code: 'NO_OFFER',
    });
    expect([budget.spentNait, budget.heldNait]).toEqual([0n, 0n]);
  });
});
