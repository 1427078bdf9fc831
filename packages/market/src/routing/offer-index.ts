/**
 * The offers that can be sold now, in memory, ready to be ranked.
 *
 * Each model has a shelf: its listings in the order of each sort key, kept in order while gauges and
 * measured figures move, so that ranking looks at a prefix and never sorts the market. A list by offer id
 * serves paging. A provider's offers are replaced as a whole: what it no longer lists is gone at once.
 * A provider's seat holds what its frames say; it lasts from the first frame to `remove`.
 *
 * The reference request has 1 000 prompt tokens and 500 output tokens. Its price is kept in millionths
 * of a nait, exact, so that two price lists that differ at all are never equal by rounding. Rejected: a
 * price per model pair of the caller's own mix, which would need a sort for each request; a database
 * index, which is forty times slower. See docs/spec/market.md, "Ranking".
 */
import type { Hex, OfferPayload, Price, SignedOffer } from '@aitbc/protocol';
import { priceOf } from '@aitbc/protocol';
import { compare, type Listing, listingOf, type Seat } from './listing.ts';
import { nothing } from './measurements.ts';
import { createOrderedList, type OrderedList } from './ordered-list.ts';
import type { Gauges, Measured, Standing } from './route-types.ts';
import { scoreMax } from './score.ts';
import { createShelf, type Shelf } from './shelf.ts';

const referencePromptTokens = 1_000n;
const referenceOutputTokens = 500n;
const tokensPerMTok = 1_000_000n;

/** An offer in the index. */
export interface OfferEntry {
  readonly offerId: Hex;
  /** Address of the provider. */
  readonly provider: string;
  readonly model: string;
  readonly offer: SignedOffer;
  readonly price: Price;
  /** Price of the reference request in millionths of a nait. */
  readonly referencePrice: bigint;
}

/** The offers of all providers that are connected. */
export interface OfferIndex {
  /** Replaces all offers of a provider. */
  put(provider: string, offers: readonly OfferEntry[]): void;
  /** Removes a provider with all its offers. */
  remove(provider: string): void;
  /** A frame of the provider came in; gauges when it was a heartbeat. */
  heard(provider: string, frame: { atMs: number; gauges?: Gauges }): void;
  /** What is measured of a provider's model, or its reputation, has changed. */
  renew(provider: string, model: string): void;
  get(offerId: Hex): OfferEntry | undefined;
  ofProvider(provider: string): readonly OfferEntry[];
  /** Undefined when nothing was heard of the provider since it was removed. */
  standing(provider: string): Standing | undefined;
  /** Offers of a model, cheapest first. */
  ofModel(model: string): readonly OfferEntry[];
  /** Listings of a model; undefined when nobody offers it. */
  shelf(model: string): Shelf | undefined;
  listings(provider: string): readonly Listing[];
  models(): readonly string[];
  /** Offers behind `after` in the order of their ids. */
  page(query: { model?: string | undefined; after?: Hex | undefined; limit: number }): OfferEntry[];
  readonly size: number;
}

/** Where the index asks for figures. */
export interface IndexFacts {
  measured(provider: string, model: string): Measured;
  /** 0 to 1000. */
  reputation(provider: string): number;
  /** True while an audit speaks against the provider. Default: never. */
  isSuspect?(provider: string): boolean;
}

/** Price of the reference request in millionths of a nait. */
export function referencePriceOf({ perRequest, inputPerMTok, outputPerMTok }: Price): bigint {
  const tokens = referencePromptTokens * inputPerMTok + referenceOutputTokens * outputPerMTok;
  return perRequest * tokensPerMTok + tokens;
}

/** Index entry of an offer whose signature was checked. */
export function offerEntryOf(offerId: Hex, offer: SignedOffer): OfferEntry {
  const payload: OfferPayload = offer.payload;
  const price = priceOf(payload);
  return {
    offerId,
    provider: payload.provider,
    model: payload.model,
    offer,
    price,
    referencePrice: referencePriceOf(price),
  };
}

const neverHeardMs = Number.NEGATIVE_INFINITY;
const nothingKnown: Gauges = Object.freeze({ running: 0, waiting: 0, slots: 1 });

const nothingMeasured: IndexFacts = {
  measured: () => nothing,
  reputation: () => scoreMax,
};

/** All listings by offer, by model and in the order of their ids. */
function createCatalog() {
  const all = createOrderedList<OfferEntry>({
    keyOf: ({ offerId }) => headOf(offerId),
    order: (a, b) => compare(a.offerId, b.offerId),
  });
  const listings = new Map<Hex, Listing>();
  const shelves = new Map<string, Shelf>();
  return {
    all,
    listings,
    shelves,
    add(listing: Listing): void {
      const { model, offerId } = listing.entry;
      const shelf = shelves.get(model) ?? createShelf();
      shelves.set(model, shelf);
      shelf.add(listing);
      all.insert(listing.entry);
      listings.set(offerId, listing);
    },
    drop(listing: Listing): void {
      const { model, offerId } = listing.entry;
      const shelf = shelves.get(model);
      shelf?.drop(listing);
      if (shelf?.size === 0) shelves.delete(model);
      all.remove(listing.entry);
      listings.delete(offerId);
    },
  };
}

/** What frames say of providers. */
function createSeats(facts: IndexFacts) {
  const seats = new Map<string, Seat>();
  return {
    get: (provider: string) => seats.get(provider),
    delete: (provider: string) => void seats.delete(provider),
    of(provider: string): Seat {
      const seat = seats.get(provider) ?? {
        gauges: nothingKnown,
        lastFrameMs: neverHeardMs,
        reputation: facts.reputation(provider),
        isSuspect: facts.isSuspect?.(provider) ?? false,
      };
      seats.set(provider, seat);
      return seat;
    },
  };
}

/** An empty index; without facts nothing is measured and all reputations are whole. */
export function createOfferIndex(facts: IndexFacts = nothingMeasured): OfferIndex {
  const { all, listings, shelves, add, drop } = createCatalog();
  const seats = createSeats(facts);
  const providers = new Map<string, readonly Listing[]>();

  const empty = (provider: string): void => {
    for (const listing of providers.get(provider) ?? []) drop(listing);
    providers.delete(provider);
  };
  const list = (entry: OfferEntry): Listing => {
    const { provider, model } = entry;
    const listing = listingOf(entry, seats.of(provider), facts.measured(provider, model));
    add(listing);
    return listing;
  };
  const renew = (listing: Listing): void => {
    const { provider, model } = listing.entry;
    shelves.get(model)?.renew(listing, facts.measured(provider, model));
  };

  return {
    put(provider, offers) {
      empty(provider);
      const own = ownOnce(provider, offers);
      if (own.length > 0) providers.set(provider, own.map(list));
    },
    remove(provider) {
      empty(provider);
      seats.delete(provider);
    },
    heard(provider, { atMs, gauges }) {
      const seat = seats.of(provider);
      seat.lastFrameMs = atMs;
      if (!gauges) return;
      seat.gauges = gauges;
      for (const listing of providers.get(provider) ?? []) {
        shelves.get(listing.entry.model)?.renew(listing, listing.measured);
      }
    },
    renew(provider, model) {
      const seat = seats.get(provider);
      if (!seat) return;
      const reputation = facts.reputation(provider);
      const isOther = reputation !== seat.reputation;
      seat.reputation = reputation;
      seat.isSuspect = facts.isSuspect?.(provider) ?? false;
      for (const listing of providers.get(provider) ?? []) {
        if (isOther || listing.entry.model === model) renew(listing);
      }
    },
    get: (offerId) => listings.get(offerId)?.entry,
    ofProvider: (provider) => (providers.get(provider) ?? []).map(({ entry }) => entry),
    standing: seats.get,
    ofModel: (model) => entriesOf(shelves.get(model)),
    shelf: (model) => shelves.get(model),
    listings: (provider) => providers.get(provider) ?? [],
    models: () => [...shelves.keys()].sort(),
    page: (query) => pageOf(all, query),
    get size() {
      return listings.size;
    },
  };
}

/** The offers of the provider itself, each once. */
function ownOnce(provider: string, offers: readonly OfferEntry[]): OfferEntry[] {
  const seen = new Set<Hex>();
  return offers.filter((entry) => {
    const isFirst = !seen.has(entry.offerId);
    seen.add(entry.offerId);
    return isFirst && entry.provider === provider;
  });
}

/** The first characters of an id as a number that rises with the id. */
function headOf(offerId: Hex): number {
  let head = 0;
  for (let at = 0; at < 6; at += 1) head = head * 128 + Math.min(127, charAt(offerId, at));
  return head;
}

function charAt(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) : 0;
}

function entriesOf(shelf: Shelf | undefined): OfferEntry[] {
  const entries: OfferEntry[] = [];
  shelf?.ranked.price.scan({ from: 0, to: shelf.size }, ({ entry }) => {
    entries.push(entry);
    return false;
  });
  return entries;
}

function pageOf(
  all: OrderedList<OfferEntry>,
  { model, after, limit }: { model?: string | undefined; after?: Hex | undefined; limit: number },
): OfferEntry[] {
  const page: OfferEntry[] = [];
  const from = after === undefined ? 0 : all.partition(({ offerId }) => offerId <= after);
  all.scan({ from, to: all.size }, (entry) => {
    if (model === undefined || entry.model === model) page.push(entry);
    return page.length === limit;
  });
  return page;
}
