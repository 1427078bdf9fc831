/** The rules of ranking without an index: filter everything, sort everything. What the real one must equal. */
import { filterOf, isPreferred, preferredSpeedOf } from '../filter-offers.ts';
import { compare, type Listing } from '../listing.ts';
import type { RouteFacts, RouteQuery } from '../route-types.ts';

/** Offer ids in their order, without the turn of new providers, at most `limit`. */
export function naiveRank(
  listings: readonly Listing[],
  query: RouteQuery,
  { nowMs, draw }: RouteFacts,
): string[] {
  const filter = filterOf(query, nowMs);
  const speed = preferredSpeedOf(query.provider);
  const { order = [], allow_fallbacks: mayFallBack } = query.provider;
  const ranked: Listing[] = [];
  for (const model of new Set(query.models)) {
    const all = listings.filter(({ entry }) => entry.model === model);
    const turned = inTurn(all, query.provider.sort ?? 'effective', (draw * 997) % 1);
    const rest = turned.filter(({ entry }) => !order.includes(entry.provider));
    const named = [...new Set(order)].flatMap((name) =>
      all.filter(({ entry }) => entry.provider === name),
    );
    const isFast = (listing: Listing) => speed === undefined || isPreferred(speed, listing);
    const others = order.length > 0 && mayFallBack === false ? [] : rest;
    ranked.push(...named, ...others.filter(isFast), ...others.filter((one) => !isFast(one)));
  }
  const limit = order.length === 0 && mayFallBack === false ? 1 : query.limit;
  const fitting = ranked.filter((listing) => filter(listing) === undefined);
  return fitting.slice(0, limit).map(({ entry }) => entry.offerId);
}

type Sort = 'effective' | 'price' | 'latency' | 'throughput';

function keysOf(sort: Sort, listing: Listing): (number | bigint)[] {
  const { step, isNew, entry } = listing;
  if (sort === 'price') return [entry.referencePrice, step];
  if (sort === 'latency') return [listing.latencyMs, step];
  if (sort === 'throughput') return [listing.slowness, step];
  return [isNew ? 1 : 0, step];
}

/** All in order; equals stand in a circle that begins at the draw. */
function inTurn(all: readonly Listing[], sort: Sort, draw: number): Listing[] {
  const sorted = [...all].sort((a, b) => {
    const [left, right] = [keysOf(sort, a), keysOf(sort, b)];
    const at = left.findIndex((key, place) => key !== right[place]);
    if (at >= 0) return (left[at] ?? 0) < (right[at] ?? 0) ? -1 : 1;
    return a.tie - b.tie || compare(a.entry.offerId, b.entry.offerId);
  });
  const circles = new Map<string, Listing[]>();
  for (const listing of sorted) {
    const name = keysOf(sort, listing).join(' ');
    circles.set(name, [...(circles.get(name) ?? []), listing]);
  }
  return [...circles.values()].flatMap((circle) => {
    const first = Math.floor(draw * circle.length);
    return [...circle.slice(first), ...circle.slice(0, first)];
  });
}
