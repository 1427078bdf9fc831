/**
 * What a provider says about jobs. Everything it reports ends with `jobAck` once it is on disk, also
 * when it comes too late: the ack says "stored or settled, you may forget it".
 *
 * A result counts only with a final receipt, signed by the provider's registered key, for this job and
 * offer. One that does not is a job that failed with RECEIPT_INVALID: the buyer must see that the provider
 * could not prove its work, and waiting for a better one would invite repetition.
 */
import type { JobError } from '@aitbc/market';
import {
  AppError,
  type Hex,
  messageOf,
  type Network,
  type ProviderFrame,
  refuse,
  type Verdict,
  verifyReceipt,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { ChainLink } from '../chain/chain-link.ts';
import type { Session } from '../providers/sessions.ts';
import type { JobRecord, StoredJob } from '../store/job-rows.ts';
import type { Dispatcher } from './dispatch-jobs.ts';
import type { JobBook } from './job-book.ts';

/** A frame about a job. */
export type AnswerFrame = Extract<
  ProviderFrame,
  { type: 'jobAccepted' | 'jobResult' | 'jobFailed' }
>;

type ResultFrame = Extract<ProviderFrame, { type: 'jobResult' }>;

/** Parts that job frames go through. */
export interface AnswerDeps {
  readonly chain: ChainLink;
  readonly book: JobBook;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
}

const errorCodeChars = 64;
const errorMessageChars = 500;

/** Takes a frame about a job. Throws FORBIDDEN when the job is not for this provider. */
export async function takeAnswer(
  deps: AnswerDeps,
  session: Session,
  frame: AnswerFrame,
): Promise<void> {
  const { book, dispatcher, log } = deps;
  const { provider } = session;
  const { jobId } = frame;
  const record = await book.get(jobId);
  if (record && record.job.provider !== provider) {
    throw new AppError('FORBIDDEN', { reason: `job ${jobId} is not for ${provider}` });
  }
  const change = record && (await applyFrame(deps, { session, frame, record }));
  if (!change?.ok) {
    log.debug({ jobId, provider, code: change?.code ?? 'JOB_UNKNOWN' }, 'answer changes nothing');
  }
  if (frame.type !== 'jobAccepted') {
    session.line.send({ type: 'jobAck', jobId });
    dispatcher.pump(provider);
  }
}

interface Answer {
  readonly session: Session;
  readonly frame: AnswerFrame;
  readonly record: JobRecord;
}

async function applyFrame(
  deps: AnswerDeps,
  { session, frame, record }: Answer,
): Promise<Verdict<StoredJob>> {
  const { book, chain, log } = deps;
  const { provider } = session;
  const { jobId } = frame;
  if (frame.type === 'jobAccepted') return book.apply(jobId, { type: 'accepted', provider });
  if (frame.type === 'jobFailed') {
    const { retryable } = frame;
    return book.apply(jobId, {
      type: 'failed',
      provider,
      error: shortened(frame.error),
      retryable,
    });
  }
  const checked = checkResult(chain.network(), frame, { session, record });
  if (checked.ok) {
    const { answer, receipt } = frame;
    return book.apply(jobId, { type: 'result', provider }, { output: { answer, receipt } });
  }
  log.warn({ jobId, provider, ...checked.facts }, 'result without proof');
  const message = messageOf(checked.code, checked.facts);
  const error = { code: checked.code, message };
  return book.apply(jobId, { type: 'failed', provider, error, retryable: false });
}

function checkResult(
  network: Network,
  { receipt, answer }: ResultFrame,
  { session, record }: { session: Session; record: JobRecord },
): Verdict<unknown> {
  const verified = verifyReceipt(network, receipt, session.authorizer);
  if (!verified.ok) return verified;
  const { jobId, offerId, provider, model, outcome } = verified.value;
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  const isOurs = (jobId satisfies Hex) === record.job.jobId && offerId === record.offerId;
  if (!isOurs || provider !== session.provider) return fault('it is for another job or offer');
  if (model !== record.model) return fault('it is for another model');
  if (outcome !== 'complete' && outcome !== 'limit') return fault(`its outcome is ${outcome}`);
  if (answer === undefined) return fault('there is no answer with it');
  return verified;
}

function shortened({ code, message }: JobError): JobError {
  return { code: code.slice(0, errorCodeChars), message: message.slice(0, errorMessageChars) };
}
