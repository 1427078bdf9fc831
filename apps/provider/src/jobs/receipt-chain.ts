/** The receipts of one job: each starts where the one before ended, and the prefix hash chains the text. */
import type { Metered, ResumeMark } from '@aitbc/market';
import {
  type DocumentSigner,
  firstPrefixHash,
  type Hex,
  type Network,
  nextPrefixHash,
  type ReceiptPayload,
  type SignedReceipt,
  signDocument,
} from '@aitbc/protocol';
import type { StandingOffer } from '../offers/offer-book.ts';
import type { PlacedReceipt } from '../store.ts';

/** What all receipts of a job share. */
export interface ReceiptSubject {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly offer: StandingOffer;
  readonly bodyDigest: Hex;
  /** Where the answer goes on that another provider began. */
  readonly resume?: ResumeMark | undefined;
}

export interface ReceiptSigner {
  readonly network: Network;
  readonly signer: DocumentSigner;
  readonly nowMs: () => number;
}

/** Signs the receipts of a job in order. */
export interface ReceiptChain {
  /** Signs the range from the last receipt to what was delivered by now, with the hash of its text. */
  next(step: Metered, textHash: Hex): PlacedReceipt;
  /** Position up to which output tokens are in receipts. */
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
  let from = last?.to ?? subject.resume?.from ?? 0;
  let before = last;
  const prefixHash = (): Hex => {
    if (before) return nextPrefixHash(network, before);
    return subject.resume?.prefixHash ?? firstPrefixHash(network, subject.bodyDigest);
  };
  return {
    next({ record, job }, textHash) {
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
        prefixHash: prefixHash(),
        textHash,
        promptTokens: job.promptTokens,
        outcome: job.outcome,
        charged: job.charged.toString(),
        chargedCumulative: record.charged.toString(),
        atMs: nowMs(),
      };
      const receipt = signDocument({ tag: 'receipt', network }, payload, signer) as SignedReceipt;
      const placed = { place, receipt };
      before = payload;
      from = payload.to;
      place += 1;
      return placed;
    },
    to: () => from,
  };
}
