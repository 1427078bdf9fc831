/**
 * A paid call becomes a job: the payment is read and checked, a place in the queue is taken, reservation
 * and journal are written, and only then the engine hears of it.
 *
 * The same job asked for again never runs again: while it runs the caller reads along from the start,
 * a complete answer is kept for a while, and after that the caller is sent to the receipts. Kept answers
 * are bounded in age and in size together.
 */
import type {
  AdmissionRefusal,
  AdmissionVerdict,
  JobRecord,
  KnownJob,
  StartVoucher,
  TopUp,
} from '@aitbc/market';
import {
  AppError,
  accept,
  amountOf,
  asAppError,
  bodyDigestOf,
  decodePayment,
  type Hex,
  type InferenceRequest,
  isIdempotencyKey,
  jobIdOf,
  promptTokensBound,
  providerEndpoints,
  type Refusal,
  refuse,
  type Verdict,
} from '@aitbc/protocol';
import type { ChannelMirror } from '../chain/channel-mirror.ts';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
import type { ProviderStore } from '../store.ts';
import { type AnswerLog, createAnswerLog } from './answer-log.ts';
import type { JobQueue } from './job-queue.ts';
import { createKeptAnswers, type KeptAnswers } from './kept-answers.ts';
import { type LiveJob, type RunDeps, runJob } from './run-job.ts';
import type { TimeSamples } from './time-samples.ts';

/** A call with its payment. */
export interface PaidCall {
  readonly request: InferenceRequest;
  /** The body exactly as it was sent. */
  readonly body: Uint8Array;
  /** Value of the PAYMENT-SIGNATURE header. */
  readonly payment: string;
}

/** The answer a paid call gets, to read along. */
export interface TakenJob {
  readonly jobId: Hex;
  readonly answer: AnswerLog;
  readonly offer: StandingOffer;
  /** Account id of the payer. */
  readonly payer: Hex;
  /** nait; what this job may cost under the vouchers it came with. */
  readonly reserved: bigint;
}

/** Verdict on a paid call; refusals may carry the books for who holds the key. */
export type TakeVerdict = { readonly ok: true; readonly value: TakenJob } | AdmissionRefusal;

export interface DeskDeps extends RunDeps {
  readonly offers: OfferBook;
  readonly mirror: Pick<ChannelMirror, 'ageMs' | 'lookUp'>;
  readonly queue: JobQueue;
  readonly store: Pick<ProviderStore, 'job'>;
  readonly admissionTimes: TimeSamples;
  /** A job has ended and is written. */
  readonly onEnded: () => void;
  /** A job could not be written to its end; the daemon must not go on. */
  readonly onBroken: (error: unknown) => void;
}

/** Where paid calls are taken. */
export interface JobDesk {
  take(call: PaidCall): Promise<TakeVerdict>;
  /** Takes the voucher of the next window. Refusals: JOB_UNKNOWN, JOB_ENDED and those of `extendJob`. */
  extend(topUp: Omit<TopUp, 'jobMax'>): AdmissionVerdict<JobRecord>;
  /** Ends all running jobs and waits until they are written. */
  stop(): Promise<void>;
}

interface Running {
  readonly job: LiveJob;
  readonly done: Promise<void>;
}

interface Desk {
  readonly deps: DeskDeps;
  readonly running: Map<Hex, Running>;
  readonly kept: KeptAnswers;
}

export function createJobDesk(deps: DeskDeps): JobDesk {
  const running = new Map<Hex, Running>();
  const desk: Desk = { deps, running, kept: createKeptAnswers(deps.nowMs) };
  const stopped = { what: 'This provider', reason: 'it is stopping' };
  let isStopping = false;
  return {
    async take(call) {
      if (isStopping) return refuse('UNAVAILABLE', stopped);
      const startedAt = process.hrtime.bigint();
      const payment = readPayment(call, deps);
      if (!payment.ok) return payment;
      if (deps.books.get(payment.value.voucher.channelId)) {
        const verdict = admit(desk, call, payment.value);
        deps.admissionTimes.add(Number(process.hrtime.bigint() - startedAt) / 1_000);
        return verdict;
      }
      const missing = await findChannel(deps, payment.value.voucher.channelId);
      return missing ?? admit(desk, call, payment.value);
    },
    extend(topUp) {
      const { jobId } = topUp;
      const job = running.get(jobId)?.job;
      if (job) return deps.books.extend({ ...topUp, jobMax: job.offer.terms.jobMax });
      return deps.store.job(jobId) ? endedRefusal(desk, jobId) : refuse('JOB_UNKNOWN', { jobId });
    },
    async stop() {
      isStopping = true;
      const reason = new AppError('UNAVAILABLE', stopped);
      for (const { job } of running.values()) job.abort.abort(reason);
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

/** A payment that was read, with the offer it is for. */
interface Payment {
  readonly voucher: StartVoucher;
  readonly idempotencyKey: string;
  readonly offer: StandingOffer;
}

/** Refusals: PAYMENT_MALFORMED, PAYMENT_NETWORK_WRONG, OFFER_UNKNOWN. */
function readPayment(
  { payment, request }: PaidCall,
  { network, offers }: DeskDeps,
): Verdict<Payment> {
  const decoded = decodePayment(payment, network.caip2);
  if (!decoded.ok) return decoded;
  const { idempotencyKey, maxClaimable, offerId, channelId, tokens, signature } = decoded.value;
  if (!isIdempotencyKey(idempotencyKey)) {
    return refuse('PAYMENT_MALFORMED', { reason: 'the idempotency key is too long' });
  }
  const offer = offers.find(offerId);
  if (offer?.payload.model !== request.model) return refuse('OFFER_UNKNOWN', { offerId });
  const cap = amountOf(maxClaimable);
  const voucher = { offerId, channelId, tokens, maxClaimable: cap, signature };
  return accept({ voucher, idempotencyKey, offer });
}

/** Asks the chain for a channel that was never heard of; a refusal when that gives none. */
async function findChannel({ mirror }: DeskDeps, channelId: Hex): Promise<Refusal | undefined> {
  try {
    const channel = await mirror.lookUp(channelId);
    return channel ? undefined : refuse('VOUCHER_CHANNEL_WRONG', { channelId });
  } catch (error) {
    const { code, row } = asAppError(error);
    if (!row.retryable || code === 'INTERNAL') throw error;
    return refuse('VOUCHER_STALE_STATE', { ageMs: mirror.ageMs() });
  }
}

/** Everything from here on happens in one turn: no other call can come between check and reservation. */
function admit(
  desk: Desk,
  call: PaidCall,
  { voucher, idempotencyKey, offer }: Payment,
): TakeVerdict {
  const { deps, running } = desk;
  const { books, queue } = deps;
  const { channelId } = voucher;
  const channel = books.get(channelId)?.channel;
  if (!channel) return refuse('VOUCHER_CHANNEL_WRONG', { channelId });
  const bodyDigest = bodyDigestOf(call.body);
  const jobId = jobIdOf(deps.network, { payer: channel.payer, idempotencyKey, bodyDigest });
  const { outputMax } = offer.payload;
  const maxTokens = Math.min(call.request.maxTokens ?? outputMax, outputMax);
  const decide = (known: KnownJob | undefined) =>
    (known ? undefined : queue.refusal(maxTokens)) ??
    books.admit(channelId, {
      jobId,
      offer: offer.terms,
      known,
      bodyDigest,
      promptBound: promptTokensBound(call.request.messages),
      voucher,
      mirrorAgeMs: deps.mirror.ageMs(),
    });
  const live = running.get(jobId)?.job.known;
  let verdict = decide(live);
  // The journal is read only when something is in the way: a fresh job pays for no look-up.
  const past = verdict.ok || live ? undefined : deps.store.job(jobId);
  if (past) verdict = decide(past);
  if (!verdict.ok) return verdict;
  const isFresh = verdict.value.kind === 'admitted';
  const start = { jobId, bodyDigest, maxTokens, offer, channelId, request: call.request };
  const answer = isFresh ? startJob(desk, start) : findAnswer(desk, jobId);
  if (!answer) return endedRefusal(desk, jobId);
  const job = books.get(channelId)?.jobs.get(jobId);
  const reserved = (job?.charged ?? 0n) + (job?.reserved ?? 0n);
  return accept({ jobId, answer, offer, payer: channel.payer, reserved });
}

type Start = Pick<
  LiveJob,
  'jobId' | 'bodyDigest' | 'maxTokens' | 'offer' | 'channelId' | 'request'
>;

function startJob({ deps, running, kept }: Desk, start: Start): AnswerLog {
  const { jobId, channelId, offer } = start;
  const abort = new AbortController();
  const answer = createAnswerLog(() => abort.abort(new AppError('CANCELLED')));
  const job: LiveJob = {
    ...start,
    known: { offerId: offer.offerId, channelId },
    answer,
    place: deps.queue.enter(start.maxTokens),
    startedAtMs: deps.nowMs(),
    abort,
  };
  const done = runJob(job, deps)
    .then(() => {
      kept.keep(jobId, answer);
      deps.onEnded();
    })
    .catch(deps.onBroken)
    .finally(() => running.delete(jobId));
  running.set(jobId, { job, done });
  return answer;
}

function findAnswer({ running, kept }: Desk, jobId: Hex): AnswerLog | undefined {
  return running.get(jobId)?.job.answer ?? kept.find(jobId);
}

function endedRefusal({ deps }: Desk, jobId: Hex): Refusal {
  const outcome = deps.store.job(jobId)?.outcome ?? 'unknown';
  return refuse('JOB_ENDED', { jobId, outcome, receiptPath: receiptPathOf(jobId) });
}

/** Where the receipts of a job are served. */
export function receiptPathOf(jobId: Hex): string {
  return providerEndpoints.receipt.path.replace(':jobId', jobId);
}
