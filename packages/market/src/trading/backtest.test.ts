import { describe, expect, it } from 'vitest';
import { type BacktestSetup, backtest, reportHashOf, walkForward } from './backtest.ts';
import { barsOf } from './bars.ts';
import { findLookAhead } from './look-ahead.ts';
import { runSeller } from './seller-run.ts';
import { strategies } from './strategies/all.ts';
import { fixedPrice, undercut } from './strategies/sellers.ts';
import { parametersOf, type SellerStrategy, type Strategy, statelessTrader } from './strategy.ts';
import { type Tape, tapeOf } from './tape.ts';
import {
  cost,
  flatPrice,
  freeSetup,
  marketEvents,
  minuteMs,
  model,
  regularPrices,
} from './testing/markets.ts';
import { worldOf } from './world.ts';

const events = marketEvents(11, 200);
const fromMs = events[0]?.atMs ?? 0;
const recorded = { model, fromMs, untilMs: fromMs + 200 * minuteMs };

/** Prices, costs and fees like those of a devnet. */
const paying: BacktestSetup = {
  ...{ fitBars: 40, actBars: 80, seed: 1 },
  seller: {
    prices: { inputPerMTok: 60_000n, outputPerMTok: 240_000n, perRequest: 10n },
    ...{ costNait: 20_000n, slots: 2, seed: 1 },
    fees: { claimNait: 1_000n, rowNait: 100n, claimEveryMs: 30 * minuteMs },
  },
  buyer: {
    ...{ workTokens: 50_000, everyBars: 5, slackBars: 20, depthTokens: 40_000 },
    fees: { depositNait: 1_000n },
  },
};

function byName(name: string): Strategy {
  const found = strategies.find((strategy) => strategy.name === name);
  if (!found) throw new Error(name);
  return found;
}

describe('a back-test', () => {
  it('comes out of the recorded events bit for bit', () => {
    const copy = JSON.parse(JSON.stringify(events));
    const world = worldOf(tapeOf(copy, recorded), minuteMs);
    const hashes = strategies.map((strategy) => {
      const hash = reportHashOf(backtest(world, strategy, paying));
      return `${strategy.name} ${hash.slice(0, 16)}`;
    });
    const [first = fixedPrice] = strategies;
    const again = backtest(worldOf(tapeOf(events, recorded), minuteMs), first, paying);
    expect(hashes[0]).toBe(`fixed ${reportHashOf(again).slice(0, 16)}`);
    expect(hashes).toEqual(golden);
  });

  it('fits on the past, acts on the next bars, rolls, and starts from the usual ones without fit', () => {
    const world = worldOf(tapeOf(events, recorded), minuteMs);
    const report = backtest(world, byName('mean-reversion'), paying);
    expect(report.folds.map(({ fromMs: at }) => (at - fromMs) / minuteMs)).toEqual(
      [40, 120].map((at) => at + (world.bars[0]!.startMs - fromMs) / minuteMs),
    );
    expect(report.periods).toBe(160);
    const given = parametersOf(byName('mean-reversion').parameters, { windowBars: 5n });
    const held = backtest(world, byName('mean-reversion'), { ...paying, parameters: given });
    expect(held.folds.every(({ parameters }) => parameters.windowBars === 5n)).toBe(true);
  });

  it('needs more bars than its window', () => {
    const world = worldOf(regularPrices(20), minuteMs);
    expect(() => backtest(world, fixedPrice, freeSetup(cost))).toThrow('20 bars');
  });

  it('does not judge by a handful of periods', () => {
    const world = worldOf(regularPrices(60), minuteMs);
    expect(backtest(world, undercut, freeSetup(cost)).verdict).toBe('few');
  });

  it('pays for claims', () => {
    const world = worldOf(tapeOf(events, recorded), minuteMs);
    const { fees } = paying.seller;
    const free = {
      ...paying,
      seller: { ...paying.seller, fees: { ...fees, claimNait: 0n, rowNait: 0n } },
    };
    const [dear, cheap] = [paying, free].map((setup) => backtest(world, undercut, setup));
    expect(dear!.feesNait).toBeGreaterThan(0n);
    expect(dear!.profitNait).toBe(cheap!.profitNait - dear!.feesNait);
  });

  it('says better where the future can be known from the past', () => {
    const world = worldOf(regularPrices(600), minuteMs);
    const setup = freeSetup(cost, { fitBars: 120, actBars: 120 });
    const buyer = { ...setup.buyer, slackBars: 50, everyBars: 3 };
    const report = backtest(world, byName('cheapest-window'), { ...setup, buyer });
    expect(report.verdict).toBe('better');
    expect(report.baselines[0]).toEqual({ name: 'buy-always', profitNait: 0n });
  });
});

describe('a seller in a back-test', () => {
  const at = (price: bigint, changes: Partial<BacktestSetup['seller']> = {}) => {
    const { seller } = freeSetup(price);
    const world = worldOf(regularPrices(60), minuteMs);
    const trader = fixedPrice.create({ priceNait: price });
    const { periods } = runSeller(
      world,
      { ...seller, ranking: 'exact', ...changes },
      {
        ...{ from: 0, end: world.bars.length, traderAt: () => trader },
      },
    );
    return periods.reduce((sum, { jobs }) => sum + jobs, 0);
  };
  const paid = regularPrices(60).jobs.map(({ price }) => price as bigint);

  it('gets exactly the jobs whose buyers paid more than it asks', () => {
    for (const price of [1_000_001n, 1_300_000n, 1_700_001n, 1_900_000n]) {
      expect(at(price)).toBe(paid.filter((one) => one > price).length);
    }
  });

  it('gets about half of the jobs in a step with one other, and none that was bought for less', () => {
    const flat: Tape = { ...regularPrices(400) };
    const jobs = flat.jobs.map((job) => ({ ...job, price: 1_400_000n }));
    const quotes = [{ atMs: flat.fromMs, provider: 'other', price: 1_400_000n }];
    const world = worldOf({ ...flat, jobs, quotes }, minuteMs);
    const sold = (price: bigint) => {
      const trader = fixedPrice.create({ priceNait: price });
      const span = { from: 0, end: world.bars.length, traderAt: () => trader };
      const { periods } = runSeller(world, freeSetup(price).seller, span);
      return periods.reduce((sum, one) => sum + one.jobs, 0);
    };
    expect(sold(1_400_000n)).toBeGreaterThan(150);
    expect(sold(1_400_000n)).toBeLessThan(250);
    expect([sold(1_300_000n), sold(1_500_000n)]).toEqual([400, 0]);
  });

  it('does not compete with its own offers on the tape, and sells no more than its slots hold', () => {
    expect(at(1_900_000n, { self: 'other' })).toBe(at(1_900_000n));
    expect(at(1_800_000n, { self: 'other', ranking: 'exact' })).toBe(
      paid.filter((one) => one >= 1_800_000n).length,
    );
    const world = worldOf(regularPrices(60), minuteMs);
    const long = world.byStart.map((job) => ({ ...job, durationMs: 10 * minuteMs }));
    const trader = fixedPrice.create({ priceNait: 1n });
    const seller = { ...freeSetup(1n).seller, slots: 2 };
    const span = { from: 0, end: 60, traderAt: () => trader };
    const { periods } = runSeller({ ...world, byStart: long }, seller, span);
    expect(periods.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(12);
  });
});

describe('looking ahead', () => {
  const tape = tapeOf(events, recorded);
  const wanted = { ...paying, barMs: minuteMs };

  it('is found in none of our strategies', { timeout: 60_000 }, () => {
    for (const strategy of strategies) {
      expect(
        findLookAhead(tape, () => strategy, wanted),
        strategy.name,
      ).toBeUndefined();
    }
  });

  /** Asks what the market will pay in the bar to come: it got hold of the tape. */
  const planted = (whole: Tape): SellerStrategy => ({
    ...fixedPrice,
    name: 'prophet',
    create: () =>
      statelessTrader(({ nowMs, own }) => {
        const bar = barsOf(whole, minuteMs).find(({ startMs }) => startMs === nowMs);
        return { price: bar?.lowestOffer ?? own.price, reason: 'I know' };
      }),
  });

  it('is caught when it is planted', () => {
    const found = findLookAhead(tape, planted, wanted);
    expect(found?.atMs).toBeLessThanOrEqual(found?.cutMs ?? 0);
    const early = { ...wanted, fitBars: 150, actBars: 40 };
    expect(findLookAhead(tape, planted, early)).toBeDefined();
  });

  it('crashes when it is tried through the view', () => {
    const peeking: SellerStrategy = {
      ...fixedPrice,
      create: () =>
        statelessTrader(({ bars, own }) => ({
          price: bars.at(bars.length).close ?? own.price,
          reason: 'next bar',
        })),
    };
    expect(() => walkForward(worldOf(tape, minuteMs), peeking, paying)).toThrow(RangeError);
  });

  it('cannot change what others saw: bars are frozen', () => {
    const [bar] = worldOf(tape, minuteMs).bars;
    expect(Object.isFrozen(bar)).toBe(true);
    expect(flatPrice(3n).inputPerMTok).toBe(3n);
  });
});

/** A change of these is a change of the engine: old reports no longer come out. */
const golden = [
  'fixed 7148ee0b86ad7b5c',
  'cost-plus 4a579123c334ff3b',
  'undercut 290aa3192b2ef3ea',
  'mean-reversion a848f213e23cbf46',
  'momentum 1e871702d6d9338b',
  'buy-always 3b95ff1a77852c1d',
  'fixed-price 76f65f66270d6e49',
  'cheapest-window 25e65fd92a4951c4',
  'deadline-aware d2428ff820d1eea1',
];
