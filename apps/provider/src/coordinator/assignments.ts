/** Jobs that come through the coordinator run like any other: same payment, same admission, same receipts. */
import { utf8 } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  type CoordinatorFrame,
  dialectForms,
  type ProviderFrame,
  readDialect,
} from '@aitbc/protocol';
import { collectAnswer } from '../front/collect-answer.ts';
import { errorOfRefusal } from '../front/payment-terms.ts';
import { finishOf } from '../front/stream-answer.ts';
import type { JobDesk } from '../jobs/take-job.ts';

/** A job frame of the coordinator. */
export type Assignment = Extract<CoordinatorFrame, { type: 'job' }>;

/** The frame that says how a job went. */
export type ResultFrame = Extract<ProviderFrame, { type: 'jobResult' | 'jobFailed' }>;

export interface AssignmentDeps {
  readonly desk: Pick<JobDesk, 'take'>;
  readonly nowMs: () => number;
  /** The payment was verified and the job is on its way. */
  readonly onAccepted: (jobId: string) => void;
}

/** Runs an assignment to its end; never rejects. */
export async function runAssignment(job: Assignment, deps: AssignmentDeps): Promise<ResultFrame> {
  try {
    return await run(job, deps);
  } catch (error) {
    const { code, message, row } = asAppError(error);
    const wire = { code, message };
    return { type: 'jobFailed', jobId: job.jobId, error: wire, retryable: row.retryable };
  }
}

async function run(
  job: Assignment,
  { desk, nowMs, onAccepted }: AssignmentDeps,
): Promise<ResultFrame> {
  if (job.deadlineMs <= nowMs()) throw new AppError('JOB_EXPIRED', { jobId: job.jobId });
  const { request } = readDialect('openai', parsedBody(job.body));
  const { payment } = job;
  const taken = await desk.take({ request, body: utf8(job.body), payment });
  if (!taken.ok) throw errorOfRefusal(taken);
  const { jobId, answer } = taken.value;
  const { whole, leave } = collectAnswer(answer);
  if (jobId !== job.jobId) {
    leave();
    throw new AppError('BAD_REQUEST', { reason: 'the payment is for another job' });
  }
  onAccepted(jobId);
  const collected = await whole;
  if (!collected) throw new AppError('CANCELLED');
  if (collected.error) throw collected.error;
  const { text, end, receipts } = collected;
  const receipt = receipts.at(-1);
  if (!receipt) throw new Error('an answer has no receipt');
  const subject = { jobId, model: request.model, createdMs: nowMs(), includeUsage: true };
  const words = dialectForms.openai.writer(subject);
  return {
    type: 'jobResult',
    jobId,
    answer: words.whole(text, { ...finishOf(end), receipts }),
    receipt,
    firstTokenMs: Math.round(end.firstTokenMs),
    durationMs: Math.round(end.durationMs),
  };
}

function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new AppError('BAD_REQUEST', { reason: 'the body is not JSON' }, { cause: error });
  }
}
