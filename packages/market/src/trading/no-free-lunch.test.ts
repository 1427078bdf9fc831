/**
 * On a series that nobody can foretell no strategy may show profit beyond chance. The worlds are made so that theory
 * says it exactly: for sellers the expected profit of a job is the same at every price (and less outside of a range),
 * for buyers the price is a martingale, and waiting by any rule that knows only the past expects the price of today.
 */
import { describe, expect, it } from 'vitest';
import { type BacktestSetup, backtest } from './backtest.ts';
import { buyerStrategies } from './strategies/buyers.ts';
import { sellerStrategies, undercut } from './strategies/sellers.ts';
import type { Strategy } from './strategy.ts';
import type { Tape } from './tape.ts';
import {
  cost,
  freeSetup,
  martingale,
  minuteMs,
  regularPrices,
  unpredictableDemand,
} from './testing/markets.ts';
import { worldOf } from './world.ts';

const seeds = Array.from({ length: 24 }, (_, at) => 1_000 + at);
const bars = 120;
/** Nine strategies and both sides: one in ten thousand by chance. */
const deviations = 4;

/** Without the baseline, which differs from itself by nothing. */
function others<T extends Strategy>(list: readonly T[], baseline: string): T[] {
  return list.filter(({ name }) => name !== baseline);
}

/** Excess of each seed, nait, with its mean and the standard error of the mean. */
function excessOf(strategy: Strategy, tapeOfSeed: (seed: number) => Tape, setup: BacktestSetup) {
  let better = 0;
  const sums = seeds.map((seed) => {
    const world = worldOf(tapeOfSeed(seed), minuteMs);
    const report = backtest(world, strategy, { ...setup, seed });
    if (report.verdict === 'better') better += 1;
    return Number(report.profitNait - (report.baselines[0]?.profitNait ?? 0n));
  });
  const mean = sums.reduce((sum, one) => sum + one, 0) / sums.length;
  const variance = sums.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (sums.length - 1);
  return { mean, error: Math.sqrt(variance / sums.length), better };
}

describe('sellers on unpredictable demand', () => {
  const middle = cost + 300_000n;
  const setup = freeSetup(middle, { fitBars: 40, actBars: 40 });
  const exact = {
    ...setup,
    seller: { ...setup.seller, costNait: cost, ranking: 'exact' } as const,
  };

  it.each(others(sellerStrategies, 'fixed').map((strategy) => [strategy.name, strategy] as const))(
    '%s has no profit beyond chance against a fixed price',
    { timeout: 60_000 },
    (_name, strategy) => {
      const { mean, error, better } = excessOf(
        strategy,
        (seed) => unpredictableDemand(seed, bars),
        exact,
      );
      expect(mean).toBeLessThanOrEqual(deviations * error);
      expect(better).toBeLessThanOrEqual(seeds.length * 0.2);
    },
  );

  it('and where demand can be foretold, profit is found', () => {
    const world = worldOf(regularPrices(600), minuteMs);
    const report = backtest(world, undercut, { ...exact, fitBars: 120, actBars: 120 });
    expect(report.verdict).toBe('better');
    expect(report.profitNait).toBeGreaterThan(report.baselines[0]?.profitNait ?? 0n);
  });
});

describe('buyers on a martingale', () => {
  const setup = freeSetup(cost, { fitBars: 40, actBars: 40 });

  it.each(
    others(buyerStrategies, 'buy-always').map((strategy) => [strategy.name, strategy] as const),
  )(
    '%s saves nothing beyond chance against buying at once',
    { timeout: 60_000 },
    (_name, strategy) => {
      const { mean, error } = excessOf(strategy, (seed) => martingale(seed, bars), setup);
      expect(Math.abs(mean)).toBeLessThanOrEqual(deviations * error);
    },
  );
});
