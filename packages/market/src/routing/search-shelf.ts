/**
 * Finds the first listings of a shelf that fit, in the order of a ranking.
 *
 * Two ways, the same answer. *Walk*: along the ranked list from its start, until enough were found. That is
 * short while a fair share of the listings fits. *Gather*: take the smallest list or set that must hold all
 * that fit (a quantization, a price bound, a context, …), filter it and sort the best of what is left. A
 * shelf knows the size of each such pool without looking at its members, so a search begins with what
 * promises to be shorter; a walk that takes three times as long as expected, because the few that fit all
 * stand at the end, gives up and gathers. Slow is only a query of which each wish leaves many listings and
 * all wishes together few.
 *
 * Listings of one step are peers and take turns: the peers stand in a circle in the order of their ties, and
 * the draw says where the answer begins. Each of n equal offers is first in one answer of n.
 */
import { amountOf } from '@aitbc/protocol';
import type { Exclusion, PreferredSpeed } from './filter-offers.ts';
import {
  fullOrder,
  type Listing,
  lastKeyOfPeers,
  peerKeys,
  peerOrders,
  type RankSort,
} from './listing.ts';
import type { OrderedList } from './ordered-list.ts';
import type { RouteQuery } from './route-types.ts';
import type { Shelf } from './shelf.ts';

/** What is looked for. */
export interface ShelfSearch {
  readonly sort: RankSort;
  readonly limit: number;
  /** A number in [0, 1): where the circles of peers begin. */
  readonly draw: number;
  fits(listing: Listing): boolean;
  /** Asked after each look: true ends a walk. */
  isOver?(): boolean;
  /** What `fits` has counted since the search began will be counted again. */
  onRestart?(): void;
  /** So many listings were left out without a look. */
  onLeftOut?(exclusion: Exclusion, count: number): void;
}

/** A part of a shelf that holds everything that can fit. */
export interface Pool {
  readonly size: number;
  /** Why the listings outside do not fit; undefined where that excludes nobody for good. */
  readonly exclusion?: Exclusion;
  members(): Iterable<Listing>;
}

const gatherShelfMin = 512; // a smaller market is walked, and counts exactly what it leaves out
const peersNear = 8; // looked at one by one before the end of a circle is searched by halving

/** The first fitting listings in the order of the sort. */
export function searchShelf(
  shelf: Shelf,
  search: ShelfSearch,
  pools: readonly Pool[] = [],
): Listing[] {
  const pool = smallestOf(pools);
  if (!pool || shelf.size < gatherShelfMin || pool.size * 2 > shelf.size) {
    return walk(shelf, search, 0);
  }
  const gatherPool = (): Listing[] => {
    if (pool.exclusion) search.onLeftOut?.(pool.exclusion, shelf.size - pool.size);
    return gather(shelf, search, pool.members());
  };
  const walkExpected = (search.limit * shelf.size) / Math.max(1, pool.size);
  if (walkExpected * 2 > pool.size) return gatherPool();
  let left = walkExpected * 3;
  const fits = (listing: Listing): boolean => {
    left -= 1;
    return left >= 0 && search.fits(listing);
  };
  const isOver = (): boolean => left < 0;
  const found = walk(shelf, { isOver, ...search, fits }, 0);
  if (found.length >= search.limit || !isOver()) return found;
  search.onRestart?.();
  return gatherPool();
}

/** Walks the ranked list from a position. */
export function walk(shelf: Shelf, search: ShelfSearch, start: number): Listing[] {
  const list = shelf.ranked[search.sort];
  const found: Listing[] = [];
  const take = (listing: Listing): boolean => {
    if (search.fits(listing)) found.push(listing);
    return found.length >= search.limit || search.isOver?.() === true;
  };
  if (search.limit <= 0) return found;
  for (let from = start; from < list.size; ) {
    const circle = circleAt(list, search, from);
    if (list.scan({ from: circle.first, to: circle.end }, take)) break;
    if (list.scan({ from, to: circle.first }, take)) break;
    from = circle.end;
  }
  return found;
}

/** End of the circle of peers that begins at a position, and the position of its first in this answer. */
function circleAt(
  list: OrderedList<Listing>,
  { sort, draw }: ShelfSearch,
  from: number,
): { readonly first: number; readonly end: number } {
  const peers = peerOrders[sort];
  let head: Listing | undefined;
  let end = from;
  const isPeer = (listing: Listing): boolean => {
    head ??= listing;
    if (peers(head, listing) !== 0) return false;
    end += 1;
    return true;
  };
  const isOver = list.scan({ from, to: from + peersNear }, (listing) => !isPeer(listing));
  const lead = head;
  if (!isOver && lead) end = list.partition((listing) => peers(listing, lead) <= 0);
  return { first: from + Math.floor(draw * (end - from)), end };
}

/** Filters a pool and sorts what fits. */
export function gather(shelf: Shelf, search: ShelfSearch, members: Iterable<Listing>): Listing[] {
  const { sort, fits, limit } = search;
  const fitting: Listing[] = [];
  for (const listing of members) if (fits(listing)) fitting.push(listing);
  const order = fullOrder(peerOrders[sort]);
  const found = bestOf(fitting, sort, limit).sort(order);
  const turned: Listing[] = [];
  for (let from = 0; from < found.length && turned.length < limit; ) {
    const end = endOfPeers(found, sort, from);
    const lead = found[from] as Listing;
    const first = end - from > 1 ? firstOfCircle(shelf, search, lead) : lead;
    const circle = found.slice(from, end);
    turned.push(...circle.filter((listing) => order(listing, first) >= 0));
    turned.push(...circle.filter((listing) => order(listing, first) < 0));
    from = end;
  }
  return turned.slice(0, limit);
}

/** The best `limit` with all peers of the last of them, in no order: numbers sort faster than listings. */
function bestOf(fitting: readonly Listing[], sort: RankSort, limit: number): Listing[] {
  if (fitting.length <= limit) return [...fitting];
  const keys = new Float64Array(fitting.length);
  for (let at = 0; at < keys.length; at += 1) keys[at] = peerKeys[sort](fitting[at] as Listing);
  const last = keys.slice().sort()[limit - 1] as number;
  const most = sort === 'effective' ? lastKeyOfPeers(last) : last;
  return fitting.filter((_, at) => (keys[at] as number) <= most);
}

function endOfPeers(sorted: readonly Listing[], sort: RankSort, from: number): number {
  let end = from + 1;
  while (end < sorted.length) {
    if (peerOrders[sort](sorted[from] as Listing, sorted[end] as Listing) !== 0) break;
    end += 1;
  }
  return end;
}

/** Who begins the circle of a listing; the circle has all its peers, also those that do not fit. */
function firstOfCircle(shelf: Shelf, search: ShelfSearch, listing: Listing): Listing {
  const list = shelf.ranked[search.sort];
  const peers = peerOrders[search.sort];
  const from = list.partition((other) => peers(other, listing) < 0);
  return list.at(circleAt(list, search, from).first) ?? listing;
}

function smallestOf(pools: readonly Pool[]): Pool | undefined {
  let smallest: Pool | undefined;
  for (const pool of pools) if (!smallest || pool.size < smallest.size) smallest = pool;
  return smallest;
}

/** Pools of the wishes of a query. */
export function poolsOf(shelf: Shelf, query: RouteQuery, speed?: PreferredSpeed): Pool[] {
  const { provider: wishes, contextTokens, serves, canResume } = query;
  const { bounds } = shelf;
  const pools: Pool[] = [];
  const add = (exclusion: Exclusion, pool: Pool) => void pools.push({ ...pool, exclusion });
  const { prompt, completion } = wishes.max_price ?? {};
  if (prompt !== undefined) {
    const most = amountOf(prompt);
    add(
      'max_price',
      prefixOf(bounds.prompt, ({ entry }) => entry.price.inputPerMTok <= most),
    );
  }
  if (completion !== undefined) {
    const most = amountOf(completion);
    add(
      'max_price',
      prefixOf(bounds.completion, ({ entry }) => entry.price.outputPerMTok <= most),
    );
  }
  if (contextTokens !== undefined) {
    const fits = ({ contextMax }: Listing) => contextMax >= contextTokens;
    add('context', prefixOf(bounds.context, fits));
  }
  const names = wishes.quantizations?.map((name) => `quantization ${name.toLowerCase()}`);
  if (names) add('quantizations', traitPool(shelf, [...new Set(names)]));
  if (serves) add('serves', traitPool(shelf, [`serves ${serves}`]));
  if (canResume) add('resume', traitPool(shelf, ['resumes']));
  return speed ? [...pools, ...speedPools(shelf, speed)] : pools;
}

function speedPools({ ranked }: Shelf, speed: PreferredSpeed): Pool[] {
  const isFast = (listing: Listing) => -listing.slowness >= speed.tokensPerSecond;
  const isSoon = (listing: Listing) => listing.latencyMs <= speed.firstTokenMsP50;
  return [
    prefixOf(ranked.throughput, isFast),
    prefixOf(ranked.latency, isSoon),
    prefixOf(ranked.effective, ({ isNew }) => !isNew),
  ];
}

function prefixOf(list: OrderedList<Listing>, fits: (listing: Listing) => boolean): Pool {
  const size = list.partition(fits);
  return {
    size,
    members() {
      const members: Listing[] = [];
      list.scan({ from: 0, to: size }, (listing) => {
        members.push(listing);
        return false;
      });
      return members;
    },
  };
}

function traitPool(shelf: Shelf, names: readonly string[]): Pool {
  const sets = names.map((name) => shelf.trait(name));
  const size = sets.reduce((sum, set) => sum + set.size, 0);
  return { size, members: () => sets.flatMap((set) => [...set]) };
}
