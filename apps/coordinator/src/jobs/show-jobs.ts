/** Jobs as their owners see them. */
import {
  AppError,
  type coordinatorEndpoints,
  type Hex,
  type OutputOf,
  unwrap,
} from '@aitbc/protocol';
import type { JobRecord } from '../store/job-rows.ts';
import type { JobStore } from '../store/job-store.ts';
import type { OfferRows } from '../store/market-rows.ts';
import type { JobBook } from './job-book.ts';

/** A job in an answer. */
export type JobView = OutputOf<typeof coordinatorEndpoints.getJob>;

/** Parts that answer questions about jobs. */
export interface ShowDeps {
  readonly book: JobBook;
  readonly jobs: Pick<JobStore, 'output'>;
  readonly offers: OfferRows;
}

/** A record in the form of the API. */
export function viewOf({ job, payer, offerId, model }: JobRecord): JobView {
  return {
    jobId: job.jobId,
    state: job.state,
    kind: 'inference',
    model,
    payer,
    provider: job.provider,
    offerId,
    attempts: job.attempts,
    createdAtMs: job.createdAtMs,
    deadlineMs: job.deadlineMs,
    startedAtMs: job.startedAtMs,
    finishedAtMs: job.finishedAtMs,
    error: job.error,
  };
}

/** A job as it is now. Throws JOB_UNKNOWN. */
export async function showJob({ book }: ShowDeps, jobId: Hex): Promise<JobView> {
  const record = await book.get(jobId);
  if (!record) throw new AppError('JOB_UNKNOWN', { jobId });
  return viewOf(record);
}

/** Cancels a job that has not begun; again is no error. Throws JOB_UNKNOWN, JOB_STATE_WRONG. */
export async function cancelJob({ book }: ShowDeps, jobId: Hex): Promise<JobView> {
  const known = await book.get(jobId);
  if (known?.job.state === 'cancelled') return viewOf(known);
  return viewOf(unwrap(await book.apply(jobId, { type: 'cancel' })));
}

/** Answer and receipt of a completed job. Throws JOB_UNKNOWN, JOB_STATE_WRONG, STORE_CORRUPT. */
export async function showResult(
  { book, jobs, offers }: ShowDeps,
  jobId: Hex,
): Promise<OutputOf<typeof coordinatorEndpoints.jobResult>> {
  const record = await book.get(jobId);
  if (!record) throw new AppError('JOB_UNKNOWN', { jobId });
  const { state } = record.job;
  if (state !== 'completed') throw new AppError('JOB_STATE_WRONG', { jobId, state });
  const output = await jobs.output(jobId);
  const offer = await offers.get(record.offerId);
  if (!output || !offer) {
    const reason = 'its answer or its offer is missing';
    throw new AppError('STORE_CORRUPT', { what: `job ${jobId}`, reason });
  }
  return { jobId, ...output, offer };
}
