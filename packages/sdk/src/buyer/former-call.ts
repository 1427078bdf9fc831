/**
 * A call that the books know from before: a retry of the client, or of ours after a crash.
 *
 * While its offer stands, the provider recognises the job and the caller reads along or gets the kept answer.
 * An offer that no longer stands (the provider started anew) means that the job ended with the provider's
 * last life: its receipts are fetched, its end is entered, and the caller is told how it ended. It is
 * never started a second time at that provider.
 */
import { AppError, offerIdOf, providerEndpoints } from '@aitbc/protocol';
import { type CallRow, callKey } from '../books/store.ts';
import type { AttemptPlan } from './pay-job.ts';
import type { AttemptDeps } from './read-job.ts';

const askMs = 2_000;

/** Throws JOB_ENDED when the job ran at this provider under an offer that no longer stands. */
export async function settleFormerCall(deps: AttemptDeps, plan: AttemptPlan): Promise<void> {
  const { book } = deps.parts;
  const row = formerCall(deps, plan);
  if (!row) return;
  const key = callKey(row);
  if (book.isOpen(key)) {
    await deps.settler.now(key, { firstTokenMs: null, durationMs: row.durationMs }, askMs);
  }
  const ended = book.call(key);
  if (!ended) return; // the provider has never heard of it
  const { jobId, outcome } = ended;
  const receiptPath = providerEndpoints.receipt.path.replace(':jobId', jobId);
  throw new AppError('JOB_ENDED', { jobId, outcome, receiptPath });
}

function formerCall(
  { parts }: AttemptDeps,
  { jobId, candidate }: AttemptPlan,
): CallRow | undefined {
  const { book, network } = parts;
  const { provider } = candidate;
  return book
    .channels()
    .filter((channel) => channel.provider === provider)
    .map(({ channelId }) => book.call(callKey({ jobId, channelId })))
    .find((row) => row && offerIdOf(network, row.offer.payload) !== candidate.offerId);
}
