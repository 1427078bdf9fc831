/** What each seller of a model asks now and asked before, as the events of its offers tell. */
import type { JsonValue } from '@aitbc/primitives';
import { createBounded, pushBounded } from './bounded.ts';
import { savedPart, type WatchedEvent } from './detector.ts';
import { isKind } from './receipt-event.ts';

/** One price of a seller. */
export interface Asked {
  /** The event that showed it. */
  readonly seq: number;
  readonly atMs: number;
  readonly offerId: string;
  /** nait for a million output tokens */
  readonly priceNait: number;
  /** The newest receipts at this price: seq and time. */
  readonly sold: [number, number][];
}

/** A seller of one model: prices now and before; `was` has another price than `now`. */
export interface Seller {
  readonly provider: string;
  now: Asked;
  was?: Asked;
}

/** Sellers by the digest of their weights. */
export interface OfferBook {
  /** Takes `offer_up` and `receipt`; the seller it is about, when it is known. */
  take(event: WatchedEvent): { readonly digest: string; readonly seller: Seller } | undefined;
  /** All who asked a price for these weights and were not forgotten. */
  sellersOf(digest: string): readonly Seller[];
  save(): JsonValue;
}

const digestsKept = 512;
const sellersKept = 48;
const offersKept = 20_000;
const soldKept = 3;

/** An empty book, or a saved one. */
export function createOfferBook(saved?: JsonValue): OfferBook {
  const digests = createBounded<Seller[]>(digestsKept, savedPart(saved, 'digests'));
  const offers = createBounded<[digest: string, provider: string]>(
    offersKept,
    savedPart(saved, 'offers'),
  );
  const sellerOf = (digest: string, provider: string) =>
    digests.get(digest)?.find((seller) => seller.provider === provider);

  return {
    take(event) {
      if (isKind(event, 'offer_up')) {
        const { digest, offerId, outputPerMTok } = event.facts;
        offers.set(offerId, [digest, event.provider]);
        const asked = { seq: event.seq, atMs: event.atMs, offerId, sold: [] };
        const seller = put(
          digests.open(digest, () => []),
          event.provider,
          {
            ...asked,
            priceNait: Number(outputPerMTok),
          },
        );
        return { digest, seller };
      }
      if (!isKind(event, 'receipt')) return undefined;
      const offer = offers.get(event.facts.offerId);
      const seller = offer && sellerOf(offer[0], offer[1]);
      if (!offer || !seller || seller.provider !== event.provider) return undefined;
      for (const asked of [seller.now, seller.was]) {
        if (asked?.offerId !== event.facts.offerId) continue;
        pushBounded(asked.sold, [event.seq, event.atMs], soldKept);
      }
      return { digest: offer[0], seller };
    },
    sellersOf: (digest) => digests.get(digest) ?? [],
    save: () => ({ digests: digests.save(), offers: offers.save() }),
  };
}

/** Puts a seller's new price at the end of the list: the one that said nothing longest is forgotten first. */
function put(sellers: Seller[], provider: string, asked: Asked): Seller {
  const at = sellers.findIndex((seller) => seller.provider === provider);
  const known = at < 0 ? undefined : sellers.splice(at, 1)[0];
  const seller: Seller = { provider, now: asked };
  if (known) {
    const before = known.now.priceNait === asked.priceNait ? known.was : known.now;
    if (before) seller.was = before;
  }
  pushBounded(sellers, seller, sellersKept);
  return seller;
}
