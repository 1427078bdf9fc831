/**
 * A paid call becomes a job: the payment is read and checked, a place in the queue is taken, reservation
 * and journal are written, and only then the engine hears of it.
 *
 * The same job asked for again never runs again: while it runs the caller reads along from the start,
 * a complete answer is kept for a while, and after that the caller is sent to the receipts. Kept answers
 * are in memory only, bounded in age and in size together; a restart forgets them.
 *
 * A call that continues an answer of another provider is the same job with a resume point. Its past is
 * checked between the checks of a first call and the reservation (resume-point.ts), where the chain may have to
 * be asked, so the checks of the payment are made once more in the turn that reserves.
 */
import type {
  Admission,
  AdmissionRefusal,
  AdmissionVerdict,
  JobRecord,
  JobWish,
  KnownJob,
  TopUp,
} from '@aitbc/market';
import {
  AppError,
  accept,
  asAppError,
  bodyDigestOf,
  type EmbedRequest,
  embedTokensBound,
  type Hex,
  type InferenceRequest,
  jobIdOf,
  promptTokensBound,
  providerEndpoints,
  type Refusal,
  type Resume,
  type ResumePoint,
  refuse,
  type SignedReceipt,
  type Verdict,
} from '@aitbc/protocol';
import type { ChannelMirror } from '../chain/channel-mirror.ts';
import type { MandateMirror } from '../chain/mandate-mirror.ts';
import type { EngineModel } from '../engines/engine.ts';
import type { OfferBook, StandingOffer } from '../offers/offer-book.ts';
import type { ProviderStore } from '../store.ts';
import {
  acknowledgeJob,
  createGivenUpJobs,
  type GivenUpJobs,
  type SignedAcknowledgement,
} from './acknowledge-job.ts';
import { type AnswerLog, createAnswerLog } from './answer-log.ts';
import type { MandatedRequest } from './channel-books.ts';
import type { JobQueue } from './job-queue.ts';
import { createKeptAnswers, type KeptAnswers } from './kept-answers.ts';
import { type Payment, type PaymentHeader, readPayment } from './read-payment.ts';
import type { RegisteredKeys } from './registered-keys.ts';
import { chainPieces, checkResume } from './resume-point.ts';
import { type JobWork, type LiveJob, type RunDeps, runJob } from './run-job.ts';
import type { TimeSamples } from './time-samples.ts';

interface SignedBody {
  /** The body exactly as it was sent. */
  readonly body: Uint8Array;
  readonly payment: PaymentHeader;
}

/** A call for an answer with its payment; `resume` for one that another provider began. */
export interface ChatCall extends SignedBody {
  readonly request: InferenceRequest;
  readonly resume?: Resume | undefined;
}

/** A call for vectors with its payment. */
export interface EmbedCall extends SignedBody {
  readonly embed: EmbedRequest;
}

/** A call with its payment. The text of an embedding answer is that of `embeddingText`. */
export type PaidCall = ChatCall | EmbedCall;

/** The answer a paid call gets, to read along. */
export interface TakenJob {
  readonly jobId: Hex;
  readonly answer: AnswerLog;
  readonly offer: StandingOffer;
  /** Account id of the payer. */
  readonly payer: Hex;
  /** nait; what this job may cost under the vouchers it came with. */
  readonly reserved: bigint;
  /** Position of the first token of the answer: above 0 where another provider began it. */
  readonly from: number;
}

/** Verdict on a paid call; refusals may carry the books for who holds the key. */
export type TakeVerdict = { readonly ok: true; readonly value: TakenJob } | AdmissionRefusal;

export interface DeskDeps extends RunDeps {
  readonly offers: OfferBook;
  readonly mirror: Pick<ChannelMirror, 'ageMs' | 'lookUp'>;
  readonly mandates: Pick<MandateMirror, 'isKnown' | 'learn'>;
  /** Its refusals are asked first of all. */
  readonly queue: Pick<JobQueue, 'refusal' | 'enter'>;
  readonly store: Pick<
    ProviderStore,
    'job' | 'offer' | 'receipts' | 'givenUp' | 'saveGivenUp' | 'dropGivenUp'
  >;
  readonly keys: RegisteredKeys;
  /** A model as the engine has it now. */
  readonly model: (name: string) => EngineModel | undefined;
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
  extend(topUp: Omit<TopUp, 'jobMax'>): Promise<AdmissionVerdict<JobRecord>>;
  /** Signs and charges what a buyer received of a job that died here. Refusals: see `acknowledgeJob`. */
  acknowledge(signed: SignedAcknowledgement): Promise<Verdict<SignedReceipt>>;
  /** Ends jobs for a reason of this side: all of them, or those that have not started. */
  end(which: 'all' | 'waiting', reason: AppError): void;
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
  readonly givenUp: GivenUpJobs;
}

export function createJobDesk(deps: DeskDeps): JobDesk {
  const running = new Map<Hex, Running>();
  const givenUp = createGivenUpJobs(deps.store, deps.nowMs);
  const desk: Desk = { deps, running, kept: createKeptAnswers(deps.nowMs), givenUp };
  const stopped = { what: 'This provider', reason: 'it is stopping' };
  let isStopping = false;
  const endJobs: JobDesk['end'] = (which, reason) => {
    for (const { job } of running.values()) {
      if (which === 'all' || !job.place.isRunning()) job.abort.abort(reason);
    }
  };
  return {
    async take(call) {
      if (isStopping) return refuse('UNAVAILABLE', stopped);
      const verdict = await takeCall(desk, call);
      await deps.books.written();
      return verdict;
    },
    async extend({ jobId, channelId, tokens, maxClaimable, signature }) {
      const job = running.get(jobId)?.job;
      if (job) {
        const { terms, payload } = job.offer;
        const about = { jobMax: terms.jobMax, model: payload.model };
        const topUp = { jobId, channelId, tokens, maxClaimable, signature, ...about };
        const verdict = deps.books.extend(topUp);
        await deps.books.written();
        return verdict;
      }
      return deps.store.job(jobId) ? endedRefusal(desk, jobId) : refuse('JOB_UNKNOWN', { jobId });
    },
    async acknowledge(signed) {
      // A call that the network still holds back would look the channel up as well.
      if (!deps.books.get(signed.channelId)) await findChannel(deps, signed.channelId);
      const verdict = acknowledgeJob(signed, { ...deps, givenUp });
      await deps.books.written();
      return verdict;
    },
    end: endJobs,
    async stop() {
      isStopping = true;
      endJobs('all', new AppError('UNAVAILABLE', stopped));
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

async function takeCall(desk: Desk, call: PaidCall): Promise<TakeVerdict> {
  const { deps } = desk;
  const startedAt = process.hrtime.bigint();
  const work = workOf(call);
  const payment = readPayment(call.payment, work, deps);
  if (!payment.ok) return payment;
  const { channelId } = payment.value.voucher;
  const isHeardOf = isKnown(deps, channelId);
  const missing = isHeardOf ? undefined : await findChannel(deps, channelId);
  if (missing) return missing;
  const asked = askFor(desk, { work, body: call.body, payment: payment.value });
  if (!asked.ok) return asked;
  const resume = 'request' in call ? call.resume : undefined;
  if (resume) return takeResumed(desk, asked.value, resume);
  const verdict = admit(desk, asked.value);
  if (isHeardOf) deps.admissionTimes.add(Number(process.hrtime.bigint() - startedAt) / 1_000);
  return verdict;
}

function workOf(call: PaidCall): JobWork {
  return 'embed' in call
    ? { kind: 'embed', request: call.embed }
    : { kind: 'chat', request: call.request };
}

/** True when admission needs nothing of the chain that is not here. */
function isKnown({ books, mandates }: DeskDeps, channelId: Hex): boolean {
  const channel = books.get(channelId)?.channel;
  return channel !== undefined && mandates.isKnown(channel);
}

/** Asks the chain for a channel, or for its mandate, that was never heard of; a refusal when that gives none. */
async function findChannel(
  { books, mirror, mandates }: DeskDeps,
  channelId: Hex,
): Promise<Refusal | undefined> {
  try {
    const channel = books.get(channelId)?.channel ?? (await mirror.lookUp(channelId));
    if (!channel) return refuse('VOUCHER_CHANNEL_WRONG', { channelId });
    await mandates.learn(channel);
    return undefined;
  } catch (error) {
    const { code, row } = asAppError(error);
    if (!row.retryable || code === 'INTERNAL') throw error;
    return refuse('VOUCHER_STALE_STATE', { ageMs: mirror.ageMs() });
  }
}

/** A call whose payment was read: what it asks for, and of whom. */
interface Asked {
  readonly work: JobWork;
  readonly payment: Payment;
  /** Account id of the payer. */
  readonly payer: Hex;
  readonly jobId: Hex;
  readonly bodyDigest: Hex;
  readonly promptBound: number;
  /** Most output tokens of the job in all. */
  readonly maxTokens: number;
  readonly resume: ResumePoint | undefined;
}

interface Call {
  readonly work: JobWork;
  readonly body: Uint8Array;
  readonly payment: Payment;
}

function askFor({ deps }: Desk, { work, body, payment }: Call): Verdict<Asked> {
  const { idempotencyKey, offer, voucher } = payment;
  const payer = deps.books.get(voucher.channelId)?.channel.payer;
  if (!payer) return refuse('VOUCHER_CHANNEL_WRONG', { channelId: voucher.channelId });
  const bodyDigest = bodyDigestOf(body);
  const jobId = jobIdOf(deps.network, { payer, idempotencyKey, bodyDigest });
  const sizes = sizesOf(work, offer);
  return accept({ work, payment, payer, jobId, bodyDigest, resume: undefined, ...sizes });
}

function sizesOf(work: JobWork, { payload: { outputMax } }: StandingOffer) {
  if (work.kind === 'embed') {
    return { maxTokens: 1, promptBound: embedTokensBound(work.request.inputs) };
  }
  const { maxTokens = outputMax, messages } = work.request;
  const promptBound = promptTokensBound(messages);
  return { maxTokens: Math.min(maxTokens, outputMax), promptBound };
}

async function takeResumed(desk: Desk, first: Asked, resume: Resume): Promise<TakeVerdict> {
  const { deps } = desk;
  const point = chainPieces(deps.network, first, resume);
  const asked = point.ok ? { ...first, resume: point.value } : first;
  if (point.ok) {
    const verdict = decide(desk, asked, deps.books.check);
    if (!verdict.ok) return verdict;
    if (verdict.value.kind === 'attach') return admit(desk, asked);
  }
  const { model } = first.work.request;
  const { receipt } = resume;
  const checked = await checkResume(
    { point, receipt, model, maxTokens: first.maxTokens },
    {
      resumes: (name) => deps.model(name)?.resume ?? 'none',
      keys: deps.keys,
      mirrorAgeMs: deps.mirror.ageMs,
    },
  );
  return checked.ok ? admit(desk, asked) : checked;
}

type Decide = (channelId: Hex, request: MandatedRequest) => AdmissionVerdict<Admission>;

/** What admission says of a call, with or without writing it. */
function decide({ deps, running }: Desk, asked: Asked, ask: Decide): AdmissionVerdict<Admission> {
  const { jobId, bodyDigest, promptBound, resume, payment } = asked;
  const { voucher, offer } = payment;
  const request = (known: KnownJob | undefined): MandatedRequest => ({
    model: offer.payload.model,
    jobId,
    offer: offer.terms,
    known,
    bodyDigest,
    promptBound,
    voucher,
    ...(resume ? { resume: { from: resume.from, prefixHash: resume.prefixHash } } : {}),
    mirrorAgeMs: deps.mirror.ageMs(),
  });
  const verdictOf = (known: KnownJob | undefined) =>
    (known ? undefined : deps.queue.refusal(wishOf(asked))) ??
    ask(voucher.channelId, request(known));
  const live = running.get(jobId)?.job.known;
  const verdict = verdictOf(live);
  if (live || (verdict.ok && ask !== deps.books.check)) return verdict;
  // The journal is read only when something is in the way: a fresh job pays for no look-up.
  const past = deps.store.job(jobId);
  return past ? verdictOf(past) : verdict;
}

/** Check and reservation happen in one turn: no other call can come between them. */
function admit(desk: Desk, asked: Asked): TakeVerdict {
  const { deps, givenUp } = desk;
  const { jobId, payer, resume } = asked;
  const { offer, voucher, again } = asked.payment;
  const job = { jobId, channelId: voucher.channelId };
  const verdict = givenUp.refusal(job, again) ?? decide(desk, asked, deps.books.admit);
  if (!verdict.ok) return verdict;
  const isFresh = verdict.value.kind === 'admitted';
  if (isFresh) givenUp.drop(job);
  const answer = isFresh ? startJob(desk, asked) : findAnswer(desk, jobId);
  if (!answer) return endedRefusal(desk, jobId);
  const books = deps.books.get(voucher.channelId)?.jobs.get(jobId);
  const reserved = (books?.charged ?? 0n) + (books?.reserved ?? 0n);
  return accept({ jobId, answer, offer, payer, reserved, from: resume?.from ?? 0 });
}

/** What a job needs of the engine; a prefix of another provider has to be read like a prompt. */
function wishOf({ payer, payment, promptBound, maxTokens, resume }: Asked): JobWish {
  const { model, firstTokenMs } = payment.offer.payload;
  const from = resume?.from ?? 0;
  const outputTokens = maxTokens - from;
  return { payer, model, firstTokenMs, promptTokens: promptBound + from, outputTokens };
}

function startJob({ deps, running, kept }: Desk, asked: Asked): AnswerLog {
  const { jobId, bodyDigest, resume, work } = asked;
  const { offer, voucher } = asked.payment;
  const { channelId } = voucher;
  const abort = new AbortController();
  const answer = createAnswerLog(() => abort.abort(new AppError('CANCELLED')));
  const maxTokens = asked.maxTokens - (resume?.from ?? 0);
  const job: LiveJob = {
    jobId,
    channelId,
    bodyDigest,
    resume,
    work,
    offer,
    maxTokens,
    answer,
    abort,
    known: { offerId: offer.offerId, channelId, resume },
    place: deps.queue.enter(wishOf(asked)),
    startedAtMs: deps.nowMs(),
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
