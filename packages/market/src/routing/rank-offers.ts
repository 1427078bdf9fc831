/**
 * Which offer first, and why.
 *
 * 1. Models are tried in the order the buyer names them; all offers of one come before those of the next.
 * 2. Providers that the buyer put in `order` come first, in that order.
 * 3. By default offers are put into price bands: the cheapest candidate opens a band, everything up to
 *    5 % dearer belongs to it, the next dearer candidate opens the next band. So a nait less buys no
 *    place, 5 % does. Inside a band: a free slot, then measured first-token time in steps of a quarter,
 *    then load, then the exact price, then the offer id.
 *    `sort: price` has bands of width zero; `latency` and `throughput` put the measured figure first and
 *    the price second, over all candidates.
 * 4. A provider with fewer than three samples is unmeasured and stands behind the measured ones of its
 *    band. So that it can be measured at all, one answer in twenty (`draw` below the share) puts the
 *    cheapest unmeasured candidate with a free slot first, as long as it costs at most half more than
 *    the cheapest. The share is the bound: flooding the market with new names does not raise it.
 *
 * Cost: the list of a model is sorted by price already, so only the bands that fill the answer are
 * looked at, and of a band at most 32 fitting offers, from a place that the draw decides. With thousands
 * of equal prices that spreads the traffic and keeps the time flat. Rejected: scores with weights (no
 * provider can see why it lost), claimed speeds (a claim costs nothing).
 *
 * The reason of the first is what put it before the second; of all others, what put them behind the one
 * before. See docs/spec/market.md, "Ranking".
 */
import { type Exclusion, filterOf, type OfferFilter } from './filter-offers.ts';
import { type OfferEntry, type OfferIndex, sortedByPrice } from './offer-index.ts';
import type { Gauges, Measured, RankedOffer, RouteFacts, RouteQuery } from './route-types.ts';
import { partition } from './sorted.ts';

const bandPercent = 105n;
const bandLooksMax = 32;
const explorationShare = 0.05;
const explorationPricePercent = 150n;
const samplesMin = 3;
const logOfStep = Math.log(1.25);
const idle: Gauges = { running: 0, waiting: 0, slots: 0 };

/** Why an offer has its rank. */
export type RankReason =
  | 'model'
  | 'order'
  | 'exploration'
  | 'price'
  | 'capacity'
  | 'latency'
  | 'throughput'
  | 'load'
  | 'tie'
  | 'only candidate';

/** Ranked offers, and how many were left out for which reason. */
export interface Ranking {
  readonly offers: readonly RankedOffer[];
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
}

interface Candidate {
  readonly entry: OfferEntry;
  readonly measured: Measured;
  readonly gauges: Gauges;
  readonly isFull: boolean;
  readonly load: number;
  readonly isMeasured: boolean;
  /** Measured first-token time in steps of a quarter; Infinity while unmeasured. */
  readonly latencyStep: number;
}

/** A candidate with the group in which factors compare, and what set the group apart. */
interface Placed {
  readonly candidate: Candidate;
  readonly group: string;
  readonly groupReason: RankReason;
  readonly factors: readonly Factor[];
}

type Factor = readonly [reason: RankReason, value: (candidate: Candidate) => number | bigint];

interface Search {
  readonly facts: RouteFacts;
  readonly wishes: RouteQuery['provider'];
  readonly limit: number;
  readonly fits: (entry: OfferEntry) => boolean;
}

const priceFactor: Factor = ['price', ({ entry }) => entry.referencePrice];
const capacityFactor: Factor = ['capacity', ({ isFull }) => (isFull ? 1 : 0)];
const loadFactor: Factor = ['load', ({ load }) => load];
const latencyStepFactor: Factor = ['latency', ({ latencyStep }) => latencyStep];
const latencyFactor: Factor = [
  'latency',
  ({ isMeasured, measured }) => (isMeasured ? (measured.firstTokenMsP50 ?? Infinity) : Infinity),
];
const throughputFactor: Factor = [
  'throughput',
  ({ isMeasured, measured }) => (isMeasured ? -(measured.tokensPerSecondP50 ?? 0) : 0),
];

const bandFactors = [capacityFactor, latencyStepFactor, loadFactor, priceFactor];
const latencyFactors = [latencyFactor, priceFactor, capacityFactor, loadFactor];
const throughputFactors = [throughputFactor, priceFactor, capacityFactor, loadFactor];

/** Ranks what fits the query, best first, at most `query.limit` offers. */
export function rankOffers(index: OfferIndex, query: RouteQuery, facts: RouteFacts): Ranking {
  const excluded: Partial<Record<Exclusion, number>> = {};
  const filter: OfferFilter = filterOf(query.provider, query.contextTokens, facts);
  const fits = (entry: OfferEntry): boolean => {
    const exclusion = filter(entry);
    if (exclusion !== undefined) excluded[exclusion] = (excluded[exclusion] ?? 0) + 1;
    return exclusion === undefined;
  };
  const placed: Placed[] = [];
  for (const model of new Set(query.models)) {
    const limit = query.limit - placed.length;
    if (limit <= 0) break;
    const search: Search = { facts, wishes: query.provider, limit, fits };
    placed.push(...rankModel(index, model, search));
  }
  return { offers: placed.map((_, rank) => answerOf(placed, rank)), excluded };
}

function rankModel(index: OfferIndex, model: string, search: Search): Placed[] {
  const { wishes, limit } = search;
  const source = wishes.only
    ? sortedByPrice(offersOf(index, wishes.only, model))
    : index.ofModel(model);
  const ordered = rankOrdered(index, model, search);
  const taken = new Set(wishes.order);
  const rest: Search = {
    ...search,
    limit: limit - ordered.length,
    fits: (entry) => !taken.has(entry.provider) && search.fits(entry),
  };
  if (wishes.sort === 'latency' || wishes.sort === 'throughput') {
    return [...ordered, ...rankByFigure(source, rest)];
  }
  return [...ordered, ...rankByPrice(source, rest)];
}

function offersOf(index: OfferIndex, providers: readonly string[], model: string): OfferEntry[] {
  return [...new Set(providers)].flatMap((provider) =>
    index.ofProvider(provider).filter((entry) => entry.model === model),
  );
}

function rankOrdered(index: OfferIndex, model: string, { facts, ...search }: Search): Placed[] {
  const fitting = offersOf(index, search.wishes.order ?? [], model).filter(search.fits);
  return fitting.slice(0, search.limit).map((entry, at) => ({
    candidate: candidateOf(entry, facts),
    group: `${model} order ${at}`,
    groupReason: 'order',
    factors: bandFactors,
  }));
}

function rankByFigure(source: readonly OfferEntry[], { facts, wishes, ...rest }: Search): Placed[] {
  const factors = wishes.sort === 'latency' ? latencyFactors : throughputFactors;
  const best: Candidate[] = [];
  for (const entry of source) {
    if (rest.limit === 0) break;
    if (!rest.fits(entry)) continue;
    const candidate = candidateOf(entry, facts);
    const last = best.at(-1);
    const hasRoom = best.length < rest.limit;
    if (!hasRoom && last && compareBy(factors, candidate, last) >= 0) continue;
    if (!hasRoom) best.pop();
    const at = partition(best, (other) => compareBy(factors, other, candidate) < 0);
    best.splice(at, 0, candidate);
  }
  return best.map((candidate) => placedOf(candidate, 'all', factors));
}

function rankByPrice(source: readonly OfferEntry[], search: Search): Placed[] {
  const width = search.wishes.sort === 'price' ? 100n : bandPercent;
  const placed: Placed[] = [];
  const newcomers: Candidate[] = [];
  let at = 0;
  for (let band = 0; at < source.length && placed.length < search.limit; band += 1) {
    while (at < source.length && !search.fits(source[at] as OfferEntry)) at += 1;
    const first = source[at];
    if (!first) break;
    const end = endOfBand(source, (first.referencePrice * width) / 100n);
    const found = bandCandidates(source, { from: at, to: end }, search);
    found.sort((a, b) => compareBy(bandFactors, a, b));
    newcomers.push(...found.filter(({ isMeasured, isFull }) => !isMeasured && !isFull));
    for (const candidate of found.slice(0, search.limit - placed.length)) {
      placed.push(placedOf(candidate, `band ${band}`, bandFactors));
    }
    at = end;
  }
  return explore(placed, newcomers, search);
}

function endOfBand(source: readonly OfferEntry[], dearest: bigint): number {
  return partition(source, ({ referencePrice }) => referencePrice <= dearest);
}

/** Fitting offers of a band, at most `bandLooksMax`, from a place that the draw decides in a wide band. */
function bandCandidates(
  source: readonly OfferEntry[],
  { from, to }: { from: number; to: number },
  { facts, fits }: Search,
): Candidate[] {
  const size = to - from;
  // The lower digits of the draw, so that the place does not hang on whether this answer explores.
  const start = size > bandLooksMax ? Math.floor(((facts.draw * 997) % 1) * size) : 0;
  const found: Candidate[] = [];
  for (let step = 0; step < size && found.length < bandLooksMax; step += 1) {
    const entry = source[from + ((start + step) % size)] as OfferEntry;
    if (fits(entry)) found.push(candidateOf(entry, facts));
  }
  return found;
}

function explore(placed: Placed[], newcomers: readonly Candidate[], search: Search): Placed[] {
  const { draw } = search.facts;
  const first = placed[0];
  if (!first || draw >= explorationShare || search.wishes.sort || search.wishes.order) {
    return placed;
  }
  const cheapest = placed.reduce(
    (least, { candidate: { entry } }) =>
      entry.referencePrice < least ? entry.referencePrice : least,
    first.candidate.entry.referencePrice,
  );
  const dearest = (cheapest * explorationPricePercent) / 100n;
  const chosen = newcomers.find(({ entry }) => entry.referencePrice <= dearest);
  if (!chosen || !first.candidate.isMeasured) return placed;
  const others = placed.filter(({ candidate }) => candidate.entry !== chosen.entry);
  const explored: Placed = {
    candidate: chosen,
    group: 'exploration',
    groupReason: 'exploration',
    factors: bandFactors,
  };
  return [explored, ...others].slice(0, search.limit);
}

function placedOf(candidate: Candidate, group: string, factors: readonly Factor[]): Placed {
  const name = `${candidate.entry.model} ${group}`;
  return { candidate, group: name, groupReason: 'price', factors };
}

function candidateOf(entry: OfferEntry, facts: RouteFacts): Candidate {
  const measured = facts.measured(entry.provider, entry.model);
  const gauges = facts.standing(entry.provider)?.gauges ?? idle;
  const busy = gauges.running + gauges.waiting;
  const isMeasured = measured.samples >= samplesMin && measured.firstTokenMsP50 !== null;
  return {
    entry,
    measured,
    gauges,
    isFull: busy >= gauges.slots,
    load: busy / Math.max(1, gauges.slots),
    isMeasured,
    latencyStep: isMeasured ? stepOf(measured.firstTokenMsP50) : Infinity,
  };
}

function stepOf(firstTokenMs: number | null): number {
  if (firstTokenMs === null) return Infinity;
  return Math.floor(Math.log(Math.max(1, firstTokenMs)) / logOfStep);
}

function compareBy(factors: readonly Factor[], a: Candidate, b: Candidate): number {
  for (const [, value] of factors) {
    const left = value(a);
    const right = value(b);
    if (left !== right) return left < right ? -1 : 1;
  }
  return a.entry.offerId < b.entry.offerId ? -1 : 1;
}

function answerOf(placed: readonly Placed[], rank: number): RankedOffer {
  const { candidate } = placed[rank] as Placed;
  const { entry, measured, gauges } = candidate;
  const reason = reasonOf(placed, rank);
  const { offerId, offer } = entry;
  return { offerId, offer, rank, reason, measured, gauges };
}

function reasonOf(placed: readonly Placed[], rank: number): RankReason {
  const better = placed[Math.max(0, rank - 1)];
  const worse = placed[Math.max(1, rank)];
  if (!better || !worse) return better ? soleReason(better) : 'only candidate';
  if (better.candidate.entry.model !== worse.candidate.entry.model) return 'model';
  if (better.group !== worse.group) {
    return better.groupReason === 'price' ? worse.groupReason : better.groupReason;
  }
  const decisive = better.factors.find(
    ([, value]) => value(better.candidate) !== value(worse.candidate),
  );
  return decisive?.[0] ?? 'tie';
}

function soleReason({ groupReason }: Placed): RankReason {
  return groupReason === 'price' ? 'only candidate' : groupReason;
}
