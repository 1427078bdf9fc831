/**
 * Jobs that ran when the last life of the daemon ended. The engine's stream is gone, so each ends as
 * `provider_error` with the charge of its last receipt; a closing receipt over no tokens says so. What was
 * delivered after that receipt, at most a window, is the provider's loss, unless the buyer acknowledges it
 * (acknowledge-job.ts). Reservations are released by not being restored. Answers are kept in memory only, so
 * the text of a dead job is gone: its buyer goes on elsewhere with what it received.
 */
import type { ChannelRecord, JobRecord } from '@aitbc/market';
import { priceOf, type SignedOffer, textHashOf } from '@aitbc/protocol';
import type { OfferBook } from '../offers/offer-book.ts';
import type { JournalRow, ProviderStore } from '../store.ts';
import { createReceiptChain, type ReceiptSigner } from './receipt-chain.ts';

export interface RecoverDeps extends ReceiptSigner {
  readonly store: ProviderStore;
  readonly offers: Pick<OfferBook, 'standing'>;
  readonly record: (channelId: string) => ChannelRecord | undefined;
}

/** Ends the jobs of the last life; returns how many there were. */
export function recoverJobs(deps: RecoverDeps): number {
  const rows = deps.store.runningJobs();
  for (const row of rows) endLost(row, deps);
  return rows.length;
}

function endLost(row: JournalRow, deps: RecoverDeps): void {
  const { store, nowMs } = deps;
  const record = deps.record(row.channelId);
  const signed = store.offer(row.offerId);
  if (!record || !signed) throw new Error(`the journal names job ${row.jobId} without its books`);
  const offer = deps.offers.standing(signed);
  const job: JobRecord = { ...jobOfRow(row, signed), outcome: 'provider_error' };
  const chain = createReceiptChain({ ...row, offer }, deps, store.receipts(row.jobId));
  const receipt = chain.next({ record, job }, textHashOf(''));
  store.endJob(record, job, { receipt, atMs: nowMs() });
}

/** The job of a journal row; nothing is reserved for it any more. */
export function jobOfRow(row: JournalRow, { payload }: SignedOffer): JobRecord {
  const { jobId, offerId, tokensCovered, charged, delivered, promptTokens, outcome } = row;
  const price = priceOf(payload);
  const counts = { jobId, offerId, tokensCovered, charged, delivered, promptTokens, price };
  const from = row.resume?.from ?? 0;
  return { ...counts, from, promptBound: promptTokens, reserved: 0n, outcome };
}
