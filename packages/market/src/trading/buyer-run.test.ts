import { describe, expect, it } from 'vitest';
import { type BuyerSetup, runBuyer } from './buyer-run.ts';
import { statelessTrader } from './strategy.ts';
import type { Quote, Tape } from './tape.ts';
import { minuteMs, model } from './testing/markets.ts';
import { worldOf } from './world.ts';

const fromMs = 1_700_000_040_000;
const setup: BuyerSetup = {
  ...{ workTokens: 3_000_000, everyBars: 100, slackBars: 4, depthTokens: 1_000_000 },
  fees: { depositNait: 10n },
};

/** A market of these quotes, bar by bar, without a job. */
function market(quotes: readonly [bar: number, provider: string, price: bigint | null][]) {
  const moved = quotes.map(([bar, provider, price]): Quote => {
    return { atMs: fromMs + bar * minuteMs, provider, price };
  });
  const tape: Tape = { model, fromMs, untilMs: fromMs + 10 * minuteMs, jobs: [], quotes: moved };
  return worldOf(tape, minuteMs);
}

/** Runs from a number of bars after the work came. */
function after(bars: number) {
  return statelessTrader(({ nowMs, work }: { nowMs: number; work: { arrivedMs: number } }) => ({
    run: nowMs >= work.arrivedMs + bars * minuteMs,
    reason: '',
  }));
}

function bill(world: ReturnType<typeof market>, bars: number, changes: Partial<BuyerSetup> = {}) {
  const trader = after(bars);
  const span = { from: 0, end: 10, traderAt: () => trader };
  const [period] = runBuyer(world, { ...setup, ...changes }, span).periods;
  return period!;
}

describe('a buyer in a back-test', () => {
  it('moves along the offers: each provider sells so much in a bar', () => {
    const world = market([
      [0, 'a', 100n],
      [0, 'b', 200n],
      [0, 'c', 400n],
    ]);
    expect(bill(world, 0)).toMatchObject({ turnoverNait: 700n, feesNait: 10n, profitNait: 0n });
    expect(bill(world, 0, { depthTokens: 9_000_000 }).turnoverNait).toBe(300n);
    expect(bill(world, 0, { depthTokens: 2_000_000 }).turnoverNait).toBe(400n);
  });

  it('buys the rest in the next bar, for another fee, and saves what waiting saves', () => {
    const world = market([
      [0, 'a', 500n],
      [2, 'a', 100n],
    ]);
    // At once: 1 M at 500 in each of two bars, the last one at 100. Three deposits.
    expect(bill(world, 0)).toMatchObject({ turnoverNait: 1_100n, feesNait: 30n });
    expect(bill(world, 2)).toMatchObject({ turnoverNait: 300n, profitNait: 800n });
  });

  it('runs at the deadline whatever it wants, and pays the dearest price for what finds no offer', () => {
    const world = market([
      [0, 'a', 300n],
      [1, 'a', 100n],
    ]);
    // One million at 100 in the last bar; two find no offer and cost 300 each.
    expect(bill(world, 99)).toMatchObject({ turnoverNait: 700n, feesNait: 10n });
    const empty = market([
      [0, 'a', 300n],
      [1, 'a', null],
    ]);
    expect(bill(empty, 99)).toMatchObject({ turnoverNait: 900n, feesNait: 0n });
  });
});
