/**
 * What buyers measured, per provider and model.
 *
 * A sample enters only with a receipt whose signature was checked, so nobody can be praised or blamed for
 * work without a receipt. The last 64 samples of a pair count; older ones fall out, so that a figure
 * follows the provider. Percentiles are of those samples by nearest rank. Times are the buyer's word: a
 * provider that buys from itself can still praise itself at the price of its own fees.
 *
 * At most 120 000 pairs are kept; the pair that was longest without a sample goes first.
 */
import type { ReceiptPayload } from '@aitbc/protocol';
import type { Measured } from './route-types.ts';

const samplesKept = 64;
const pairsKept = 120_000; // a hundred thousand providers; a pair with all samples takes about 1 KB

/** Times a buyer measured, from sending the request. */
export interface JobTimes {
  readonly firstTokenMs: number;
  readonly durationMs: number;
}

/** The part of a checked receipt that a sample needs. */
export type MeasuredReceipt = Pick<ReceiptPayload, 'provider' | 'model' | 'to'>;

/** Samples by provider and model. */
export interface Measurements {
  /** Takes a sample; the caller has verified the receipt. A receipt without tokens measures nothing. */
  add(receipt: MeasuredReceipt, times: JobTimes): void;
  of(provider: string, model: string): Measured;
}

interface Series {
  readonly firstTokenMs: number[];
  readonly tokensPerSecond: number[];
  next: number;
  measured: Measured | undefined;
}

/** What is measured of a pair without samples. */
export const nothing: Measured = Object.freeze({
  firstTokenMsP50: null,
  firstTokenMsP90: null,
  tokensPerSecondP50: null,
  samples: 0,
});

/** Empty measurements. */
export function createMeasurements({ pairsMax = pairsKept } = {}): Measurements {
  const pairs = new Map<string, Series>();
  return {
    add(receipt, times) {
      if (receipt.to === 0) return;
      const key = keyOf(receipt.provider, receipt.model);
      const series = pairs.get(key) ?? {
        firstTokenMs: [],
        tokensPerSecond: [],
        next: 0,
        measured: undefined,
      };
      pairs.delete(key);
      pairs.set(key, series);
      take(series, receipt.to, times);
      const [oldest] = pairs.keys();
      if (pairs.size > pairsMax && oldest !== undefined) pairs.delete(oldest);
    },
    of(provider, model) {
      const series = pairs.get(keyOf(provider, model));
      if (!series) return nothing;
      series.measured ??= measuredOf(series);
      return series.measured;
    },
  };
}

function keyOf(provider: string, model: string): string {
  return `${provider} ${model}`;
}

function take(series: Series, tokens: number, { firstTokenMs, durationMs }: JobTimes): void {
  const at = series.next % samplesKept;
  series.firstTokenMs[at] = firstTokenMs;
  series.tokensPerSecond[at] = speedOf(tokens, durationMs - firstTokenMs);
  series.next += 1;
  series.measured = undefined;
}

/** Tokens after the first, per second; NaN where one token or no time says nothing. */
function speedOf(tokens: number, streamMs: number): number {
  return tokens > 1 && streamMs > 0 ? ((tokens - 1) * 1000) / streamMs : Number.NaN;
}

function measuredOf({ firstTokenMs, tokensPerSecond }: Series): Measured {
  const times = sortedNumbers(firstTokenMs);
  const speeds = sortedNumbers(tokensPerSecond.filter((speed) => !Number.isNaN(speed)));
  return {
    firstTokenMsP50: percentile(times, 0.5),
    firstTokenMsP90: percentile(times, 0.9),
    tokensPerSecondP50: percentile(speeds, 0.5),
    samples: times.length,
  };
}

function sortedNumbers(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}
