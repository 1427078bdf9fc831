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
  type Hex,
  jobIdOf,
  limits,
  type ParsedInputOf,
  unwrap,
  zOpenAiChat,
} from '@aitbc/protocol';
import { parseInput } from '@aitbc/service';
import type { ChainLink } from '../chain/chain-link.ts';
import type { Sessions } from '../providers/sessions.ts';
import type { StoredJob } from '../store/job-rows.ts';
import type { NewJob } from '../store/work.ts';
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
const queuedPerProvider = 250_000;
const retryAfterSeconds = 30;

/**
 * The job of a submission, on disk when the promise ends. Throws BAD_REQUEST, PAYMENT_MALFORMED,
 * PAYMENT_NETWORK_WRONG, JOB_CONFLICT, OFFER_UNKNOWN, QUEUE_FULL, UNAVAILABLE.
 */
export async function submitJob(deps: SubmitDeps, submission: Submission): Promise<StoredJob> {
  const { book, dispatcher } = deps;
  const { offerId } = submission;
  const ordered = orderOf(deps, submission);
  const known = await book.get(ordered.jobId);
  if (known) return sameTerms(known, offerId);
  const provider = sellerOf(deps, ordered);
  await assertRoom(deps, provider);
  const [added] = await book.add([newJobOf(deps, ordered, provider)]);
  if (!added) throw new AppError('UNAVAILABLE', { what: 'the queue', reason: 'it gave no answer' });
  if (added.isNew) dispatcher.offerWork(provider);
  return sameTerms(added.stored, offerId);
}

function sameTerms(stored: StoredJob, offerId: Hex): StoredJob {
  if (stored.offerId === offerId) return stored;
  throw new AppError('JOB_CONFLICT', { jobId: stored.job.jobId });
}

/** A submission that was read. */
export interface Order {
  readonly jobId: Hex;
  readonly model: string;
  readonly submission: Submission;
}

/** Reads a submission. Throws BAD_REQUEST, PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG. */
export function orderOf(deps: Pick<SubmitDeps, 'chain'>, submission: Submission): Order {
  const model = modelOf(submission.body);
  return { jobId: jobIdOfSubmission(deps, submission), model, submission };
}

/** An order as the queue takes it. */
export function newJobOf(
  { clock }: Pick<SubmitDeps, 'clock'>,
  { jobId, model, submission }: Order,
  provider: string,
): NewJob {
  const { offerId, payer, body, payment, deadlineMs, webhook = null } = submission;
  const fresh = queuedJob(jobId, provider, clock.nowMs());
  const job = deadlineMs === undefined ? fresh : { ...fresh, deadlineMs };
  const record = { job, payer, offerId, model, webhook, batch: null };
  return { record, papers: { body, payment } };
}

function jobIdOfSubmission(
  { chain }: Pick<SubmitDeps, 'chain'>,
  { offerId, payer, body, payment }: Submission,
) {
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

/** Provider of the ordered offer. Throws OFFER_UNKNOWN, BAD_REQUEST. */
export function sellerOf(
  { index, sessions, clock }: Pick<SubmitDeps, 'index' | 'sessions' | 'clock'>,
  { model, submission: { offerId, deadlineMs } }: Order,
): string {
  const nowMs = clock.nowMs();
  const entry = index.get(offerId);
  const isValid = entry && nowMs < entry.offer.payload.validUntilMs;
  if (!entry || !isValid || !sessions.get(entry.provider)) {
    throw new AppError('OFFER_UNKNOWN', { offerId });
  }
  if (entry.model !== model) {
    const reason = `body: the offer is for ${entry.model}, not for ${model}`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  assertDeadline(deadlineMs, nowMs);
  return entry.provider;
}

function assertDeadline(deadlineMs: number | undefined, nowMs: number): void {
  if (deadlineMs === undefined) return;
  if (deadlineMs > nowMs && deadlineMs <= nowMs + limits.jobDeadlineMsMax) return;
  const reason = `deadlineMs: it must be within the next ${limits.jobDeadlineMsMax} ms`;
  throw new AppError('BAD_REQUEST', { reason });
}

/** Throws QUEUE_FULL when `more` jobs do not fit; counted on the disk, a moment may slip through. */
export async function assertRoom(
  { book, sessions }: Pick<SubmitDeps, 'book' | 'sessions'>,
  provider: string,
  more = 1,
): Promise<void> {
  // Below the share of one provider there is nothing to count.
  const isClose = book.size + more > queuedPerProvider;
  const waiting = isClose ? await book.waitingOf(provider, queuedPerProvider) : 0;
  if (book.size + more <= limits.queuedJobs && waiting + more <= queuedPerProvider) return;
  const slots = sessions.get(provider)?.gauges.slots ?? 0;
  throw new AppError('QUEUE_FULL', { slots, waiting, retryAfterSeconds });
}
