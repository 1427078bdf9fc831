/**
 * Strategies of sellers. They move one number, the unit price, between bars. None of them asks less than the cost,
 * because a job below it is a loss that no volume makes good.
 */
import type { Bar } from '../bars.ts';
import {
  fitByScore,
  type Parameters,
  type ParameterTable,
  type SellerObservation,
  type SellerStrategy,
  statelessTrader,
} from '../strategy.ts';

const whole = 10_000n;

const price = {
  about: 'unit price in nait for a million tokens; 0 is the price at the beginning',
  usual: 0n,
  least: 0n,
  most: 2n ** 63n,
};

function windowBars(tried: readonly bigint[]) {
  const about = 'bars of the past that count';
  return { windowBars: { about, usual: 24n, least: 2n, most: 1_000n, tried } };
}

export const fixedPrice: SellerStrategy = {
  name: 'fixed',
  side: 'seller',
  about: 'Asks one price for ever; the baseline of sellers',
  parameters: { priceNait: price },
  create: ({ priceNait = 0n }) =>
    statelessTrader(({ own }) => ({
      price: priceNait === 0n ? own.firstPrice : priceNait,
      reason: 'fixed',
    })),
};

const costPlusTable: ParameterTable = {
  idleBps: {
    about: 'margin over the cost while nothing runs, 1/10 000',
    usual: 500n,
    least: 0n,
    most: 100_000n,
    tried: [0n, 500n, 2_000n],
  },
  busyBps: {
    about: 'margin over the cost while all slots are busy, 1/10 000',
    usual: 10_000n,
    least: 0n,
    most: 1_000_000n,
    tried: [5_000n, 10_000n, 30_000n],
  },
  memoryBps: {
    about: 'how much of the load before counts beside that of the last bar, 1/10 000',
    usual: 7_000n,
    least: 0n,
    most: 9_900n,
  },
};

/** Margin in proportion to a smoothed load. */
export const costPlus: SellerStrategy = {
  name: 'cost-plus',
  side: 'seller',
  about: 'Cost and a margin that grows with the load of the own slots',
  parameters: costPlusTable,
  fit: (history) => fitByScore(costPlusTable, history),
  create({ idleBps = 0n, busyBps = 0n, memoryBps = 0n }) {
    let loadBps = 0n;
    return {
      decide({ own }) {
        loadBps = (loadBps * memoryBps + own.busyBps * (whole - memoryBps)) / whole;
        const margin = idleBps + ((busyBps - idleBps) * loadBps) / whole;
        const asked = (own.cost * (whole + margin)) / whole;
        return { price: asked, reason: `load ${percent(loadBps)}, margin ${percent(margin)}` };
      },
      serialise: () => loadBps.toString(),
      restore(text) {
        loadBps = BigInt(text);
      },
    };
  },
};

const undercutTable: ParameterTable = {
  byBps: {
    about: 'how far below the lowest other offer, 1/10 000; a place in the ranking needs about 500',
    usual: 500n,
    least: 0n,
    most: 9_000n,
    tried: [0n, 100n, 500n, 1_000n],
  },
  floorBps: {
    about: 'never below the cost and so much, 1/10 000',
    usual: 500n,
    least: 0n,
    most: 1_000_000n,
  },
};

/** One step below the cheapest other, never below the floor. */
export const undercut: SellerStrategy = {
  name: 'undercut',
  side: 'seller',
  about: 'A little less than the cheapest other offer, never below a floor over the cost',
  parameters: undercutTable,
  fit: (history) => fitByScore(undercutTable, history),
  create: ({ byBps = 0n, floorBps = 0n }) =>
    statelessTrader(({ own, others }) => {
      const floor = (own.cost * (whole + floorBps)) / whole;
      if (others.lowest === null) return { price: own.price, reason: 'nobody else offers it' };
      const asked = (others.lowest * (whole - byBps)) / whole;
      return asked < floor
        ? { price: floor, reason: 'the floor' }
        : { price: asked, reason: `${percent(byBps)} below the cheapest` };
    }),
};

const meanReversionTable: ParameterTable = {
  ...windowBars([6n, 24n, 96n]),
  pullBps: {
    about: 'how far the price leans from the cheapest offer to the mean of the window, 1/10 000',
    usual: 5_000n,
    least: 0n,
    most: whole,
    tried: [2_500n, 5_000n, 10_000n],
  },
};

/** Expects the price to come back to its mean: does not follow others down, nor all the way up. */
export const meanReversion: SellerStrategy = {
  name: 'mean-reversion',
  side: 'seller',
  about: 'Leans from the cheapest other offer towards the mean price of a window',
  parameters: meanReversionTable,
  fit: (history) => fitByScore(meanReversionTable, history),
  create: ({ windowBars: count = 24n, pullBps = 0n }) =>
    statelessTrader((observation) => {
      const { own, others, bars } = observation;
      const mean = meanOf(closes(bars.last(Number(count))));
      if (mean === null) return { price: own.price, reason: 'no price is known yet' };
      const from = others.lowest ?? mean;
      const asked = from + ((mean - from) * pullBps) / whole;
      return atLeastCost(observation, asked, `mean ${mean}`);
    }),
};

const momentumTable: ParameterTable = {
  ...windowBars([3n, 12n, 48n]),
  followBps: {
    about: 'how much of the change of the window is expected to come again, 1/10 000',
    usual: 5_000n,
    least: 0n,
    most: 30_000n,
    tried: [2_500n, 5_000n, 10_000n],
  },
};

/** Expects a movement to go on. */
export const momentum: SellerStrategy = {
  name: 'momentum',
  side: 'seller',
  about: 'Expects the price movement of a window to go on, and is there before the others',
  parameters: momentumTable,
  fit: (history) => fitByScore(momentumTable, history),
  create: ({ windowBars: count = 12n, followBps = 0n }) =>
    statelessTrader((observation) => {
      const { own, others, bars } = observation;
      const known = closes(bars.last(Number(count)));
      const [first, last] = [known[0], known.at(-1)];
      if (first === undefined || last === undefined || first === 0n) {
        return { price: own.price, reason: 'no price is known yet' };
      }
      const from = others.lowest ?? last;
      const asked = from + (from * (last - first) * followBps) / (first * whole);
      return atLeastCost(observation, asked, `change ${percent(((last - first) * whole) / first)}`);
    }),
};

/** Strategies of sellers, the baseline first. */
export const sellerStrategies: readonly SellerStrategy[] = [
  fixedPrice,
  costPlus,
  undercut,
  meanReversion,
  momentum,
];

/** Parameters of the baseline: the price at the beginning. */
export const fixedParameters: Parameters = { priceNait: 0n };

function atLeastCost({ own }: SellerObservation, asked: bigint, reason: string) {
  return asked < own.cost ? { price: own.cost, reason: 'the cost' } : { price: asked, reason };
}

function closes(bars: readonly Bar[]): bigint[] {
  return bars.flatMap(({ close }) => (close === null ? [] : [close]));
}

function meanOf(prices: readonly bigint[]): bigint | null {
  if (prices.length === 0) return null;
  return prices.reduce((sum, one) => sum + one, 0n) / BigInt(prices.length);
}

function percent(bps: bigint): string {
  return `${Number(bps) / 100} %`;
}
