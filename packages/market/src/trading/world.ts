/** What a back-test is run on: the tape, its bars, and what holds for both sides. */
import { type Bar, type BarView, barsOf, sortPrices, viewOf } from './bars.ts';
import type { OthersNow } from './strategy.ts';
import { createQuoteBoard, type Tape, type TapeJob } from './tape.ts';
import { priceStepOf } from './unit-price.ts';

/** A market to trade in. */
export interface World {
  readonly tape: Tape;
  readonly bars: readonly Bar[];
  readonly barMs: number;
  /** Jobs in the order in which they began. */
  readonly byStart: readonly TapeJob[];
}

/** The market of a tape in bars of a length. */
export function worldOf(tape: Tape, barMs: number): World {
  const byStart = [...tape.jobs].sort(
    (a, b) => a.startMs - b.startMs || (a.jobId < b.jobId ? -1 : 1),
  );
  return { tape, bars: barsOf(tape, barMs), barMs, byStart };
}

/** Bars of a run: from the number `from` on, up to `end`. */
export interface Span {
  readonly from: number;
  readonly end: number;
}

/** What one bar, or one piece of work of a buyer, brought. */
export interface Period {
  readonly startMs: number;
  readonly profitNait: bigint;
  readonly turnoverNait: bigint;
  readonly feesNait: bigint;
  readonly jobs: number;
  readonly tokens: number;
}

/** A decision as it was made. */
export interface Made {
  readonly startMs: number;
  /** The price in force, or whether the work ran, and why. */
  readonly text: string;
}

/** A run and all that it decided. */
export interface RunResult {
  readonly periods: readonly Period[];
  readonly decisions: readonly Made[];
}

/** How unit prices compare: by the steps of the ranking, or exactly, which the theory of a test needs. */
export type Ranking = 'steps' | 'exact';

/** True when `left` stands before (-1), beside (0) or behind (1) `right`. */
export function compareByPrice(left: bigint, right: bigint, ranking: Ranking): -1 | 0 | 1 {
  const [one, other] =
    ranking === 'exact' ? [left, right] : [priceStepOf(left), priceStepOf(right)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The offers of others in the order of their prices. */
export function othersOf(prices: ReadonlyMap<string, bigint>): OthersNow {
  const sorted = sortPrices([...prices.values()]);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
  return { lowest: sorted[0] ?? null, median, offers: sorted.length };
}

/** What everybody sees at the beginning of a bar. */
export function seenAt({ bars, barMs }: World, at: number): Seen {
  const nowMs = (bars[at] as Bar).startMs;
  return { nowMs, barMs, bars: viewOf(bars, at) };
}

interface Seen {
  readonly nowMs: number;
  readonly barMs: number;
  readonly bars: BarView;
}

/** A board of quotes of others that stands at the beginning of a bar. */
export function boardOf({ tape }: World, except: string | undefined) {
  return createQuoteBoard(tape.quotes, except);
}
