/**
 * The offers that can be sold now, in memory, ready to be ranked.
 *
 * Each model has one list sorted by the price of a reference request (below) and then by offer id, so
 * that ranking looks at a prefix and never sorts the whole market. A second list by offer id serves
 * paging. A provider's offers are replaced as a whole: what it no longer lists is gone at once.
 *
 * The reference request has 1 000 prompt tokens and 500 output tokens. Its price is kept in millionths
 * of a nait, exact, so that two price lists that differ at all are never equal by rounding. Rejected: a
 * price per model pair of the caller's own mix, which would need a sort for each request; a database
 * index, which is forty times slower. See docs/spec/market.md, "Ranking".
 */
import type { Hex, OfferPayload, Price, SignedOffer } from '@aitbc/protocol';
import { priceOf } from '@aitbc/protocol';
import { insertSorted, lowerBound, type Order, removeSorted } from './sorted.ts';

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
  /** Removes all offers of a provider. */
  remove(provider: string): void;
  get(offerId: Hex): OfferEntry | undefined;
  ofProvider(provider: string): readonly OfferEntry[];
  /** Offers of a model, cheapest first. */
  ofModel(model: string): readonly OfferEntry[];
  models(): readonly string[];
  /** Offers behind `after` in the order of their ids. */
  page(query: { model?: string | undefined; after?: Hex | undefined; limit: number }): OfferEntry[];
  readonly size: number;
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

const byId: Order<OfferEntry> = (a, b) => compare(a.offerId, b.offerId);

const byPrice: Order<OfferEntry> = (a, b) =>
  compare(a.referencePrice, b.referencePrice) || byId(a, b);

function compare<T extends string | bigint>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Entries in the order of their price. */
export function sortedByPrice(entries: readonly OfferEntry[]): OfferEntry[] {
  return [...entries].sort(byPrice);
}

/** An empty index. */
export function createOfferIndex(): OfferIndex {
  const all: OfferEntry[] = [];
  const entries = new Map<Hex, OfferEntry>();
  const models = new Map<string, OfferEntry[]>();
  const providers = new Map<string, readonly OfferEntry[]>();

  const add = (entry: OfferEntry): void => {
    const list = models.get(entry.model) ?? [];
    models.set(entry.model, list);
    insertSorted(list, entry, byPrice);
    insertSorted(all, entry, byId);
    entries.set(entry.offerId, entry);
  };
  const drop = (entry: OfferEntry): void => {
    const list = models.get(entry.model) ?? [];
    removeSorted(list, entry, byPrice);
    if (list.length === 0) models.delete(entry.model);
    removeSorted(all, entry, byId);
    entries.delete(entry.offerId);
  };

  return {
    put(provider, offers) {
      this.remove(provider);
      const fresh = offers.filter((entry, at) => {
        const isTwin = offers.findIndex(({ offerId }) => offerId === entry.offerId) < at;
        return entry.provider === provider && !isTwin;
      });
      for (const entry of fresh) add(entry);
      if (fresh.length > 0) providers.set(provider, fresh);
    },
    remove(provider) {
      for (const entry of providers.get(provider) ?? []) drop(entry);
      providers.delete(provider);
    },
    get: (offerId) => entries.get(offerId),
    ofProvider: (provider) => providers.get(provider) ?? [],
    ofModel: (model) => models.get(model) ?? [],
    models: () => [...models.keys()].sort(),
    page: (query) => pageOf(all, query),
    get size() {
      return entries.size;
    },
  };
}

function pageOf(
  all: readonly OfferEntry[],
  { model, after, limit }: { model?: string | undefined; after?: Hex | undefined; limit: number },
): OfferEntry[] {
  const page: OfferEntry[] = [];
  let at = after === undefined ? 0 : lowerBound(all, { offerId: after } as OfferEntry, byId);
  for (; at < all.length && page.length < limit; at += 1) {
    const entry = all[at] as OfferEntry;
    if (entry.offerId === after || (model !== undefined && entry.model !== model)) continue;
    page.push(entry);
  }
  return page;
}
