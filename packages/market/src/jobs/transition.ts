/** The rules of `job-state.ts` as one function: a table of state and event to the next job. */
import { accept, limits, messageOf, refuse, type Verdict } from '@aitbc/protocol';
import {
  backOffMs,
  type Job,
  type JobError,
  type JobEvent,
  type JobState,
  jobLossesMax,
} from './job-state.ts';

type EventOf<T extends JobEvent['type']> = Extract<JobEvent, { type: T }>;

/** Next job; the same object when the event changes nothing; undefined when it does not fit now. */
type Move<T extends JobEvent['type']> = (
  job: Job,
  event: EventOf<T>,
  nowMs: number,
) => Job | undefined;

type Moves = { readonly [T in JobEvent['type']]?: Move<T> };

const table: Readonly<Record<JobState, Moves>> = {
  queued: {
    dispatch,
    accepted: (job, _, nowMs) => (job.mayRun ? begin(job, nowMs) : undefined),
    result: (job, _, nowMs) => (job.mayRun ? complete(job, nowMs) : undefined),
    failed: (job, event, nowMs) => (job.mayRun ? turnedDown(job, event, nowMs) : undefined),
    lost: (job) => job,
    cancel: (job, _, nowMs) => (job.mayRun ? undefined : end(job, nowMs, { state: 'cancelled' })),
    tick: (job, _, nowMs) => endLate(job, nowMs),
  },
  dispatched: {
    accepted: (job, _, nowMs) => begin(job, nowMs),
    result: (job, _, nowMs) => complete(job, nowMs),
    failed: turnedDown,
    lost: connectionLost,
    tick: leaseEnd,
  },
  running: {
    accepted: (job) => job,
    result: (job, _, nowMs) => complete(job, nowMs),
    failed: (job, { error }, nowMs) => end(job, nowMs, { state: 'failed', error }),
    lost: connectionLost,
    tick: (job, _, nowMs) => endLate(job, nowMs),
  },
  completed: { tick: (job) => job, lost: (job) => job },
  failed: { tick: (job) => job, lost: (job) => job },
  expired: { tick: (job) => job, lost: (job) => job },
  cancelled: { tick: (job) => job, lost: (job) => job },
};

/**
 * The job after an event; the same object when nothing changed. Refusals: JOB_STATE_WRONG (the event
 * does not fit the state), FORBIDDEN (the event comes from another provider), JOB_EXPIRED (dispatch after
 * the deadline).
 */
export function transition(job: Job, event: JobEvent, nowMs: number): Verdict<Job> {
  if ('provider' in event && event.provider !== job.provider) {
    return refuse('FORBIDDEN', { reason: `job ${job.jobId} is not for ${event.provider}` });
  }
  const move = table[job.state][event.type] as Move<typeof event.type> | undefined;
  const next = move?.(job, event as never, nowMs);
  if (next) return accept(next);
  if (event.type === 'dispatch' && job.state === 'queued' && nowMs >= job.deadlineMs) {
    return refuse('JOB_EXPIRED', { jobId: job.jobId });
  }
  return refuse('JOB_STATE_WRONG', { jobId: job.jobId, state: job.state });
}

/** True when a queued job may be handed to its provider now. */
export function isDue(job: Job, nowMs: number): boolean {
  return job.state === 'queued' && nowMs >= job.notBeforeMs && nowMs < job.deadlineMs;
}

/** When time alone changes the job next (`tick`); null for one that has ended. */
export function dueAtMs(job: Job): number | null {
  if (job.leaseUntilMs !== null) return job.leaseUntilMs;
  if (job.finishedAtMs !== null) return null;
  return job.mayRun ? lastMsOf(job) : job.deadlineMs;
}

function dispatch(job: Job, _: EventOf<'dispatch'>, nowMs: number): Job | undefined {
  if (!isDue(job, nowMs)) return undefined;
  return {
    ...job,
    state: 'dispatched',
    attempts: job.attempts + 1,
    mayRun: true,
    leaseUntilMs: nowMs + limits.leaseMs,
  };
}

function begin(job: Job, nowMs: number): Job {
  const startedAtMs = job.startedAtMs ?? nowMs;
  return { ...job, state: 'running', leaseUntilMs: null, startedAtMs };
}

function complete(job: Job, nowMs: number): Job {
  const startedAtMs = job.startedAtMs ?? nowMs;
  return end({ ...job, startedAtMs }, nowMs, { state: 'completed' });
}

function end(job: Job, nowMs: number, how: { state: JobState; error?: JobError }): Job {
  const { state, error = null } = how;
  return { ...job, state, mayRun: false, leaseUntilMs: null, finishedAtMs: nowMs, error };
}

function turnedDown(job: Job, { error, retryable }: EventOf<'failed'>, nowMs: number): Job {
  const failures = job.failures + 1;
  // A job that once began has ended at its provider; the same payment buys no second try.
  if (!retryable || job.startedAtMs !== null || failures >= limits.jobAttempts) {
    return end({ ...job, failures }, nowMs, { state: 'failed', error });
  }
  return { ...waiting({ ...job, failures }, nowMs), mayRun: false };
}

function leaseEnd(job: Job, _: EventOf<'tick'>, nowMs: number): Job {
  if (job.leaseUntilMs === null || nowMs < job.leaseUntilMs) return job;
  const failures = job.failures + 1;
  if (failures < limits.jobAttempts) return waiting({ ...job, failures }, nowMs);
  return end({ ...job, failures }, nowMs, { state: 'failed', error: silence(job, limits.leaseMs) });
}

function connectionLost(job: Job, _: EventOf<'lost'>, nowMs: number): Job {
  const losses = job.losses + 1;
  if (losses < jobLossesMax) return waiting({ ...job, losses }, nowMs);
  const facts = { what: job.provider, reason: `its connection was lost ${losses} times` };
  const message = messageOf('UNAVAILABLE', facts);
  return end({ ...job, losses }, nowMs, {
    state: 'failed',
    error: { code: 'UNAVAILABLE', message },
  });
}

function waiting(job: Job, nowMs: number): Job {
  const notBeforeMs = nowMs + backOffMs(job.failures + job.losses);
  return { ...job, state: 'queued', leaseUntilMs: null, notBeforeMs };
}

/** Ends what is past its time: at the deadline when it cannot be running, else a lifetime later. */
function endLate(job: Job, nowMs: number): Job {
  if (!job.mayRun) {
    if (nowMs < job.deadlineMs) return job;
    const message = messageOf('JOB_EXPIRED', { jobId: job.jobId });
    return end(job, nowMs, { state: 'expired', error: { code: 'JOB_EXPIRED', message } });
  }
  if (nowMs < lastMsOf(job)) return job;
  return end(job, nowMs, { state: 'failed', error: silence(job, limits.jobLifetimeMs) });
}

/** Until when a job that may run can still be heard of. */
function lastMsOf({ startedAtMs, deadlineMs }: Job): number {
  return (startedAtMs ?? deadlineMs) + limits.jobLifetimeMs;
}

function silence(job: Job, timeoutMs: number): JobError {
  return { code: 'TIMEOUT', message: messageOf('TIMEOUT', { what: job.provider, timeoutMs }) };
}
