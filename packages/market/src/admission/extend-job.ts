/**
 * Top-ups: the next voucher of a job that runs. The number of covered tokens only grows, a late or
 * repeated voucher changes nothing, and vouchers of parallel jobs may arrive in any order: a cap at or
 * below what was signed before is fine while there is headroom. The signature is always checked, else a
 * stranger could move the headroom of a channel from one job to another.
 */
import {
  accept,
  fullCharge,
  type Hex,
  limits,
  refuse,
  topUpContext,
  verifyVoucher,
} from '@aitbc/protocol';
import type { Seller } from './admit-job.ts';
import { assertRecord, type ChannelRecord, type JobRecord, withJob } from './channel-record.ts';
import { type AdmissionVerdict, checkPromise, correctiveOf, signedBy } from './check-promise.ts';

/** A voucher for the next window of a job. */
export interface TopUp {
  readonly jobId: Hex;
  readonly channelId: Hex;
  /** Position up to which output tokens are covered. */
  readonly tokens: number;
  /** Cumulative cap, nait. */
  readonly maxClaimable: bigint;
  readonly signature: Hex;
  /** The most one job under this offer can cost, nait; bounds open credit. */
  readonly jobMax: bigint;
}

/** The extended job and the books that hold it. */
export interface Extension {
  readonly record: ChannelRecord;
  readonly job: JobRecord;
}

/**
 * Extends a job. Refusals: BAD_REQUEST, JOB_UNKNOWN, VOUCHER_CHANNEL_WRONG, CHANNEL_CLOSED,
 * VOUCHER_SIGNATURE_INVALID, VOUCHER_UNDERFUNDED, VOUCHER_BEYOND_BALANCE, VOUCHER_OPEN_CREDIT.
 */
export function extendJob(
  seller: Seller,
  record: ChannelRecord,
  topUp: TopUp,
): AdmissionVerdict<Extension> {
  const { jobId, channelId, tokens } = topUp;
  if (tokens > limits.outputTokensMax) {
    return refuse('BAD_REQUEST', { reason: `tokens is above ${limits.outputTokensMax}` });
  }
  if (record.channel.channelId !== channelId) return refuse('VOUCHER_CHANNEL_WRONG', { channelId });
  if (record.channel.closed) return refuse('CHANNEL_CLOSED', { channelId });
  const job = record.jobs.get(jobId);
  if (!job) return refuse('JOB_UNKNOWN', { jobId });
  const { maxClaimable, signature } = topUp;
  const context = topUpContext(seller.network, jobId, tokens);
  const signed = { channelId, maxClaimable, context, signature };
  if (!verifyVoucher(seller.network, signed, record.channel.payerAuthorizer)) {
    return refuse('VOUCHER_SIGNATURE_INVALID', { channelId });
  }
  const wider = widened(job, tokens);
  const openCreditMax = BigInt(limits.openCreditRequests) * topUp.jobMax;
  const need = wider.reserved - job.reserved;
  const fault = checkPromise(record, { maxClaimable, need, openCreditMax });
  if (fault) return { ...fault, corrective: correctiveOf(record) };
  const books = { ...record, ...signedBy(record, signed), ...withJob(record, jobId, wider) };
  return accept({ record: assertRecord(books), job: wider });
}

/** Cumulative cap a voucher needs so that the job is covered up to position `tokens`, nait. */
export function requiredCap({ record, job }: Extension, tokens: number): bigint {
  return record.charged + record.reserved + widened(job, tokens).reserved - job.reserved;
}

function widened(job: JobRecord, tokens: number): JobRecord {
  if (tokens <= job.tokensCovered) return job;
  const usage = { promptTokens: job.promptBound, outputTokens: tokens - job.from };
  const reserved = fullCharge(job.price, usage) - job.charged;
  return { ...job, tokensCovered: tokens, reserved };
}
