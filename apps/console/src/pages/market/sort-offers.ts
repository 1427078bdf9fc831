/** Orders of offers. What was not measured comes last, whatever the order. */
import type { MarketOutput } from '../../data/sources.ts';

/** An offer as the coordinator lists it. */
export type Offer = MarketOutput<'listOffers'>['offers'][number];

/** What offers may be ordered by. */
export const sortNames = {
  output: 'Cheapest output',
  input: 'Cheapest input',
  latency: 'First token soonest',
  speed: 'Most tokens per second',
  model: 'Model',
} as const;

export type SortKey = keyof typeof sortNames;

const orders: Readonly<Record<SortKey, (a: Offer, b: Offer) => number>> = {
  output: (a, b) => compared(BigInt(priceOf(a).outputPerMTok), BigInt(priceOf(b).outputPerMTok)),
  input: (a, b) => compared(BigInt(priceOf(a).inputPerMTok), BigInt(priceOf(b).inputPerMTok)),
  latency: (a, b) => (a.measured.firstTokenMsP50 ?? 1e12) - (b.measured.firstTokenMsP50 ?? 1e12),
  speed: (a, b) => (b.measured.tokensPerSecondP50 ?? -1) - (a.measured.tokensPerSecondP50 ?? -1),
  model: (a, b) => compared(modelOf(a), modelOf(b)),
};

/** Offers in an order; equal ones stay as they are. */
export function sortedOffers(offers: readonly Offer[], key: SortKey): Offer[] {
  return [...offers].sort(orders[key] ?? orders.output);
}

function priceOf({ offer }: Offer) {
  return offer.payload.price;
}

function modelOf({ offer }: Offer): string {
  return offer.payload.model;
}

function compared<T extends bigint | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
