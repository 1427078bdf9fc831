/**
 * The life of an asynchronous job.
 *
 * | State      | Holds                               | Moved on by                                          |
 * |------------|-------------------------------------|------------------------------------------------------|
 * | queued     | the time before which it waits      | dispatch, cancel, its deadline                       |
 * | dispatched | a lease of one connection           | accepted, failed, result, lost connection, lease end |
 * | running    | when it began                       | result, failed, lost connection, its time limit      |
 * | completed  | (answer and receipt are stored)     | nothing                                              |
 * | failed     | the error                           | nothing                                              |
 * | expired    | the error                           | nothing                                              |
 * | cancelled  | nothing                             | nothing                                              |
 *
 * The payment names one offer, so a job has one provider for ever: events of anybody else are refused,
 * and no event can hand the job to a second one. What may be run twice by mistake is a dispatch of the
 * same job to the same provider; it knows the job by its id and joins the second to the first.
 *
 * `mayRun` is the honest part: it is true from the dispatch on, until the provider itself says that it
 * did not begin. Only a job that cannot be running may be cancelled, or end as `expired` (which promises
 * that nothing was charged). A job that may run and is not heard of for a whole job lifetime ends as
 * `failed`.
 *
 * Tries are bounded twice: `failures` counts dispatches that the provider turned down or did not answer
 * (at most `limits.jobAttempts`), `losses` those that ended with the connection (at most 10, because a
 * restart of the coordinator is no fault of the job). Waiting doubles from 1 s to 30 s.
 *
 * Rejected: handing a job to another provider (the payment is bound to the offer; the buyer submits again
 * with another one), retry after acceptance (the provider has ended the job and says so in its receipt).
 * See docs/spec/market.md, "Jobs".
 */
import type { ErrorCode, Hex, jobStates } from '@aitbc/protocol';
import { limits } from '@aitbc/protocol';

/** State of a job. */
export type JobState = (typeof jobStates)[number];

/** Why a job did not complete, as its owner sees it. */
export interface JobError {
  /** A code of ours or of the provider's engine. */
  readonly code: ErrorCode | (string & {});
  readonly message: string;
}

/** A job; times in ms since 1970. */
export interface Job {
  readonly jobId: Hex;
  /** Address of the provider whose offer was paid. */
  readonly provider: string;
  readonly state: JobState;
  /** Dispatches so far. */
  readonly attempts: number;
  /** Dispatches that were turned down or not answered. */
  readonly failures: number;
  /** Dispatches that ended with the connection. */
  readonly losses: number;
  /** True while the provider may be working on it. */
  readonly mayRun: boolean;
  readonly createdAtMs: number;
  /** A job that has not begun by then ends. */
  readonly deadlineMs: number;
  /** Earliest time of the next dispatch. */
  readonly notBeforeMs: number;
  /** Until when a dispatch may stay unanswered; null in every other state. */
  readonly leaseUntilMs: number | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly error: JobError | null;
}

/** What happens to a job. `provider` says who spoke, or whose connection it is. */
export type JobEvent =
  | { readonly type: 'dispatch'; readonly provider: string }
  | { readonly type: 'accepted'; readonly provider: string }
  | { readonly type: 'result'; readonly provider: string }
  | {
      readonly type: 'failed';
      readonly provider: string;
      readonly error: JobError;
      readonly retryable: boolean;
    }
  | { readonly type: 'lost'; readonly provider: string }
  | { readonly type: 'cancel' }
  | { readonly type: 'tick' };

/** Most dispatches of a job that may end with the connection. */
export const jobLossesMax = 10;

/** Most dispatches of a job. */
export const jobDispatchesMax = limits.jobAttempts + jobLossesMax;

const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

/** Wait before the next dispatch after so many tries, ms. */
export function backOffMs(tries: number): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** Math.max(0, tries - 1));
}

/** States that nothing moves on. */
export const terminalStates: ReadonlySet<JobState> = new Set<JobState>([
  'completed',
  'failed',
  'expired',
  'cancelled',
]);

/** A job as it is when it is submitted. */
export function queuedJob(jobId: Hex, provider: string, nowMs: number): Job {
  return {
    jobId,
    provider,
    state: 'queued',
    attempts: 0,
    failures: 0,
    losses: 0,
    mayRun: false,
    createdAtMs: nowMs,
    deadlineMs: nowMs + limits.jobLifetimeMs,
    notBeforeMs: nowMs,
    leaseUntilMs: null,
    startedAtMs: null,
    finishedAtMs: null,
    error: null,
  };
}
