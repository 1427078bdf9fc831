/**
 * One-shot payments: a call paid by one transfer, without a channel (x402 scheme `exact`).
 *
 * The transfer's memo is the payment reference: the tagged hash of offer and body. So a transfer pays for one
 * request under one offer and for nothing else, and neither side has to remember a quote. Either the payer has
 * sent it and names its id, signed because ids of transactions are public, or it hands the signed transfer over
 * and the provider sends it. The id of the job comes from the payer, the id of the transaction and the body.
 *
 * Rejected: a reference keyed by a secret of the provider. It would hide the body's hash from who watches the
 * chain, and cost every provider a secret that must outlive its database.
 *
 * See docs/spec/payments.md, "One-shot payments".
 */
import { hex, sign, verify } from '@aitbc/primitives';
import { z } from 'zod';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes, taggedHash } from '../network.ts';
import { zAddress, zBase64, zHash, zSignature } from '../scalars.ts';

/** x402 scheme of a payment by one transfer. */
export const oneShotScheme = 'exact';

/** What a one-shot payment pays for. */
export interface PaidSubject {
  readonly offerId: Hex;
  /** SHA-256 of the request body, hex. */
  readonly bodyDigest: Hex;
}

/** Memo of the transfer that pays for this request under this offer. */
export function paymentReferenceOf(network: Network, { offerId, bodyDigest }: PaidSubject): Hex {
  return taggedHash('paymentReference', network, bytes32(offerId), bytes32(bodyDigest));
}

/** Names a transfer that the payer has sent. */
export const zTxIdPayment = z.strictObject({
  type: z.literal('txid'),
  offerId: zHash,
  txid: zHash,
  payer: zAddress,
  signature: zSignature.meta({ description: 'of the payer, over transaction id and body digest' }),
});

/** A signed transfer that nobody has sent yet. */
export const zTransferPayment = z.strictObject({
  type: z.literal('transfer'),
  offerId: zHash.optional(),
  transaction: zBase64.max(Math.ceil(limits.txSizeBytes / 3) * 4 + 4),
});

export type TxIdPayment = z.infer<typeof zTxIdPayment>;
export type TransferPayment = z.infer<typeof zTransferPayment>;

function proofBytes(network: Network, { txid, bodyDigest }: TxIdProof): Uint8Array {
  return signingBytes('txId', network, bytes32(txid), bytes32(bodyDigest));
}

/** What the payer signs to present a transaction as its payment of a request. */
export interface TxIdProof {
  readonly txid: Hex;
  readonly bodyDigest: Hex;
}

/** The payer's signature under a presented transaction id. */
export function signTxIdProof(network: Network, proof: TxIdProof, secretKey: Uint8Array): Hex {
  return hex(sign(proofBytes(network, proof), secretKey));
}

/** True when the account `payer` signed exactly this transaction id for this body. */
export function verifyTxIdProof(
  network: Network,
  proof: TxIdProof,
  by: { readonly payer: Hex; readonly signature: Hex },
): boolean {
  return verify(signatureBytesOf(by.signature), proofBytes(network, proof), bytes32(by.payer));
}
