/**
 * Takes a job into the queue. The payment is read only to find the job's id; who signed it and what it is
 * worth is the provider's business, and it reaches the provider as it came.
 *
 * The id is a hash of payer, idempotency key and body, so the same submission is the same job, however
 * often and after whatever crash it is sent.
 */

import type { OfferIndex } from '@aitbc/market';
import { queuedJob } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { utf8 } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  bodyDigestOf,
  type coordinatorEndpoints,
  decodePayment,
  jobIdOf,
  limits,
  type ParsedInputOf,
  unwrap,
  zOpenAiChat,
} from '@aitbc/protocol';
import { parseInput } from '@aitbc/service';
import type { ChainLink } from '../chain/chain-link.ts';
import type { Sessions } from '../providers/sessions.ts';
import type { JobRecord } from '../store/job-rows.ts';
import type { Dispatcher } from './dispatch-jobs.ts';
import type { JobBook } from './job-book.ts';

/** Input of the call. */
export type Submission = ParsedInputOf<typeof coordinatorEndpoints.submitJob>;

/** Parts a submission goes through. */
export interface SubmitDeps {
  readonly chain: ChainLink;
  readonly book: JobBook;
  readonly index: OfferIndex;
  readonly sessions: Sessions;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
}

/** One provider's flood must not fill the queue of all. */
const queuedPerProvider = 10_000;
const retryAfterSeconds = 30;

/**
 * The job of a submission, on disk when the promise ends. Throws BAD_REQUEST, PAYMENT_MALFORMED,
 * PAYMENT_NETWORK_WRONG, JOB_CONFLICT, OFFER_UNKNOWN, QUEUE_FULL, UNAVAILABLE.
 */
export async function submitJob(deps: SubmitDeps, submission: Submission): Promise<JobRecord> {
  const { book, clock } = deps;
  const { offerId, payer, body, payment } = submission;
  const model = modelOf(body);
  const jobId = jobIdOfSubmission(deps, submission);
  const known = book.get(jobId);
  if (known) {
    if (known.offerId !== offerId) throw new AppError('JOB_CONFLICT', { jobId });
    await book.pending(jobId)?.stored;
    return known;
  }
  const provider = sellerOf(deps, submission, model);
  assertRoom(deps, provider);
  const job = queuedJob(jobId, provider, clock.nowMs());
  const { record, stored } = book.add({ job, payer, offerId, model }, { body, payment });
  await stored;
  deps.dispatcher.pump(provider);
  return record;
}

function jobIdOfSubmission({ chain }: SubmitDeps, { offerId, payer, body, payment }: Submission) {
  const network = chain.network();
  const paid = unwrap(decodePayment(payment, network.caip2));
  if (paid.offerId !== offerId) {
    throw new AppError('PAYMENT_MALFORMED', { reason: `it is for offer ${paid.offerId}` });
  }
  return jobIdOf(network, {
    payer: unwrap(accountIdOf(payer)),
    idempotencyKey: paid.idempotencyKey,
    bodyDigest: bodyDigestOf(utf8(body)),
  });
}

/** Model of a chat body. Throws BAD_REQUEST. */
function modelOf(body: string): string {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    throw new AppError('BAD_REQUEST', { reason: 'body: it is not JSON' }, { cause: error });
  }
  return parseInput(zOpenAiChat, json).model;
}

function sellerOf(
  { index, sessions, clock }: SubmitDeps,
  { offerId }: Submission,
  model: string,
): string {
  const entry = index.get(offerId);
  const isValid = entry && clock.nowMs() < entry.offer.payload.validUntilMs;
  if (!entry || !isValid || !sessions.get(entry.provider)) {
    throw new AppError('OFFER_UNKNOWN', { offerId });
  }
  if (entry.model !== model) {
    const reason = `body: the offer is for ${entry.model}, not for ${model}`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  return entry.provider;
}

function assertRoom({ book, sessions }: SubmitDeps, provider: string): void {
  const waiting = book.waitingOf(provider);
  if (book.size < limits.queuedJobs && waiting < queuedPerProvider) return;
  const slots = sessions.get(provider)?.gauges.slots ?? 0;
  throw new AppError('QUEUE_FULL', { slots, waiting, retryAfterSeconds });
}
