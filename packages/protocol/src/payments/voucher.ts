/**
 * Vouchers: the payer's signed promise of a cumulative amount on a channel, bound to one job.
 *
 *   signed: tag AITBC-VOUCHER-v1 ‖ genesis ‖ channelId 32 ‖ maxClaimable u64 ‖ context 32
 *
 * The context says what the promise is for. Only a start context admits a job; it binds offer, job,
 * body and the number of output tokens it covers. A top-up context extends a running job. Vouchers carry
 * no clock and never expire: only the largest cap counts, and the chain treats the context as opaque.
 */
import { createWriter, hex, sign, verify } from '@aitbc/primitives';
import type { Hex } from '../fields.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes, taggedHash } from '../network.ts';
import type { ClaimRow } from '../tx-kinds.ts';

/** A voucher. */
export interface Voucher {
  readonly channelId: Hex;
  /** Cumulative cap on the channel, nait. */
  readonly maxClaimable: bigint;
  readonly context: Hex;
  /** By the channel's `payerAuthorizer`. */
  readonly signature: Hex;
}

function voucherBytes(network: Network, voucher: Omit<Voucher, 'signature'>): Uint8Array {
  const { channelId, maxClaimable, context } = voucher;
  const writer = createWriter().fixed(bytes32(channelId), 32).u64(maxClaimable);
  return signingBytes('voucher', network, writer.fixed(bytes32(context), 32).finish());
}

/** Signs a voucher with the secret key of `payerAuthorizer`. */
export function signVoucher(
  network: Network,
  voucher: Omit<Voucher, 'signature'>,
  secretKey: Uint8Array,
): Voucher {
  const { channelId, maxClaimable, context } = voucher;
  const signature = hex(sign(voucherBytes(network, voucher), secretKey));
  return { channelId, maxClaimable, context, signature };
}

/** True when `payerAuthorizer` signed exactly this voucher for this network. */
export function verifyVoucher(network: Network, voucher: Voucher, payerAuthorizer: Hex): boolean {
  const signed = voucherBytes(network, voucher);
  return verify(signatureBytesOf(voucher.signature), signed, bytes32(payerAuthorizer));
}

/** What a voucher that starts a job is for. */
export interface StartTerms {
  readonly offerId: Hex;
  readonly jobId: Hex;
  /** SHA-256 of the request body, hex. */
  readonly bodyDigest: Hex;
  /** Output tokens covered. */
  readonly tokens: number;
}

/** Context of a voucher that starts a job. */
export function startContext(network: Network, terms: StartTerms): Hex {
  const writer = createWriter().fixed(bytes32(terms.offerId), 32).fixed(bytes32(terms.jobId), 32);
  const body = writer.fixed(bytes32(terms.bodyDigest), 32).u32(terms.tokens).finish();
  return taggedHash('start', network, body);
}

/** Context of a voucher that extends a running job to `tokens` output tokens in all. */
export function topUpContext(network: Network, jobId: Hex, tokens: number): Hex {
  const body = createWriter().fixed(bytes32(jobId), 32).u32(tokens).finish();
  return taggedHash('topUp', network, body);
}

/** Signed bytes of a claim: the provider's hot key says how much of each voucher is due. */
export function claimBytes(network: Network, rows: readonly ClaimRow[]): Uint8Array {
  const writer = createWriter().u16(rows.length);
  for (const row of rows) writer.fixed(bytes32(row.channelId), 32).u64(row.totalClaimed);
  return signingBytes('claim', network, writer.finish());
}

/** Terms of a refund from channel to vault. */
export interface RefundTerms {
  readonly channelId: Hex;
  readonly amount: bigint;
  readonly refundNonce: number;
}

/** Signed bytes of a refund, by the provider's hot key. */
export function refundBytes(network: Network, refund: RefundTerms): Uint8Array {
  const writer = createWriter().fixed(bytes32(refund.channelId), 32).u64(refund.amount);
  return signingBytes('refund', network, writer.u64(BigInt(refund.refundNonce)).finish());
}
