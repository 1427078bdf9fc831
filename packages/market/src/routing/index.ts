export { type Exclusion, silentMs } from './filter-offers.ts';
export * from './measurements.ts';
export {
  createOfferIndex,
  type OfferEntry,
  type OfferIndex,
  offerEntryOf,
  referencePriceOf,
} from './offer-index.ts';
export { type Ranking, type RankReason, rankOffers } from './rank-offers.ts';
export type * from './route-types.ts';
