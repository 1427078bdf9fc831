/**
 * The seller's book of one channel: what the buyer has signed, what is reserved for running jobs, what is
 * due, and what the chain has paid. All functions here are pure; a transition gives a new record.
 *
 * The invariant, asserted after every transition:
 *
 *   totalClaimed ≤ charged ≤ charged + reserved ≤ signedMax ≤ balance
 *
 * where `reserved` is the sum over live jobs, and a live job's `charged + reserved` is the full price of
 * its prompt bound and of the output tokens its vouchers cover here. Output tokens have positions in the
 * job's whole answer, of which this seller may give only the part that begins at `from`. Ended jobs leave the record; who asks
 * again for one is answered by the caller's index of jobs, so a record stays as small as the queue.
 *
 * The chain may break the last comparison: a withdrawal lowers `balance`. `observeChannel` then releases
 * all reservations of the channel (its jobs stop where they are) and writes off what is due above the
 * balance. Keeping the old numbers was rejected: work would go on for money that is not there.
 *
 * See docs/spec/payments.md, "Admission".
 */
import { amountMax } from '@aitbc/primitives';
import type { ChannelState, ClaimRow, Hex, Outcome, Price } from '@aitbc/protocol';

/** The voucher with the largest cap seen so far: the one that is claimed with. */
export interface BestVoucher {
  readonly maxClaimable: bigint;
  readonly context: Hex;
  readonly signature: Hex;
}

/** One job that is paid from a channel and has not ended. Amounts in nait. */
export interface JobRecord {
  readonly jobId: Hex;
  readonly offerId: Hex;
  readonly price: Price;
  /** Most prompt tokens this job may be charged for. */
  readonly promptBound: number;
  /** Position of its first output token here: 0, or where another provider's answer broke off. */
  readonly from: number;
  /** Position up to which vouchers cover output tokens. */
  readonly tokensCovered: number;
  readonly reserved: bigint;
  readonly charged: bigint;
  /** Position up to which output tokens were delivered and charged. */
  readonly delivered: number;
  readonly promptTokens: number;
  readonly outcome: Outcome;
}

/** The seller's view of one channel. */
export interface ChannelRecord {
  /** Last known state on chain. */
  readonly channel: ChannelState;
  /** Due in all, claimed or not. */
  readonly charged: bigint;
  readonly reserved: bigint;
  /** Largest amount the buyer's signatures allow, never above the balance. */
  readonly signedMax: bigint;
  readonly best: BestVoucher | undefined;
  /** Jobs that run or wait. */
  readonly jobs: ReadonlyMap<Hex, JobRecord>;
}

/** The part of a record that outlives the process; reservations do not. */
export type SavedRecord = Pick<ChannelRecord, 'charged' | 'signedMax' | 'best'>;

/** Record of a channel that was just heard of, or that was saved by an earlier life of the process. */
export function recordOf(channel: ChannelState, saved?: SavedRecord): ChannelRecord {
  const { charged = 0n, signedMax = 0n, best } = saved ?? {};
  const held = { channel, charged, signedMax, best, reserved: 0n, jobs: new Map<Hex, JobRecord>() };
  return observeChannel(held, channel).record;
}

/** Throws when the money of a record does not add up: a bug, never a refusal. */
export function assertRecord(record: ChannelRecord): ChannelRecord {
  const { channel, charged, reserved, signedMax, jobs } = record;
  let sum = 0n;
  for (const job of jobs.values()) {
    assertMoney(job.reserved >= 0n && job.charged >= 0n, 'an amount of a job is negative');
    assertMoney(job.from <= job.delivered, 'a job is in front of where it began');
    assertMoney(job.delivered <= job.tokensCovered, 'more was delivered than is covered');
    sum += job.reserved;
  }
  assertMoney(sum === reserved, 'the reservations do not add up');
  assertMoney(channel.totalClaimed <= charged, 'more was claimed than is due');
  assertMoney(charged + reserved <= signedMax, 'more is due and reserved than was signed');
  assertMoney(signedMax <= channel.balance, 'more counts as signed than the channel holds');
  assertMoney(channel.balance <= amountMax, 'the balance is above 2^64-1');
  return record;
}

function assertMoney(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the books of a channel are wrong: ${what}`);
}

/** What a new state of the chain did to a record. */
export interface Observation {
  readonly record: ChannelRecord;
  /** Due, but no longer covered by the channel, nait. */
  readonly writtenOff: bigint;
}

/** Takes over a newer state of the channel. A claim that this process forgot counts as charged. */
export function observeChannel(record: ChannelRecord, channel: ChannelState): Observation {
  const { balance, totalClaimed } = channel;
  const due = record.charged > totalClaimed ? record.charged : totalClaimed;
  const charged = due > balance ? balance : due;
  const signed = record.signedMax > charged ? record.signedMax : charged;
  const signedMax = signed > balance ? balance : signed;
  const fits = charged + record.reserved <= signedMax;
  const next = {
    ...record,
    channel,
    charged,
    signedMax,
    reserved: fits ? record.reserved : 0n,
    jobs: fits ? record.jobs : withoutReservations(record.jobs),
  };
  return { record: assertRecord(next), writtenOff: due - charged };
}

function withoutReservations(jobs: ReadonlyMap<Hex, JobRecord>): ReadonlyMap<Hex, JobRecord> {
  const stopped = [...jobs.values()].map((job) => ({
    ...job,
    tokensCovered: job.delivered,
    reserved: 0n,
  }));
  return new Map(stopped.map((job) => [job.jobId, job]));
}

/** Record with one job put in place of its older self, or taken out with `undefined`. */
export function withJob(
  record: ChannelRecord,
  jobId: Hex,
  job: JobRecord | undefined,
): Pick<ChannelRecord, 'jobs' | 'reserved'> {
  const jobs = new Map(record.jobs);
  const before = jobs.get(jobId)?.reserved ?? 0n;
  if (job) jobs.set(jobId, job);
  else jobs.delete(jobId);
  return { jobs, reserved: record.reserved - before + (job?.reserved ?? 0n) };
}

/** Row that claims all that is due on a channel, or undefined when nothing new is. */
export function claimRowOf(record: ChannelRecord): ClaimRow | undefined {
  const { channel, best, charged } = record;
  if (!best || channel.closed) return undefined;
  const totalClaimed = charged < best.maxClaimable ? charged : best.maxClaimable;
  if (totalClaimed <= channel.totalClaimed) return undefined;
  const { channelId } = channel;
  const { maxClaimable, context, signature: voucherSignature } = best;
  return { channelId, maxClaimable, context, voucherSignature, totalClaimed };
}
