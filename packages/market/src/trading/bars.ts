/**
 * A price series: what happened to one model in intervals of equal length.
 *
 * `open`, `high`, `low`, `close` are unit prices of jobs by the time of their reports; without a job they repeat the
 * close before, and are null before the first. `busyMs` is the time that the jobs took, so `busyMs / barMs` is how
 * many ran at once on average (Little's law): the load, out of receipts alone. Offers are those that stood at the end.
 *
 * Strategies see a series through a `BarView` that ends at now. It throws for an index beyond, so a look into the
 * future is a crash in a test and not a profit in a report.
 */
import { createQuoteBoard, type Tape, type TapeJob } from './tape.ts';

/** One interval. Prices are nait for a million tokens. */
export interface Bar {
  readonly startMs: number;
  readonly open: bigint | null;
  readonly high: bigint | null;
  readonly low: bigint | null;
  readonly close: bigint | null;
  readonly jobs: number;
  /** Prompt and output tokens. */
  readonly tokens: number;
  /** nait */
  readonly charged: bigint;
  /** Sum of the times that the jobs took. */
  readonly busyMs: number;
  /** Median, null without a job. */
  readonly firstTokenMs: number | null;
  /** Providers that offered the model at the end. */
  readonly offers: number;
  readonly lowestOffer: bigint | null;
  readonly medianOffer: bigint | null;
}

/** The past: bars that have ended, oldest first. */
export interface BarView {
  readonly length: number;
  /** Throws RangeError for a bar that has not ended yet, and for one before the first. */
  at(index: number): Bar;
  /** The newest bars, oldest first; fewer where there are not so many. */
  last(count: number): readonly Bar[];
}

/** The most bars of one series. */
export const barsMax = 50_000;

/** Bars of a tape that have ended before it does. They begin at multiples of `barMs`. Throws RangeError beyond `barsMax`. */
export function barsOf(tape: Tape, barMs: number): readonly Bar[] {
  const firstMs = Math.floor(tape.fromMs / barMs) * barMs;
  const count = Math.max(0, Math.floor((tape.untilMs - firstMs) / barMs));
  if (count > barsMax) throw new RangeError(`${count} bars; at most ${barsMax}`);
  const board = createQuoteBoard(tape.quotes);
  const bars: Bar[] = [];
  let close: bigint | null = null;
  let next = 0;
  for (let at = 0; at < count; at += 1) {
    const startMs = firstMs + at * barMs;
    const jobs: TapeJob[] = [];
    for (let job = tape.jobs[next]; job && job.atMs < startMs + barMs; job = tape.jobs[next]) {
      jobs.push(job);
      next += 1;
    }
    board.advance(startMs + barMs - 1);
    const bar = barOf(startMs, jobs, { close, offers: [...board.prices.values()] });
    close = bar.close;
    bars.push(bar);
  }
  return bars;
}

interface Around {
  readonly close: bigint | null;
  readonly offers: bigint[];
}

function barOf(startMs: number, jobs: readonly TapeJob[], { close, offers }: Around): Bar {
  const prices = jobs.flatMap(({ price }) => (price === null ? [] : [price]));
  const sorted = sortPrices(prices);
  const standing = sortPrices(offers);
  const times = jobs.map(({ firstTokenMs }) => firstTokenMs).sort((a, b) => a - b);
  return Object.freeze({
    startMs,
    open: prices[0] ?? close,
    high: sorted.at(-1) ?? close,
    low: sorted[0] ?? close,
    close: prices.at(-1) ?? close,
    jobs: jobs.length,
    tokens: jobs.reduce((sum, job) => sum + job.promptTokens + job.outputTokens, 0),
    charged: jobs.reduce((sum, { charged }) => sum + charged, 0n),
    busyMs: jobs.reduce((sum, { durationMs }) => sum + durationMs, 0),
    firstTokenMs: times[Math.floor((times.length - 1) / 2)] ?? null,
    offers: standing.length,
    lowestOffer: standing[0] ?? null,
    medianOffer: standing[Math.floor((standing.length - 1) / 2)] ?? null,
  });
}

/** Prices in rising order, a copy. */
export function sortPrices(prices: readonly bigint[]): bigint[] {
  return [...prices].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The bars of a series from `from` on that come before the one with the number `end`. */
export function viewOf(bars: readonly Bar[], end: number, from = 0): BarView {
  const length = Math.max(0, Math.min(end, bars.length) - from);
  return {
    length,
    at(index) {
      const bar = index >= 0 && index < length ? bars[from + index] : undefined;
      if (bar === undefined) throw new RangeError(`bar ${index}: only ${length} have ended`);
      return bar;
    },
    last: (count) =>
      bars.slice(from + length - Math.max(0, Math.min(count, length)), from + length),
  };
}
