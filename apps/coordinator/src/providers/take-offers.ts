/** A provider's list of offers: all are checked before any is taken, and none is changed. */
import { type OfferEntry, type OfferIndex, offerEntryOf } from '@aitbc/market';
import { AppError, type Hex, type SignedOffer, unwrap, verifyOffer } from '@aitbc/protocol';
import type { ChainLink } from '../chain/chain-link.ts';
import type { EventLog } from '../events/event-log.ts';
import type { OfferRows } from '../store/market-rows.ts';
import type { Session, Sessions } from './sessions.ts';

/** Parts that offers go through. */
export interface TakeOffersDeps {
  readonly chain: ChainLink;
  readonly index: OfferIndex;
  readonly offers: OfferRows;
  readonly sessions: Sessions;
  readonly events: Pick<EventLog, 'add'>;
}

/**
 * Replaces the offers of a session. They can be bought when they are on disk, because a job refers to
 * its offer for longer than the provider is connected. Throws OFFER_INVALID.
 */
export async function takeOffers(
  deps: TakeOffersDeps,
  session: Session,
  { signed, nowMs }: { signed: readonly SignedOffer[]; nowMs: number },
): Promise<void> {
  const entries = signed.map((offer) => checkedEntry(deps, session, { offer, nowMs }));
  const fresh = entries.filter(({ offerId }) => deps.index.get(offerId) === undefined);
  await Promise.all(fresh.map(({ offerId, offer }) => deps.offers.insert(offerId, offer)));
  // The connection may have ended while the offers went to disk.
  if (deps.sessions.get(session.provider) !== session) return;
  tellChanges(deps, session.provider, entries);
  deps.index.put(session.provider, entries);
}

function tellChanges(
  { index, events }: TakeOffersDeps,
  provider: string,
  entries: readonly OfferEntry[],
): void {
  const before = new Map(index.ofProvider(provider).map((entry) => [entry.offerId, entry]));
  for (const { offerId, model, offer } of entries) {
    if (before.delete(offerId)) continue;
    const { digest, quantization, price } = offer.payload;
    events.add(provider, { kind: 'offer_up', offerId, model, digest, quantization, ...price });
  }
  for (const { offerId, model } of before.values()) {
    events.add(provider, { kind: 'offer_down', offerId, model });
  }
}

function checkedEntry(
  { chain, index }: TakeOffersDeps,
  session: Session,
  { offer, nowMs }: { offer: SignedOffer; nowMs: number },
): OfferEntry {
  if (offer.payload.provider !== session.provider) {
    throw new AppError('OFFER_INVALID', { reason: 'it is of another provider' });
  }
  const registeredAuthorizer: Hex = session.authorizer;
  const check = { nowMs, registeredAuthorizer };
  const offerId = unwrap(verifyOffer(chain.network(), offer, check));
  return index.get(offerId) ?? offerEntryOf(offerId, offer);
}
