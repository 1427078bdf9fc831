/**
 * Which offer first, and why.
 *
 * 1. Models are tried in the order the buyer names them; all offers of one come before those of the next.
 * 2. Providers that the buyer put in `order` come first, in that order.
 * 3. Offers that are as fast as the buyer prefers come before those that are not.
 * 4. The others by effective price (effective-price.ts) in steps of 5 %, or by the figure of `sort` exactly
 *    and then by effective price. Equal offers take turns (search-shelf.ts).
 * 5. By effective price, offers with fewer than three samples stand behind all measured ones. So that they
 *    can be measured at all, one answer in twenty (`draw` below the share) puts a new one first: the first
 *    in their own order that fits, has a free slot and costs at most half more than the winner. The share is
 *    the bound: neither a flood of names nor a price of one nait raises it. With `sort` or `order` the
 *    buyer has said what counts, and there is no such turn.
 *
 * An answer has at most `query.limit` offers; at least `looksMin` are looked at, so that providers behind the
 * answer learn why. Cost: see search-shelf.ts. Rejected: claimed speeds (a claim costs nothing), a
 * weighing that the loser cannot be told in one sentence.
 *
 * The reason of the first is what put it before the second; of all others, what put them behind the one
 * before. See docs/spec/market.md, "Ranking".
 */
import { heaviestFactor, isFull, type PriceFactor } from './effective-price.ts';
import {
  type Exclusion,
  filterOf,
  isPreferred,
  type PreferredSpeed,
  preferredSpeedOf,
} from './filter-offers.ts';
import type { Listing, RankSort } from './listing.ts';
import type { OfferIndex } from './offer-index.ts';
import type { RankedOffer, RouteFacts, RouteQuery } from './route-types.ts';
import { gather, type Pool, poolsOf, type ShelfSearch, searchShelf, walk } from './search-shelf.ts';
import type { Shelf } from './shelf.ts';

const looksMin = 12;
const leftOutMax = 16;
const newcomerLooksMax = 32;
const explorationShare = 0.05;
const explorationPricePercent = 150n;

/** Why an offer has its rank. */
export type RankReason =
  | PriceFactor
  | 'model'
  | 'order'
  | 'preference'
  | 'newcomer'
  | 'exploration'
  | 'tie'
  | 'only candidate';

/** A listing with its place. */
export interface Placed {
  readonly listing: Listing;
  readonly model: string;
  /** How it came to its place. */
  readonly by: 'order' | 'exploration' | 'preference' | 'rank';
  readonly sort: RankSort;
}

/** Ranked offers, and how many were left out for which reason. */
export interface Ranking {
  readonly offers: readonly RankedOffer[];
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
  /** All that were looked at and fit, best first; the first of them are the answer. */
  readonly looked: readonly Placed[];
  /** Some that were looked at and do not fit. */
  readonly leftOut: readonly { readonly listing: Listing; readonly exclusion: Exclusion }[];
}

interface Search {
  readonly query: RouteQuery;
  readonly facts: RouteFacts;
  readonly model: string;
  readonly sort: RankSort;
  readonly speed: PreferredSpeed | undefined;
  readonly looksMax: number;
  fits(listing: Listing): boolean;
  onLeftOut(exclusion: Exclusion, count: number): void;
  onRestart(): void;
}

/** Ranks what fits the query, best first, at most `query.limit` offers. */
export function rankOffers(index: OfferIndex, query: RouteQuery, facts: RouteFacts): Ranking {
  const tally = createTally(query, facts.nowMs);
  const wishes = query.provider;
  const isOne = wishes.allow_fallbacks === false && !wishes.order;
  const limit = isOne ? 1 : query.limit;
  const looked: Placed[] = [];
  for (const model of new Set(query.models)) {
    if (looked.length >= limit) break;
    const shelf = index.shelf(model);
    if (!shelf) continue;
    const search: Search = {
      ...{ query, facts, model, sort: wishes.sort ?? 'effective' },
      speed: preferredSpeedOf(wishes),
      looksMax: Math.max(looksMin, limit) - looked.length,
      fits: tally.fits,
      onLeftOut: tally.onLeftOut,
      onRestart: tally.mark(),
    };
    looked.push(...rankModel(index, shelf, search));
  }
  const answer = looked.slice(0, limit);
  return {
    offers: answer.map((_, rank) => answerOf(answer, rank)),
    excluded: tally.excluded,
    looked,
    leftOut: tally.leftOut,
  };
}

/** Filter that counts what it leaves out. */
function createTally(query: RouteQuery, nowMs: number) {
  const filter = filterOf(query, nowMs);
  const excluded: Partial<Record<Exclusion, number>> = {};
  const leftOut: { listing: Listing; exclusion: Exclusion }[] = [];
  const onLeftOut = (exclusion: Exclusion, count: number): void => {
    excluded[exclusion] = (excluded[exclusion] ?? 0) + count;
  };
  const fits = (listing: Listing): boolean => {
    const exclusion = filter(listing);
    if (exclusion === undefined) return true;
    onLeftOut(exclusion, 1);
    if (leftOut.length < leftOutMax) leftOut.push({ listing, exclusion });
    return false;
  };
  /** Gives a function that takes back what was counted since. */
  const mark = () => {
    const before = { ...excluded };
    const kept = leftOut.length;
    return () => {
      for (const exclusion of Object.keys(excluded) as Exclusion[]) delete excluded[exclusion];
      Object.assign(excluded, before);
      leftOut.length = kept;
    };
  };
  return { excluded, leftOut, onLeftOut, fits, mark };
}

function rankModel(index: OfferIndex, shelf: Shelf, search: Search): Placed[] {
  const { query, model, sort } = search;
  const { order = [], allow_fallbacks: mayFallBack } = query.provider;
  if (order.length === 0) return explore(shelf, search, rankRest(index, shelf, search));
  const ordered = listingsOf(index, order, model)
    .filter(search.fits)
    .slice(0, search.looksMax)
    .map((listing): Placed => ({ listing, model, by: 'order', sort }));
  if (mayFallBack === false) return ordered;
  const taken = new Set(order);
  const rest: Search = {
    ...search,
    looksMax: search.looksMax - ordered.length,
    fits: (listing) => !taken.has(listing.entry.provider) && search.fits(listing),
  };
  return [...ordered, ...rankRest(index, shelf, rest)];
}

function listingsOf(index: OfferIndex, providers: readonly string[], model: string): Listing[] {
  return [...new Set(providers)].flatMap((provider) =>
    index.listings(provider).filter(({ entry }) => entry.model === model),
  );
}

function rankRest(index: OfferIndex, shelf: Shelf, search: Search): Placed[] {
  const { query, model, sort, speed, facts, looksMax } = search;
  const { fits, onLeftOut, onRestart } = search;
  const draw = turnOf(facts.draw);
  const find = (part: Omit<ShelfSearch, 'sort' | 'draw'>, pools: readonly Pool[]): Listing[] => {
    const { only } = query.provider;
    const whole: ShelfSearch = { sort, draw, ...part };
    if (only) return gather(shelf, whole, listingsOf(index, only, model));
    return searchShelf(shelf, whole, pools);
  };
  const pools = poolsOf(shelf, query);
  if (!speed) {
    const found = find({ limit: looksMax, fits, onLeftOut, onRestart }, pools);
    return found.map((listing) => ({ listing, model, by: 'rank', sort }));
  }
  const filter = filterOf(query, facts.nowMs);
  const isFast = (listing: Listing) => isPreferred(speed, listing) && !filter(listing);
  const fast = find(
    { limit: looksMax, fits: (listing) => isFast(listing) && fits(listing) },
    poolsOf(shelf, query, speed),
  );
  const limit = looksMax - fast.length;
  const isSlow = (listing: Listing) => fits(listing) && !isPreferred(speed, listing);
  const slow = find({ limit, fits: isSlow, onLeftOut, onRestart }, pools);
  return [
    ...fast.map((listing): Placed => ({ listing, model, by: 'preference', sort })),
    ...slow.map((listing): Placed => ({ listing, model, by: 'rank', sort })),
  ];
}

/** The lower digits of the draw, so that whose turn it is does not hang on whether this answer explores. */
function turnOf(draw: number): number {
  return (draw * 997) % 1;
}

function explore(shelf: Shelf, search: Search, ranked: Placed[]): Placed[] {
  const { query, facts, model, sort } = search;
  const winner = ranked[0];
  const isAsked = query.provider.sort || query.provider.order || query.provider.only;
  if (!winner || winner.listing.isNew || isAsked || facts.draw >= explorationShare) return ranked;
  const chosen = newcomerFor(shelf, search, winner.listing);
  if (!chosen) return ranked;
  const others = ranked.filter(({ listing }) => listing !== chosen);
  const explored: Placed = { listing: chosen, model, by: 'exploration', sort };
  return [explored, ...others].slice(0, search.looksMax);
}

function newcomerFor(shelf: Shelf, search: Search, winner: Listing): Listing | undefined {
  const dearest = (winner.entry.referencePrice * explorationPricePercent) / 100n;
  const filter = filterOf(search.query, search.facts.nowMs);
  const list = shelf.ranked.effective;
  let looks = 0;
  let chosen: Listing | undefined;
  const fits = (listing: Listing): boolean => {
    looks += 1;
    const isFit =
      listing.entry.referencePrice <= dearest && !isFull(listing.seat.gauges) && !filter(listing);
    if (isFit) chosen ??= listing;
    return isFit || looks >= newcomerLooksMax;
  };
  const draw = search.facts.draw / explorationShare;
  const start = list.partition(({ isNew }) => !isNew);
  walk(shelf, { sort: 'effective', limit: 1, draw, fits }, start);
  return chosen;
}

function answerOf(placed: readonly Placed[], rank: number): RankedOffer {
  const { entry, measured, seat } = (placed[rank] as Placed).listing;
  const { offerId, offer } = entry;
  return { offerId, offer, rank, reason: reasonOf(placed, rank), measured, gauges: seat.gauges };
}

function reasonOf(placed: readonly Placed[], rank: number): RankReason {
  const better = placed[Math.max(0, rank - 1)];
  const worse = placed[Math.max(1, rank)];
  if (better && worse) return decidingFactor(better, worse);
  return better?.by === 'order' || better?.by === 'exploration' ? better.by : 'only candidate';
}

/** What put the better before the worse. */
export function decidingFactor(better: Placed, worse: Placed): RankReason {
  if (better.model !== worse.model) return 'model';
  if (better.by === 'order' || better.by === 'exploration') return better.by;
  if (better.by !== worse.by) return 'preference';
  const [first, second] = [better.listing, worse.listing];
  const { sort } = better;
  if (sort === 'price' && first.entry.referencePrice !== second.entry.referencePrice) return sort;
  if (sort === 'latency' && first.latencyMs !== second.latencyMs) return sort;
  if (sort === 'throughput' && speedOf(first) !== speedOf(second)) return sort;
  if (sort === 'effective' && first.isNew !== second.isNew) return 'newcomer';
  if (first.step === second.step) return 'tie';
  return heaviestFactor(first.terms, second.terms);
}

function speedOf({ measured }: Listing): number | null {
  return measured.tokensPerSecondP50;
}
