/**
 * The proof of a paid job: its offer and all its receipts. It is checked without a network: who signed,
 * that the ranges tile from the first token, that the text hashes chain from the request, and that no
 * receipt charges more than the offer's prices allow. Whether the signing key belongs to a bonded
 * provider is what the chain adds; the caller compares `authorizer` with the registered one.
 */
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import type { Network } from '../network.ts';
import { amountOf, zHash } from '../scalars.ts';
import { type Signed, verifyDocument } from './document.ts';
import { offerIdOf, priceOf, zSignedOffer } from './offer.ts';
import { chargeFor } from './price.ts';
import {
  firstPrefixHash,
  type ReceiptPayload,
  verifyReceipt,
  verifyTiling,
  zSignedReceipt,
} from './receipt.ts';

export const zJobProof = z.object({
  jobId: zHash,
  /** SHA-256 of the request body. */
  bodyDigest: zHash,
  offer: zSignedOffer,
  receipts: z.array(zSignedReceipt).min(1).max(4096),
});

/** Offer and receipts of one job at one provider. */
export type JobProof = z.infer<typeof zJobProof>;

/** What a proof shows. */
export interface ProvenJob {
  readonly jobId: Hex;
  readonly offerId: Hex;
  /** Key that signed offer and receipts; compare it with the registered one. */
  readonly authorizer: Hex;
  /** Address of the provider. */
  readonly provider: string;
  readonly outputTokens: number;
  readonly promptTokens: number;
  /** nait */
  readonly charged: bigint;
  readonly last: ReceiptPayload;
}

/** Checks a proof completely, except for the registration of its key. Refusal: RECEIPT_INVALID. */
export function verifyJobProof(network: Network, proof: JobProof): Verdict<ProvenJob> {
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  const { payload: offer, signer: authorizer } = proof.offer;
  if (offer.authorizer !== authorizer || offer.network !== network.caip2) {
    return fault('the offer is not of this network or not signed by its own key');
  }
  if (!verifyDocument('offer', network, proof.offer as Signed<unknown>)) {
    return fault('the signature of the offer is wrong');
  }
  const offerId = offerIdOf(network, offer);
  let previous: ReceiptPayload | undefined;
  for (const receipt of proof.receipts) {
    const verdict = verifyReceipt(network, receipt, authorizer);
    if (!verdict.ok) return verdict;
    const fits = checkReceipt({ network, proof, offerId }, receipt.payload, previous);
    if (!fits.ok) return fits;
    previous = receipt.payload;
  }
  if (!previous) return fault('there is no receipt');
  return accept({
    jobId: proof.jobId,
    offerId,
    authorizer,
    provider: offer.provider,
    outputTokens: previous.to,
    promptTokens: previous.promptTokens,
    charged: amountOf(previous.charged),
    last: previous,
  });
}

interface ProofContext {
  readonly network: Network;
  readonly proof: JobProof;
  readonly offerId: Hex;
}

function checkReceipt(
  { network, proof, offerId }: ProofContext,
  receipt: ReceiptPayload,
  previous: ReceiptPayload | undefined,
): Verdict<true> {
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  const { payload: offer } = proof.offer;
  if (receipt.jobId !== proof.jobId || receipt.offerId !== offerId) {
    return fault('a receipt is for another job or offer');
  }
  if (receipt.model !== offer.model || receipt.digest !== offer.digest) {
    return fault('a receipt names another model than the offer');
  }
  const usage = { promptTokens: receipt.promptTokens, outputTokens: receipt.to };
  if (amountOf(receipt.charged) > chargeFor(priceOf(offer), usage, receipt.outcome)) {
    return fault('a receipt charges more than the offer allows');
  }
  if (previous) return verifyTiling(network, previous, receipt);
  if (receipt.from !== 0) return fault('the first receipt does not begin at token 0');
  if (receipt.prefixHash !== firstPrefixHash(network, proof.bodyDigest)) {
    return fault('the first receipt does not begin at the request');
  }
  return accept(true);
}
