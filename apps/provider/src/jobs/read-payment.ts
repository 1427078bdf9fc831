import type { StartVoucher } from '@aitbc/market';
import {
  accept,
  amountOf,
  decodePayment,
  isIdempotencyKey,
  type Network,
  refuse,
  type Verdict,
} from '@aitbc/protocol';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
import type { JobWork } from './run-job.ts';

/** A payment that was read, with the offer it is for. */
export interface Payment {
  readonly voucher: StartVoucher;
  readonly idempotencyKey: string;
  readonly offer: StandingOffer;
}

/**
 * The payment of a call, for an offer of ours that sells this kind of work of this model. Refusals:
 * PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG, OFFER_UNKNOWN.
 */
export function readPayment(
  header: string,
  work: JobWork,
  { network, offers }: { readonly network: Network; readonly offers: Pick<OfferBook, 'find'> },
): Verdict<Payment> {
  const decoded = decodePayment(header, network.caip2);
  if (!decoded.ok) return decoded;
  const { idempotencyKey, maxClaimable, offerId, channelId, tokens, signature } = decoded.value;
  if (!isIdempotencyKey(idempotencyKey)) {
    return refuse('PAYMENT_MALFORMED', { reason: 'the idempotency key is too long' });
  }
  const offer = offers.find(offerId);
  if (offer?.payload.model !== work.request.model || !offer.payload.serves.includes(work.kind)) {
    return refuse('OFFER_UNKNOWN', { offerId });
  }
  const cap = amountOf(maxClaimable);
  const voucher = { offerId, channelId, tokens, maxClaimable: cap, signature };
  return accept({ voucher, idempotencyKey, offer });
}
