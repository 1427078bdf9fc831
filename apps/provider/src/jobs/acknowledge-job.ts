/**
 * The provider's side of an acknowledgement: one more receipt for a job that died, over the tokens that its
 * buyer says it received. What makes it acceptable is decided in packages/market (acknowledge-tokens.ts).
 *
 * Idempotent: who acknowledges a range again that a receipt covers by now gets the receipts, and nothing is
 * charged. See docs/spec/payments.md, "When a provider fails".
 */
import {
  type Acknowledgement,
  AppError,
  accept,
  type Hex,
  refuse,
  type SignedReceipt,
  type Verdict,
} from '@aitbc/protocol';
import type { OfferBook } from '../offers/offer-book.ts';
import type { JournalRow, ProviderStore } from '../store.ts';
import type { ChannelBooks } from './channel-books.ts';
import { createReceiptChain, type ReceiptSigner } from './receipt-chain.ts';
import { jobOfRow } from './recover-jobs.ts';

/** An acknowledgement as it was sent. */
export interface SignedAcknowledgement extends Acknowledgement {
  readonly signature: Hex;
}

export interface AcknowledgeDeps extends ReceiptSigner {
  readonly store: Pick<ProviderStore, 'job' | 'offer' | 'receipts'>;
  readonly books: Pick<ChannelBooks, 'acknowledge' | 'get'>;
  readonly offers: Pick<OfferBook, 'standing'>;
  /** More is due than before. */
  readonly onEnded: () => void;
}

/**
 * Signs for acknowledged tokens and charges them. Refusals: JOB_UNKNOWN, VOUCHER_CHANNEL_WRONG,
 * VOUCHER_SIGNATURE_INVALID, JOB_STATE_WRONG.
 */
export function acknowledgeJob(
  signed: SignedAcknowledgement,
  deps: AcknowledgeDeps,
): Verdict<SignedReceipt> {
  const { signature, ...ack } = signed;
  const row = deps.store.job(ack.jobId);
  if (!row) return refuse('JOB_UNKNOWN', { jobId: ack.jobId });
  if (row.channelId !== ack.channelId || !deps.books.get(ack.channelId)) {
    return refuse('VOUCHER_CHANNEL_WRONG', { channelId: ack.channelId });
  }
  const receipts = deps.store.receipts(ack.jobId);
  const earlier = receipts.find(({ payload }) => isFor(payload, ack));
  if (earlier) return accept(earlier);
  if (row.outcome !== 'running' && receipts.length === 0) {
    return refuse('JOB_STATE_WRONG', { jobId: ack.jobId, state: 'forgotten' });
  }
  return signFor({ row, ack, signature, receipts }, deps);
}

interface Asked {
  readonly row: JournalRow;
  readonly ack: Acknowledgement;
  readonly signature: Hex;
  readonly receipts: readonly SignedReceipt[];
}

function signFor(
  { row, ack, signature, receipts }: Asked,
  deps: AcknowledgeDeps,
): Verdict<SignedReceipt> {
  const signedOffer = deps.store.offer(row.offerId);
  if (!signedOffer) throw new AppError('INTERNAL', { reason: 'a job without its offer' });
  const offer = deps.offers.standing(signedOffer);
  const job = jobOfRow(row, signedOffer);
  const { windowTokens } = offer.payload;
  const verdict = deps.books.acknowledge({ ack, signature, job, windowTokens }, (step) =>
    createReceiptChain({ ...row, offer }, deps, receipts).next(step, ack.textHash),
  );
  if (verdict.ok) deps.onEnded();
  return verdict;
}

function isFor(payload: SignedReceipt['payload'], { from, to, textHash }: Acknowledgement) {
  return payload.from === from && payload.to === to && payload.textHash === textHash;
}
