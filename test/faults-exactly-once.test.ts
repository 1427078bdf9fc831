/**
 * Exactly once: a streamed answer whose first provider fails in its second window, so that the second one completes it.
 * One of the three daemons dies at one of its writes of this job, just before it or just after it, for every
 * write there is; it comes back from its folder, and the client asks again.
 *
 * Then everything must be settled: receipts of each provider tile, each is paid what they say and no token that its
 * engine did not give, nobody lost more than a window, the buyer counts what the chain paid, and no coin is missing.
 */
import { chargeFor, priceOf, type SignedReceipt } from '@aitbc/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask, type Seen } from './faults/client.ts';
import type { Life } from './faults/life.ts';
import { type Market, openMarket, windowTokens } from './faults/market.ts';
import { answerText, type Shop, words } from './faults/shop.ts';

const victims = ['gateway', 'first provider', 'second provider'] as const;
type Victim = (typeof victims)[number];
const failsAt = 20;
/** Writes that are looked at; the test fails when a job has more. */
const writesMax: Readonly<Record<Victim, number>> = {
  gateway: 16,
  'first provider': 10,
  'second provider': 10,
};

const lifeOf = ({ till, shops }: Market, victim: Victim): Life =>
  victim === 'gateway' ? till.life() : shopOf(shops, victim).life();

function shopOf(shops: readonly Shop[], victim: Victim): Shop {
  const shop = shops[victim === 'first provider' ? 0 : 1];
  if (!shop) throw new Error('the market has no such provider');
  return shop;
}

interface Death {
  readonly victim: Victim;
  readonly at: number;
  readonly side: 'before' | 'after';
}

/** Plays the job with a death in it; false when the job was over before that write. */
async function play({ victim, at, side }: Death): Promise<boolean> {
  const market = await openMarket({ failsAt });
  try {
    lifeOf(market, victim).dieAt(at, side);
    const first = await ask(market.till, { isStream: true });
    const isDead = lifeOf(market, victim).isDead();
    expectHonest(first, isDead ? ['pass', 'partial', 'safe'] : ['pass']);
    if (isDead && victim === 'gateway') await market.till.restart();
    else if (isDead) await shopOf(market.shops, victim).restart();
    const again = await ask(market.till, { isStream: true });
    expectHonest(again, ['pass', 'safe']);
    const paid = await market.settle();
    let tokens = 0;
    for (const [place, shop] of market.shops.entries()) {
      tokens += await expectExact(shop, paid[place] ?? 0n);
    }
    if (first.judgement === 'pass') {
      // Each token is paid once, and what was on its way to the buyer when its provider died.
      expect(tokens).toBeGreaterThanOrEqual(words.length);
      expect(tokens).toBeLessThanOrEqual(words.length + windowTokens);
    }
    return isDead;
  } finally {
    await market.stop();
  }
}

function expectHonest({ judgement, text, said }: Seen, allowed: readonly string[]): void {
  expect(allowed, said).toContain(judgement);
  expect(answerText.startsWith(text)).toBe(true);
}

/** What a provider was paid is explained by its receipts, token by token; so many tokens. */
async function expectExact(shop: Shop, paid: bigint): Promise<number> {
  let sum = 0n;
  let tokens = 0;
  for (const jobId of shop.jobIds()) {
    const { offer, receipts } = await shop.client().receipt({ jobId });
    const last = expectTiles(receipts);
    const usage = { promptTokens: last.promptTokens, outputTokens: last.tokens };
    const due = chargeFor(priceOf(offer.payload), usage, last.outcome);
    expect(last.charged).toBe(last.tokens === 0 ? 0n : due);
    sum += last.charged;
    tokens += last.tokens;
  }
  expect(paid, 'what the chain paid').toBe(sum);
  expect(tokens, 'no token is paid that was not given').toBeLessThanOrEqual(shop.engineTokens());
  const lost = shop.engineTokens() - tokens;
  expect(lost, 'tokens given for nothing').toBeLessThanOrEqual(windowTokens + 1); // one may wait to go out
  return tokens;
}

function expectTiles(receipts: readonly SignedReceipt[]) {
  const [first] = receipts;
  const last = receipts.at(-1);
  if (!first || !last) throw new Error('the job has no receipt');
  let at = first.payload.from;
  for (const { payload } of receipts) {
    expect(payload.from).toBe(at);
    at = payload.to;
  }
  const { promptTokens, outcome, charged } = last.payload;
  expect(outcome).not.toBe('running');
  return { promptTokens, outcome, charged: BigInt(charged), tokens: at - first.payload.from };
}

describe('a job in whose course a daemon dies', () => {
  const counts = new Map<Victim, number>();

  beforeAll(async () => {
    const market = await openMarket({ failsAt });
    const before = victims.map((victim) => lifeOf(market, victim).writes());
    const seen = await ask(market.till, { isStream: true });
    await market.settle();
    for (const [place, victim] of victims.entries()) {
      counts.set(victim, lifeOf(market, victim).writes() - (before[place] ?? 0));
    }
    await market.stop();
    expect(seen.judgement).toBe('pass');
  });

  describe.each(victims)('the %s', (victim) => {
    it('has no more writes than are tried', () => {
      console.info(`writes of the ${victim}: ${counts.get(victim)}`);
      expect(counts.get(victim)).toBeLessThanOrEqual(writesMax[victim]);
      expect(counts.get(victim)).toBeGreaterThan(2);
    });

    const writes = Array.from({ length: writesMax[victim] }, (_, index) => index + 1);
    describe.concurrent.each(writes)('at write %i', (at) => {
      for (const side of ['before', 'after'] as const) {
        it(`is paid exactly once when it dies just ${side} it`, async () => {
          const isDead = await play({ victim, at, side });
          if (at <= (counts.get(victim) ?? 0) / 2) expect(isDead).toBe(true);
        });
      }
    });
  });
});
