/** An offer in the index with what is known of its provider, and the orders it can stand in. */
import { isNewcomer, stepOf, type Terms, termsOf } from './effective-price.ts';
import type { OfferEntry } from './offer-index.ts';
import type { Order } from './ordered-list.ts';
import type { Gauges, Measured, ProviderWishes } from './route-types.ts';

/** What a provider's frames say; all its listings share it. */
export interface Seat {
  gauges: Gauges;
  lastFrameMs: number;
  /** 0 to 1000. */
  reputation: number;
  /** An audit speaks against the provider: a dispute that is open or lost. */
  isSuspect: boolean;
}

/**
 * A listed offer. Its figures change only while it is out of the lists. What lists and filters read most
 * stands here once more, flat: at a hundred thousand listings each further object is a miss of the cache.
 */
export interface Listing {
  readonly entry: OfferEntry;
  readonly seat: Seat;
  /** Place among equals: a hash of the offer's id, so that nobody chooses it for nothing. */
  readonly tie: number;
  /** The reference price, rounded. */
  readonly priceKey: number;
  readonly contextMax: number;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  measured: Measured;
  isNew: boolean;
  /** Measured median of the first token, ms; Infinity while new. */
  latencyMs: number;
  /** Measured median speed, tokens/s, negative; 0 while new. */
  slowness: number;
  terms: Terms;
  /** Step of the effective price. */
  step: number;
}

/** A listing with its figures worked out. */
export function listingOf(entry: OfferEntry, seat: Seat, measured: Measured): Listing {
  const { contextMax, validFromMs, validUntilMs } = entry.offer.payload;
  const terms = termsOf({ referencePrice: entry.referencePrice, measured, ...seat });
  return {
    entry,
    seat,
    tie: hashOf(entry.offerId),
    priceKey: Number(entry.referencePrice),
    contextMax,
    validFromMs,
    validUntilMs,
    ...measuredFigures(measured),
    terms,
    step: stepOf(terms),
  };
}

/** What a listing keeps of its measurements. */
export function measuredFigures(measured: Measured) {
  const isNew = isNewcomer(measured);
  return {
    measured,
    isNew,
    latencyMs: isNew ? Infinity : (measured.firstTokenMsP50 ?? Infinity),
    slowness: isNew ? 0 : -(measured.tokensPerSecondP50 ?? 0),
  };
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

/** What a ranking goes by first. */
export type RankSort = NonNullable<ProviderWishes['sort']> | 'effective';

/** Equal for listings that take turns. */
export const peerOrders: Readonly<Record<RankSort, Order<Listing>>> = {
  effective: (a, b) => Number(a.isNew) - Number(b.isNew) || a.step - b.step,
  price: (a, b) => compare(a.entry.referencePrice, b.entry.referencePrice) || a.step - b.step,
  latency: (a, b) => compare(a.latencyMs, b.latencyMs) || a.step - b.step,
  throughput: (a, b) => compare(a.slowness, b.slowness) || a.step - b.step,
};

/** Numbers that rise with the orders, for the lists. Steps are between -512 and 1 535. */
export const peerKeys: Readonly<Record<RankSort, (listing: Listing) => number>> = {
  effective: ({ isNew, step, tie }) => (stepRank(step) + (isNew ? stepSpan : 0)) * tieSpan + tie,
  price: ({ priceKey }) => priceKey,
  latency: ({ latencyMs, step }) => Math.min(latencyMs, 2 ** 40) * stepSpan + stepRank(step),
  throughput: ({ slowness, step }) => slowness || stepRank(step),
};

const stepSpan = 2_048;
const tieSpan = 2 ** 32;

/** The largest key by effective price that a peer of a key can have. */
export function lastKeyOfPeers(key: number): number {
  return (Math.floor(key / tieSpan) + 1) * tieSpan - 1;
}

/** A step as a place from 0 in the span; the ends of the span take in what is beyond. */
function stepRank(step: number): number {
  return Math.min(stepSpan - 1, Math.max(0, step + stepSpan / 4));
}

/** The strict order in which listings stand in a list. */
export function fullOrder(peers: Order<Listing>): Order<Listing> {
  return (a, b) => peers(a, b) || a.tie - b.tie || compare(a.entry.offerId, b.entry.offerId);
}

/** Order of two values of one type. */
export function compare<T extends string | bigint | number>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
