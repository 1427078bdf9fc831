/**
 * Calls that the books know from before: a retry of the client, or of ours after a crash.
 *
 *   open      its end is not known: asked for again where it was asked first, under the same offer, on the
 *             same channel and within the same promise. The provider recognises the job and the caller
 *             reads along, or it never heard of it and runs it now.
 *   complete  paid in full: the answer is read again from what the provider keeps; nothing is promised.
 *   ended otherwise: the caller is told how; a provider that failed is left out, the others may be tried.
 *   moved     another provider went on with it (its call begins behind the first token). The text before that is
 *             not kept, so it cannot be read again: when the last part has ended, the caller is told how; when
 *             all its providers failed or cannot be reached, the job is bought anew from others.
 *
 * An answer that was given comes first: a provider that was asked before it may still be open, because it never
 * answered, and to ask it again would buy the answer twice.
 *
 * So a job is never started twice at one provider, and never bought from a second one while the first may
 * still be owed for all of it. Rejected: asking again under the provider's newest offer. The job id would be
 * the same under other terms, which is a conflict for an honest provider.
 */
import {
  AppError,
  accountIdOf,
  type Hex,
  offerIdOf,
  priceOf,
  providerEndpoints,
  unwrap,
} from '@aitbc/protocol';
import { type CallRow, callKey } from '../books/store.ts';
import type { Candidate } from '../offers/discover-offers.ts';
import type { Settler } from './settle/settle-calls.ts';
import type { BuyerParts } from './types.ts';

const askMs = 2_000;

/** What is known of a job from before. */
export interface FormerCalls {
  /** The call to go on with, if any: open, or complete. */
  readonly best: CallRow | undefined;
  /** How the job ended where it failed. */
  readonly failure: AppError | undefined;
  /** Providers that had the job. */
  readonly providers: ReadonlySet<string>;
}

/**
 * Looks a job up in the books and, for what they have forgotten, in the store. Throws JOB_ENDED when the
 * job was paid and cannot be read again, JOB_STATE_WRONG when its end cannot be found out now.
 */
export async function findFormerCalls(
  parts: BuyerParts,
  settler: Settler,
  jobId: Hex,
): Promise<FormerCalls> {
  const rows = await rowsOf(parts, jobId);
  for (const row of rows) if (mustAsk(parts, row)) await askEnd(settler, row);
  const now = await rowsOf(parts, jobId);
  const moved = now.find((row) => row.from > 0 && hasAnswered(parts, row));
  if (moved) throw endOf(moved);
  const best = bestOf(parts, now);
  const failed = now.find((row) => row.outcome === 'provider_error');
  return {
    best,
    failure: failed && endOf(failed),
    providers: new Set(now.map(({ provider }) => provider)),
  };
}

/** Its end is not known, and it cannot be asked for again. */
function mustAsk(parts: BuyerParts, row: CallRow): boolean {
  return isOpen(parts, row) && (row.from > 0 || !holds(parts, row));
}

/** It ended, and not by a failure of its provider. */
function hasAnswered(parts: BuyerParts, row: CallRow): boolean {
  return !isOpen(parts, row) && row.outcome !== 'provider_error';
}

/** The call from the first token on that can be asked for again, an answered one first. Throws JOB_STATE_WRONG, JOB_ENDED. */
function bestOf(parts: BuyerParts, rows: readonly CallRow[]): CallRow | undefined {
  const whole = rows.filter(({ from }) => from === 0);
  const answered = whole.find((row) => hasAnswered(parts, row));
  if (answered?.outcome === 'complete' && holds(parts, answered)) return answered;
  if (answered) throw endOf(answered);
  const open = whole.find((row) => isOpen(parts, row));
  if (open && !holds(parts, open)) {
    throw new AppError('JOB_STATE_WRONG', { jobId: open.jobId, state: 'not settled yet' });
  }
  return open;
}

/** JOB_ENDED with the end of a call. */
export function endOf({ jobId, outcome }: CallRow): AppError {
  const receiptPath = providerEndpoints.receipt.path.replace(':jobId', jobId);
  return new AppError('JOB_ENDED', { jobId, outcome, receiptPath });
}

/** The offer a call was made under, as discovery would give it. */
export function candidateOf({ network }: BuyerParts, { offer, provider }: CallRow): Candidate {
  const offerId = offerIdOf(network, offer.payload);
  const price = priceOf(offer.payload);
  return { offerId, offer, price, provider, providerId: unwrap(accountIdOf(provider)) };
}

/** All calls of a job. The books remember what they had forgotten of it: it counts against its limits. */
async function rowsOf({ book, store }: BuyerParts, jobId: Hex): Promise<readonly CallRow[]> {
  const stored = await store.find(jobId);
  for (const row of stored) if (row.status === 'settled') book.recall(row);
  const places = new Set([...book.channels(), ...stored].map(({ channelId }) => channelId));
  return [...places].flatMap((channelId) => book.call(callKey({ jobId, channelId })) ?? []);
}

function isOpen({ book }: BuyerParts, row: CallRow): boolean {
  return book.isOpen(callKey(row));
}

function holds({ nowMs }: BuyerParts, { offer }: CallRow): boolean {
  return nowMs() <= offer.payload.validUntilMs;
}

function askEnd(settler: Settler, row: CallRow): Promise<void> {
  const measured = { firstTokenMs: row.firstTokenMs, durationMs: row.durationMs };
  return settler.now(callKey(row), measured, askMs);
}
