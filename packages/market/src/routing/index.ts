export type { DecisionFactor, DecisionLine } from './explain.ts';
export { decisionText, lineBehind, linesOf } from './explain.ts';
export { type Exclusion, silentMs } from './filter-offers.ts';
export type { Listing } from './listing.ts';
export {
  createMeasurements,
  type JobTimes,
  type MeasuredReceipt,
  type Measurements,
} from './measurements.ts';
export {
  createOfferIndex,
  type IndexFacts,
  type OfferEntry,
  type OfferIndex,
  offerEntryOf,
  referencePriceOf,
} from './offer-index.ts';
export { type Ranking, type RankReason, rankOffers } from './rank-offers.ts';
export type * from './route-types.ts';
export { inputsOf, type ScoredReport, type ScoreInputs, scoreOf } from './score.ts';
export type { Shelf } from './shelf.ts';
