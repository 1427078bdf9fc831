/**
 * Jobs that ran when the last life of the daemon ended. The engine's stream is gone, so each ends as
 * `provider_error` with the charge of its last receipt; a closing receipt over no tokens says so. What was
 * delivered after that receipt is the provider's loss, at most a window. Reservations are released by
 * not being restored.
 */
import type { ChannelRecord, JobRecord } from '@aitbc/market';
import { priceOf, type SignedOffer } from '@aitbc/protocol';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
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
  const job = jobOf(row, signed);
  const earlier = store.receipts(row.jobId);
  const receipt = createReceiptChain(subjectOf(row, offer), deps, earlier).next(
    { record, job },
    '',
  );
  store.endJob(record, job, { receipt, atMs: nowMs() });
}

function subjectOf({ jobId, channelId, bodyDigest }: JournalRow, offer: StandingOffer) {
  return { jobId, channelId, bodyDigest, offer };
}

function jobOf(row: JournalRow, { payload }: SignedOffer): JobRecord {
  const { jobId, offerId, tokensCovered, charged, delivered, promptTokens } = row;
  const price = priceOf(payload);
  const counts = { jobId, offerId, tokensCovered, charged, delivered, promptTokens, price };
  return { ...counts, promptBound: promptTokens, reserved: 0n, outcome: 'provider_error' };
}
