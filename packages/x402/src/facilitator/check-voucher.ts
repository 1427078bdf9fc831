/**
 * Does this voucher pay for this sale? The same questions that a provider asks of its mirror, here asked of the
 * chain, for sellers of anything. What the seller has charged before is in the seller's book, not here.
 */
import { amountFromText } from '@aitbc/primitives';
import {
  accept,
  accountIdOf,
  type ChannelState,
  jobIdOf,
  limits,
  type Network,
  refuse,
  startContext,
  type Verdict,
  type Voucher,
  type VoucherPayment,
  verifyVoucher,
  zVoucherPayment,
} from '@aitbc/protocol';
import type { Deep, Payment, Requirements } from '../shapes.ts';
import { type ChannelTerms, channelTermsOf, parsed } from '../terms.ts';

/** A voucher payment and the terms it was made for. */
export interface VoucherSale {
  readonly payload: VoucherPayment;
  readonly terms: ChannelTerms;
  readonly amountNait: bigint;
}

const zPaidVoucher = zVoucherPayment.loose(); // a seller adds its claim to the payload

/** The sale in a payment and its requirements. Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG, OFFER_UNKNOWN. */
export function voucherSaleOf(
  network: Network,
  payment: Deep<Payment>,
  requirements: Deep<Requirements>,
): Verdict<VoucherSale> {
  const terms = channelTermsOf(network, requirements);
  if (!terms.ok) return terms;
  const payload = parsed(zPaidVoucher, payment.payload, 'payload');
  if (!payload.ok) return payload;
  const amountNait = amountFromText(requirements.amount);
  if (amountNait === undefined) return refuse('PAYMENT_MALFORMED', { reason: 'amount: no amount' });
  const { offerId, tokens } = payload.value;
  if (tokens > limits.outputTokensMax) {
    return refuse('PAYMENT_MALFORMED', { reason: `tokens is above ${limits.outputTokensMax}` });
  }
  if (offerId !== terms.value.offerId) return refuse('OFFER_UNKNOWN', { offerId });
  return accept({ payload: payload.value, terms: terms.value, amountNait });
}

/**
 * The voucher of a sale, checked against its channel. Refusals: VOUCHER_CHANNEL_WRONG, CHANNEL_CLOSED,
 * VOUCHER_CHANNEL_CLOSING, VOUCHER_UNDERFUNDED, VOUCHER_BEYOND_BALANCE, VOUCHER_SIGNATURE_INVALID.
 */
export function checkVoucher(
  network: Network,
  channel: ChannelState,
  { sale, payTo }: { readonly sale: VoucherSale; readonly payTo: string },
): Verdict<Voucher> {
  const { channelId, totalClaimed, balance } = channel;
  const { terms, amountNait } = sale;
  const receiver = accountIdOf(payTo);
  const isRight =
    receiver.ok &&
    channel.receiver === receiver.value &&
    channel.receiverAuthorizer === terms.receiverAuthorizer &&
    channel.withdrawDelayMs >= terms.withdrawDelay * 1000;
  if (!isRight) return refuse('VOUCHER_CHANNEL_WRONG', { channelId });
  if (channel.closed) return refuse('CHANNEL_CLOSED', { channelId });
  if (channel.withdrawDueMs > 0) return refuse('VOUCHER_CHANNEL_CLOSING', { channelId });
  const voucher = voucherOf(network, channel, sale);
  const { maxClaimable: cap } = voucher;
  const needed = totalClaimed + amountNait;
  if (cap < needed) return refuse('VOUCHER_UNDERFUNDED', { cap, needed });
  if (cap > balance) return refuse('VOUCHER_BEYOND_BALANCE', { cap, balance });
  if (verifyVoucher(network, voucher, channel.payerAuthorizer)) return accept(voucher);
  return refuse('VOUCHER_SIGNATURE_INVALID', { channelId });
}

/** The voucher as it must have been signed: its context is recomputed from what is sold. */
function voucherOf(
  network: Network,
  { payer, channelId }: ChannelState,
  { payload, terms }: VoucherSale,
): Voucher {
  const { idempotencyKey, tokens, signature } = payload;
  const { bodyDigest, offerId } = terms;
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  return { channelId, maxClaimable: BigInt(payload.maxClaimable), context, signature };
}
