/**
 * Metering: delivered tokens turn reservation into charge, the end of a job settles the rest.
 *
 * While a job runs only delivered output tokens are due. Its end decides about prompt and request fee
 * (`chargeFor`, the fault rule), and two rules are added here: nothing at all is due while no token was
 * delivered here, and the prompt is waived when the first token came later than the offer promised. A
 * charge never passes what was reserved for the job. A job that began elsewhere owes here what came from
 * here: its prompt by the same rule, and none of the tokens before `from`.
 */
import { chargeFor, type Hex, type Outcome } from '@aitbc/protocol';
import { assertRecord, type ChannelRecord, type JobRecord, withJob } from './channel-record.ts';

/** Books after a metering step, with the job as it stands. */
export interface Metered {
  readonly record: ChannelRecord;
  readonly job: JobRecord;
}

/** Tokens that went out. */
export interface Delivery {
  /** Output tokens since the last call. */
  readonly outputTokens: number;
  /** The engine's count, 0 while it is not known. */
  readonly promptTokens: number;
}

/** Charges delivered tokens. The job must be live, and the tokens covered: anything else is a bug. */
export function deliverTokens(
  record: ChannelRecord,
  jobId: Hex,
  { outputTokens, promptTokens }: Delivery,
): Metered {
  const job = liveJob(record, jobId);
  const delivered = deliveredWith(job, outputTokens);
  const counted = { ...job, delivered, promptTokens: boundedPrompt(job, promptTokens) };
  const usage = { promptTokens: 0, outputTokens: delivered - job.from };
  const due = chargeFor(job.price, usage, 'running');
  return charged(record, counted, atMost(due, job));
}

/** How a job ended. */
export interface JobEnd {
  readonly outcome: Exclude<Outcome, 'running'>;
  /** Output tokens since the last `deliverTokens`; default 0. */
  readonly outputTokens?: number;
  /**
   * Delivered tokens that the engine's own counter does not confirm: not charged, unless a receipt did
   * already. Default 0.
   */
  readonly doubtfulTokens?: number;
  readonly promptTokens: number;
  /** The first token came later than the offer's bound. */
  readonly isLate: boolean;
}

/** Settles a job and takes it out of the record; the ended job is handed back. */
export function endJob(record: ChannelRecord, jobId: Hex, end: JobEnd): Metered {
  const job = liveJob(record, jobId);
  const promptTokens = boundedPrompt(job, end.promptTokens);
  const delivered = deliveredWith(job, end.outputTokens ?? 0);
  const ended = { ...job, delivered, promptTokens, outcome: end.outcome };
  const due = atMost(dueAtEnd(ended, end), job);
  const charged = record.charged + due - job.charged;
  const books = { ...record, charged, ...withJob(record, jobId, undefined) };
  return { record: assertRecord(books), job: { ...ended, charged: due, reserved: 0n } };
}

function deliveredWith(job: JobRecord, outputTokens: number): number {
  const delivered = job.delivered + outputTokens;
  if (delivered > job.tokensCovered) throw new Error('tokens went out that no voucher covers');
  return delivered;
}

function dueAtEnd(job: JobRecord, { isLate, doubtfulTokens = 0 }: JobEnd): bigint {
  const { delivered, from, promptTokens, outcome, price } = job;
  if (delivered === from) return 0n;
  const usage = { promptTokens, outputTokens: Math.max(delivered - from - doubtfulTokens, 0) };
  return chargeFor(price, usage, isLate ? 'provider_error' : outcome);
}

function liveJob(record: ChannelRecord, jobId: Hex): JobRecord {
  const job = record.jobs.get(jobId);
  if (!job) throw new Error('the job is not live on this channel');
  return job;
}

function boundedPrompt(job: JobRecord, promptTokens: number): number {
  return Math.min(Math.max(job.promptTokens, promptTokens), job.promptBound);
}

/** A charge never shrinks and never passes the reservation. */
function atMost(due: bigint, job: JobRecord): bigint {
  const most = job.charged + job.reserved;
  if (due > most) return most;
  return due > job.charged ? due : job.charged;
}

function charged(record: ChannelRecord, job: JobRecord, due: bigint): Metered {
  const more = due - job.charged;
  const paid = { ...job, charged: due, reserved: job.reserved - more };
  const books = withJob(record, job.jobId, paid);
  return {
    record: assertRecord({ ...record, charged: record.charged + more, ...books }),
    job: paid,
  };
}
