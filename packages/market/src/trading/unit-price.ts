/**
 * One number for a price list. Offers have three prices (prompt, output, request), a series has one: the unit price,
 * what a million tokens cost when they are bought as reference requests (1 000 prompt and 500 output tokens, the
 * request of the ranking). So a series moves when prices move, and not when buyers ask longer questions.
 *
 * Rejected: charge divided by tokens, which mixes the price with the shape of the requests of the hour.
 * See docs/spec/market.md, "Prices".
 */
import type { Price } from '@aitbc/protocol';
import { stepOf } from '../routing/effective-price.ts';
import { referencePriceOf } from '../routing/offer-index.ts';

const referenceTokens = 1_500n;

/** What a million tokens cost as reference requests, nait, rounded down. */
export function unitPriceOf(price: Price): bigint {
  return referencePriceOf(price) / referenceTokens;
}

/**
 * A price list with another unit price and the same proportions, each price rounded to the nearest nait. A free list
 * has no proportions: then prompt and output tokens cost the same.
 */
export function priceListAt(base: Price, unitPrice: bigint): Price {
  const before = referencePriceOf(base);
  if (before === 0n) return { inputPerMTok: unitPrice, outputPerMTok: unitPrice, perRequest: 0n };
  const after = unitPrice * referenceTokens;
  const scaled = (part: bigint) => (part * after + before / 2n) / before;
  return {
    inputPerMTok: scaled(base.inputPerMTok),
    outputPerMTok: scaled(base.outputPerMTok),
    perRequest: scaled(base.perRequest),
  };
}

/** Step of the ranking that a unit price falls into when nothing but the price differs; lower is better. */
export function priceStepOf(unitPrice: bigint): number {
  const price = Math.log(Math.max(1, Number(unitPrice * referenceTokens)));
  return stepOf({ price, latency: 0, throughput: 0, queue: 0, reputation: 0 });
}
