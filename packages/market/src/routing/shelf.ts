/**
 * All listings of one model, in every order a query may ask for.
 *
 * Four lists rank: by effective price and by each `sort`. Three lists and a set for each trait only find:
 * they tell how many listings a wish leaves and which, so that a rare wish costs as much as what it leaves
 * and not a walk through the whole market (search-shelf.ts).
 */
import { stepOf, termsOf } from './effective-price.ts';
import {
  compare,
  fullOrder,
  type Listing,
  measuredFigures,
  peerKeys,
  peerOrders,
  type RankSort,
} from './listing.ts';
import { createOrderedList, type OrderedList } from './ordered-list.ts';
import type { Measured } from './route-types.ts';

/** Bounds a wish may set; each has a list that rises away from what fits everybody's wish. */
export type BoundName = 'prompt' | 'completion' | 'context';

/** Listings of one model. */
export interface Shelf {
  readonly ranked: Readonly<Record<RankSort, OrderedList<Listing>>>;
  readonly bounds: Readonly<Record<BoundName, OrderedList<Listing>>>;
  /** Listings of a trait, see `traitsOf`. */
  trait(name: string): ReadonlySet<Listing>;
  add(listing: Listing): void;
  drop(listing: Listing): void;
  /** Works the figures out anew after the seat or what was measured has changed. */
  renew(listing: Listing, measured: Measured): void;
  readonly size: number;
}

const none: ReadonlySet<Listing> = new Set();

/** Names of what an offer has or has not. */
export function traitsOf({ entry }: Listing): string[] {
  const { quantization, serves, canResume } = entry.offer.payload;
  const traits = [`quantization ${quantization.toLowerCase()}`];
  for (const kind of serves ?? []) traits.push(`serves ${kind}`);
  if (canResume) traits.push('resumes');
  return traits;
}

/** An empty shelf. */
export function createShelf(): Shelf {
  const ranked = {
    effective: rankList('effective'),
    price: rankList('price'),
    latency: rankList('latency'),
    throughput: rankList('throughput'),
  };
  const bounds = {
    prompt: boundList(({ entry }) => entry.price.inputPerMTok),
    completion: boundList(({ entry }) => entry.price.outputPerMTok),
    context: boundList((listing) => -contextOf(listing)),
  };
  const lists = [...Object.values(ranked), ...Object.values(bounds)];
  const traits = new Map<string, Set<Listing>>();
  return {
    ranked,
    bounds,
    trait: (name) => traits.get(name) ?? none,
    add(listing) {
      for (const list of lists) list.insert(listing);
      for (const name of traitsOf(listing)) {
        const set = traits.get(name) ?? new Set();
        traits.set(name, set.add(listing));
      }
    },
    drop(listing) {
      for (const list of lists) list.remove(listing);
      for (const name of traitsOf(listing)) {
        const set = traits.get(name);
        set?.delete(listing);
        if (set?.size === 0) traits.delete(name);
      }
    },
    renew: (listing, measured) => renew(ranked, listing, measured),
    get size() {
      return ranked.effective.size;
    },
  };
}

function contextOf({ contextMax }: Listing): number {
  return contextMax;
}

function rankList(sort: RankSort): OrderedList<Listing> {
  return createOrderedList({ keyOf: peerKeys[sort], order: fullOrder(peerOrders[sort]) });
}

function boundList(figureOf: (listing: Listing) => bigint | number): OrderedList<Listing> {
  const order = fullOrder((a, b) => compare(figureOf(a), figureOf(b)));
  return createOrderedList({ keyOf: (listing) => Number(figureOf(listing)), order });
}

/** Most heartbeats change no step: then nothing moves. */
function renew(ranked: Shelf['ranked'], listing: Listing, measured: Measured): void {
  const { entry, seat } = listing;
  const terms = termsOf({ referencePrice: entry.referencePrice, measured, ...seat });
  const step = stepOf(terms);
  const isSame = step === listing.step && measured === listing.measured;
  if (isSame) {
    listing.terms = terms;
    return;
  }
  for (const list of Object.values(ranked)) list.remove(listing);
  if (measured !== listing.measured) Object.assign(listing, measuredFigures(measured));
  listing.terms = terms;
  listing.step = step;
  for (const list of Object.values(ranked)) list.insert(listing);
}
