/** Whoever vanishes, and whenever: nobody loses more than a window (and the seller the prompt). */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestChain } from '../../node/testing/chain.ts';
import { until } from '../../node/testing/http-server.ts';
import type { Seller } from '../../node/testing/seller.ts';
import type { SellerFailure } from '../../node/testing/seller-types.ts';
import { callOf, createTestMarket, words } from '../testing/test-market.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);
const tokenPrice = 10n;

const failure = fc.record({
  after: fc.integer({ min: 1, max: words.length }),
  how: fc.constantFrom<SellerFailure>('kill', 'kill', 'stall', 'garbage', 'error', 'fault', 'end'),
});

const scenario = fc.record({
  windowTokens: fc.integer({ min: 1, max: 7 }),
  fails: fc.tuple(fc.option(failure), fc.option(failure), fc.option(failure)),
  /** The buyer leaves after so many words. */
  leavesAfter: fc.option(fc.integer({ min: 1, max: words.length })),
  /** Sellers that failed take no acknowledgement. */
  isDeaf: fc.boolean(),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

interface Outcome {
  readonly sellers: readonly Seller[];
  /** Words that the buyer read. */
  readonly arrived: number;
  readonly isEnded: boolean;
}

async function play({ windowTokens, fails, leavesAfter, isDeaf }: Scenario): Promise<Outcome> {
  const chain = createTestChain();
  const sellers: Seller[] = [];
  for (const fail of fails) {
    const onAcknowledge = () => {
      throw new Error('deaf');
    };
    const faults = { ...(fail ? { fail } : {}), ...(isDeaf ? { onAcknowledge } : {}) };
    sellers.push(await sell(chain, { windowTokens, faults }));
  }
  const buyer = await buy(chain, { stallMs: 30 });
  const leaving = new AbortController();
  let answer = '';
  let isEnded = false;
  try {
    const job = await buyer.run(callOf('k', {}, leaving.signal));
    for await (const event of job.events) {
      if (event.type === 'end') isEnded = true;
      if (event.type !== 'text') continue;
      answer += event.text;
      if (leavesAfter !== null && wordsIn(answer) >= leavesAfter) leaving.abort();
    }
  } catch {
    // the last failure, or the buyer's own leaving: what is lost is judged all the same
  }
  expect(answer).toBe(words.slice(0, wordsIn(answer)).join(''));
  await until(() => buyer.openCalls().length === 0);
  return { sellers, arrived: wordsIn(answer), isEnded };
}

function wordsIn(text: string): number {
  return text.split(' ').length - 1;
}

describe('an answer that anybody may leave at any moment', () => {
  it('costs neither side more than a window of tokens, and the buyer no token twice', async () => {
    const property = fc.asyncProperty(scenario, async (all) => {
      const { sellers, arrived, isEnded } = await play(all);
      const k = all.windowTokens;
      const jobs = sellers
        .flatMap((seller) => [...seller.jobs.values()].map((job) => ({ seller, job })))
        .sort((a, b) => a.job.from - b.job.from);
      for (const [place, { seller, job }] of jobs.entries()) {
        const end = jobs[place + 1]?.job.from ?? arrived;
        expect(seller.exposure()).toBeLessThanOrEqual(k);
        expect(job.covered - end).toBeLessThanOrEqual(k);
        const unpaid = BigInt(job.sent - job.from - k) * tokenPrice;
        expect(job.charged).toBeGreaterThanOrEqual(unpaid > 0n ? unpaid : 0n);
        const mostDue = BigInt(end - job.from + k) * tokenPrice + 12n;
        expect(job.charged).toBeLessThanOrEqual(mostDue);
      }
      if (isEnded) expect(arrived).toBe(words.length);
      await close();
    });
    await fc.assert(property, { numRuns: 40 });
  });
});
