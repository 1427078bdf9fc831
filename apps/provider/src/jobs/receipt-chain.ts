/** The receipts of one job: each starts where the one before ended, and the prefix hash chains the text. */
import type { Metered } from '@aitbc/market';
import {
  type DocumentSigner,
  firstPrefixHash,
  type Hex,
  type Network,
  nextPrefixHash,
  type ReceiptPayload,
  type SignedReceipt,
  signDocument,
  textHashOf,
} from '@aitbc/protocol';
import type { StandingOffer } from '../offers/offer-book.ts';
import type { PlacedReceipt } from '../store.ts';

/** What all receipts of a job share. */
export interface ReceiptSubject {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly offer: StandingOffer;
  readonly bodyDigest: Hex;
}

export interface ReceiptSigner {
  readonly network: Network;
  readonly signer: DocumentSigner;
  readonly nowMs: () => number;
}

/** Signs the receipts of a job in order. */
export interface ReceiptChain {
  /** Signs the range from the last receipt to what was delivered by now. */
  next(step: Metered, text: string): PlacedReceipt;
  /** Output tokens in receipts so far. */
  to(): number;
}

/** A chain that goes on after `earlier` receipts, or starts a new one. */
export function createReceiptChain(
  subject: ReceiptSubject,
  { network, signer, nowMs }: ReceiptSigner,
  earlier: readonly SignedReceipt[] = [],
): ReceiptChain {
  const last = earlier.at(-1)?.payload;
  let place = earlier.length;
  let from = last?.to ?? 0;
  let prefixHash = last
    ? nextPrefixHash(network, last)
    : firstPrefixHash(network, subject.bodyDigest);
  return {
    next({ record, job }, text) {
      const { payload: offer, offerId } = subject.offer;
      const payload: ReceiptPayload = {
        v: 1,
        network: network.caip2,
        jobId: subject.jobId,
        offerId,
        channelId: subject.channelId,
        provider: offer.provider,
        model: offer.model,
        digest: offer.digest,
        from,
        to: job.delivered,
        prefixHash,
        textHash: textHashOf(text),
        promptTokens: job.promptTokens,
        outcome: job.outcome,
        charged: job.charged.toString(),
        chargedCumulative: record.charged.toString(),
        atMs: nowMs(),
      };
      const receipt = signDocument({ tag: 'receipt', network }, payload, signer) as SignedReceipt;
      const placed = { place, receipt };
      prefixHash = nextPrefixHash(network, payload);
      from = payload.to;
      place += 1;
      return placed;
    },
    to: () => from,
  };
}
