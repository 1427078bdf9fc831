/**
 * Strategies of buyers of work that may wait. The question is always the same: is this moment cheap enough, or is a
 * cheaper one likely before the deadline? Whoever waits to the end buys at the price of the end.
 */
import type { BarView } from '../bars.ts';
import {
  type BuyerDecision,
  type BuyerStrategy,
  fitByScore,
  type MarketObservation,
  type ParameterTable,
  statelessTrader,
} from '../strategy.ts';

const whole = 10_000n;

const windowBars = {
  about: 'bars of the past that count',
  usual: 96n,
  least: 2n,
  most: 2_000n,
  tried: [24n, 96n, 288n],
};

export const buyAlways: BuyerStrategy = {
  name: 'buy-always',
  side: 'buyer',
  about: 'Runs the work when it comes; the baseline of buyers',
  parameters: {},
  create: () => statelessTrader(() => ({ run: true, reason: 'always' })),
};

export const buyAtPrice: BuyerStrategy = {
  name: 'fixed-price',
  side: 'buyer',
  about: 'Runs the work when the cheapest offer is at or below one price',
  parameters: {
    priceNait: {
      about: 'unit price in nait for a million tokens; 0 is the first that was seen',
      usual: 0n,
      least: 0n,
      most: 2n ** 63n,
    },
  },
  create({ priceNait = 0n }) {
    let wanted = priceNait;
    return {
      decide({ others: { lowest } }) {
        if (lowest === null) return { run: false, reason: 'nobody offers it' };
        if (wanted === 0n) wanted = lowest;
        return { run: lowest <= wanted, reason: `${lowest}, wanted ${wanted}` };
      },
      serialise: () => wanted.toString(),
      restore(text) {
        wanted = BigInt(text);
      },
    };
  },
};

const cheapestTable: ParameterTable = {
  windowBars,
  shareBps: {
    about: 'the cheapest share of the window that is cheap enough, 1/10 000',
    usual: 2_000n,
    least: 0n,
    most: whole,
    tried: [1_000n, 2_000n, 4_000n],
  },
};

/** Runs when the market is as cheap as in the cheapest part of a window. */
export const cheapestWindow: BuyerStrategy = {
  name: 'cheapest-window',
  side: 'buyer',
  about: 'Runs the work when the price is among the cheapest of a window of the past',
  parameters: cheapestTable,
  fit: (history) => fitByScore(cheapestTable, history),
  create({ windowBars: count = 96n, shareBps = 0n }) {
    const cheapness = createCheapness(count);
    return statelessTrader((observation) => cheapness(observation, shareBps));
  },
};

const deadlineTable: ParameterTable = {
  windowBars,
  startBps: {
    about: 'the cheapest share of the window that is cheap enough when the work comes, 1/10 000',
    usual: 1_000n,
    least: 0n,
    most: whole,
    tried: [0n, 1_000n, 3_000n],
  },
  endBps: {
    about: 'the same when the deadline is there; in between it rises evenly',
    usual: 8_000n,
    least: 0n,
    most: whole,
    tried: [5_000n, 8_000n, 10_000n],
  },
};

/** Wants much at first and less and less as the deadline comes near. */
export const deadlineAware: BuyerStrategy = {
  name: 'deadline-aware',
  side: 'buyer',
  about: 'Waits for a low price at first and asks for less as the deadline comes near',
  parameters: deadlineTable,
  fit: (history) => fitByScore(deadlineTable, history),
  create({ windowBars: count = 96n, startBps = 0n, endBps = 0n }) {
    const cheapness = createCheapness(count);
    return statelessTrader((observation) => {
      const { nowMs, work } = observation;
      const wholeMs = BigInt(Math.max(1, work.deadlineMs - work.arrivedMs));
      const goneMs = BigInt(Math.max(0, Math.min(nowMs, work.deadlineMs) - work.arrivedMs));
      return cheapness(observation, startBps + ((endBps - startBps) * goneMs) / wholeMs);
    });
  },
};

/** Strategies of buyers, the baselines first. */
export const buyerStrategies: readonly BuyerStrategy[] = [
  buyAlways,
  buyAtPrice,
  cheapestWindow,
  deadlineAware,
];

/** Tells how many bars of a window were cheaper; asked for several pieces of work at one moment, it counts once. */
function createCheapness(count: bigint) {
  let counted = { nowMs: Number.NaN, lowest: 0n, cheaper: 0, seen: 0 };
  const look = (bars: BarView, nowMs: number, lowest: bigint): void => {
    if (counted.nowMs === nowMs && counted.lowest === lowest) return;
    let [cheaper, seen] = [0, 0];
    for (const { lowestOffer } of bars.last(Number(count))) {
      if (lowestOffer === null) continue;
      seen += 1;
      if (lowestOffer < lowest) cheaper += 1;
    }
    counted = { nowMs, lowest, cheaper, seen };
  };
  /** Whether the price is among that cheapest share; true while none is known. */
  return ({ bars, nowMs, others }: MarketObservation, shareBps: bigint): BuyerDecision => {
    if (others.lowest === null) return { run: false, reason: 'nobody offers it' };
    look(bars, nowMs, others.lowest);
    const { cheaper, seen } = counted;
    if (seen === 0) return { run: true, reason: 'no price is known yet' };
    const allowed = (BigInt(seen - 1) * shareBps) / whole;
    const reason = `${cheaper} of ${seen} bars were cheaper, ${allowed} may be`;
    return { run: BigInt(cheaper) <= allowed, reason };
  };
}
