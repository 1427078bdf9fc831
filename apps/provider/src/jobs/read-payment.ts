import type { StartVoucher } from '@aitbc/market';
import {
  accept,
  amountOf,
  decodePaymentHeader,
  isIdempotencyKey,
  type Network,
  refuse,
  type Verdict,
  voucherPaymentOf,
} from '@aitbc/protocol';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
import type { JobWork } from './run-job.ts';

/** A PAYMENT-SIGNATURE header as it came, or decoded by whoever looked at it before. */
export type PaymentHeader = string | { readonly decoded: unknown };

/** A payment that was read, with the offer it is for. */
export interface Payment {
  readonly voucher: StartVoucher;
  readonly idempotencyKey: string;
  readonly offer: StandingOffer;
  /** Names the giving up that this call comes after. */
  readonly again: number | undefined;
}

/**
 * The payment of a call, for an offer of ours that sells this kind of work of this model. Refusals:
 * PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG, OFFER_UNKNOWN.
 */
export function readPayment(
  header: PaymentHeader,
  work: JobWork,
  { network, offers }: { readonly network: Network; readonly offers: Pick<OfferBook, 'find'> },
): Verdict<Payment> {
  const json =
    typeof header === 'string' ? decodePaymentHeader(header) : accept<unknown>(header.decoded);
  if (!json.ok) return json;
  const read = voucherPaymentOf(json.value, network.caip2);
  if (!read.ok) return read;
  const { idempotencyKey, maxClaimable, offerId, channelId, tokens, signature, again } = read.value;
  if (!isIdempotencyKey(idempotencyKey)) {
    return refuse('PAYMENT_MALFORMED', { reason: 'the idempotency key is too long' });
  }
  const offer = offers.find(offerId);
  if (offer?.payload.model !== work.request.model || !offer.payload.serves.includes(work.kind)) {
    return refuse('OFFER_UNKNOWN', { offerId });
  }
  const cap = amountOf(maxClaimable);
  const voucher = { offerId, channelId, tokens, maxClaimable: cap, signature };
  return accept({ voucher, idempotencyKey, offer, again });
}
