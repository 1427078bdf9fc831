/**
 * What an offer costs when waiting counts too.
 *
 *   effective price = price × first token × speed × queue × reputation
 *
 * Each factor is kept as its natural logarithm, a term, so that the product is a sum and the loss of one
 * offer against another is a sum of differences. The largest difference is the deciding factor, and that
 * is what a provider is told. Factors:
 *
 * | Term | Factor | A doubling costs |
 * |---|---|---|
 * | price | the reference request (offer-index.ts) | 100 % |
 * | latency | (median first-token time, 50 ms to 20 s) ^ 0.15 | 11 % |
 * | throughput | (median tokens/s, 1 to 200) ^ -0.25 | saves 16 % |
 * | queue | up to 10 % while a slot is free, then 1 + (jobs ahead + 1 - slots) / slots more | its waiting time |
 * | reputation | 1000 / score, score at least 100 | – |
 *
 * The sum is cut into steps of 5 %. Offers of one step are equal and take turns. So a nait less
 * seldom buys a place, five per cent always does, and a heartbeat that changes little moves nothing in the
 * index. The steps are absolute (they start at an effective price of 1), which is what lets an
 * index hold them; bands that start at the cheapest candidate of a query would need a sort for each.
 *
 * Only measured figures count. An offer with fewer than three samples is new: it has no term for speed
 * and stands behind all measured offers (rank-offers.ts gives the new ones their turn).
 */
import type { Gauges, Measured } from './route-types.ts';
import { scoreMax } from './score.ts';

/** Logarithms of the factors. */
export interface Terms {
  readonly price: number;
  readonly latency: number;
  readonly throughput: number;
  readonly queue: number;
  readonly reputation: number;
}

/** A factor of the effective price. */
export type PriceFactor = keyof Terms;

/** What is known of an offer's provider. */
export interface Known {
  /** Price of the reference request in millionths of a nait. */
  readonly referencePrice: bigint;
  readonly measured: Measured;
  readonly gauges: Gauges;
  /** 0 to 1000. */
  readonly reputation: number;
}

const samplesMin = 3;
const latencyWeight = 0.15;
const throughputWeight = 0.25;
const loadWeight = 0.1; // of a provider whose last slot is just free
const queueFactorMax = 64;
const scoreMin = 100;
const stepWidth = Math.log(1.05);

/** True while too few receipts say how good the provider is. */
export function isNewcomer({ samples, firstTokenMsP50 }: Measured): boolean {
  return samples < samplesMin || firstTokenMsP50 === null;
}

/** Terms of an offer. */
export function termsOf({ referencePrice, measured, gauges, reputation }: Known): Terms {
  const isNew = isNewcomer(measured);
  const { firstTokenMsP50: firstTokenMs, tokensPerSecondP50: speed } = measured;
  return {
    price: Math.log(Math.max(1, Number(referencePrice))),
    latency: isNew ? 0 : latencyWeight * Math.log(within(firstTokenMs ?? 20_000, 50, 20_000)),
    throughput: isNew ? 0 : -throughputWeight * Math.log(within(speed ?? 20, 1, 200)),
    queue: queueTermOf(gauges),
    reputation: Math.log(scoreMax / within(reputation, scoreMin, scoreMax)),
  };
}

/** Step of the effective price; lower is better. */
export function stepOf({ price, latency, throughput, queue, reputation }: Terms): number {
  return Math.floor((price + latency + throughput + queue + reputation) / stepWidth);
}

/** The factor by which the worse offer lost most. */
export function heaviestFactor(better: Terms, worse: Terms): PriceFactor {
  let heaviest: PriceFactor = 'price';
  for (const factor of factors) {
    const isHeavier = worse[factor] - better[factor] > worse[heaviest] - better[heaviest];
    if (isHeavier) heaviest = factor;
  }
  return heaviest;
}

const factors: readonly PriceFactor[] = ['price', 'queue', 'latency', 'throughput', 'reputation'];

/** True when no slot is free. */
export function isFull({ running, waiting, slots }: Gauges): boolean {
  return running + waiting >= slots;
}

function queueTermOf(gauges: Gauges): number {
  const slots = Math.max(1, gauges.slots);
  const busy = gauges.running + gauges.waiting;
  if (!isFull(gauges)) return (loadWeight * busy) / slots;
  const waiting = Math.max(1, busy + 1 - slots) / slots;
  return loadWeight + Math.log(Math.min(queueFactorMax, 1 + waiting));
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
