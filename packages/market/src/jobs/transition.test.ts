import { limits } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  backOffMs,
  type Job,
  type JobEvent,
  type JobState,
  jobDispatchesMax,
  jobLossesMax,
  queuedJob,
  terminalStates,
} from './job-state.ts';
import { isDue, transition } from './transition.ts';

const provider = 'ait1provider';
const error = { code: 'QUEUE_FULL', message: 'full' };
const dispatch: JobEvent = { type: 'dispatch', provider };
const accepted: JobEvent = { type: 'accepted', provider };
const result: JobEvent = { type: 'result', provider };
const lost: JobEvent = { type: 'lost', provider };
const refused: JobEvent = { type: 'failed', provider, error, retryable: true };
const broken: JobEvent = { type: 'failed', provider, error, retryable: false };
const cancel: JobEvent = { type: 'cancel' };
const tick: JobEvent = { type: 'tick' };
const all = [dispatch, accepted, result, lost, refused, broken, cancel, tick];

const fresh = queuedJob('job', provider, 0);

/** Applies events, each at its time; throws where one is refused. */
function after(...steps: readonly [JobEvent, number][]): Job {
  return steps.reduce((job, [event, nowMs]) => {
    const next = transition(job, event, nowMs);
    if (!next.ok) throw new Error(`${event.type} is refused in ${job.state}: ${next.code}`);
    return next.value;
  }, fresh);
}

describe('the good way', () => {
  test('a job is queued, dispatched, runs and completes', () => {
    const running = after([dispatch, 1], [accepted, 2]);
    expect(running).toMatchObject({ state: 'running', startedAtMs: 2, leaseUntilMs: null });
    const done = after([dispatch, 1], [accepted, 2], [result, 3]);
    expect(done).toMatchObject({ state: 'completed', finishedAtMs: 3, attempts: 1, mayRun: false });
  });

  test('a result may come before the acceptance', () => {
    expect(after([dispatch, 1], [result, 3])).toMatchObject({ state: 'completed', startedAtMs: 3 });
  });

  test('a repeated acceptance changes nothing', () => {
    const running = after([dispatch, 1], [accepted, 2]);
    const again = transition(running, accepted, 9);
    expect(again.ok && again.value).toBe(running);
  });
});

describe('trouble before the acceptance', () => {
  test('a provider that turns the job down gets it again after a growing wait', () => {
    const once = after([dispatch, 0], [refused, 100]);
    expect(once).toMatchObject({ state: 'queued', failures: 1, mayRun: false, notBeforeMs: 1_100 });
    expect(isDue(once, 1_099)).toBe(false);
    expect(isDue(once, 1_100)).toBe(true);
    expect(transition(once, dispatch, 1_099)).toMatchObject({ ok: false, code: 'JOB_STATE_WRONG' });
    const twice = after([dispatch, 0], [refused, 100], [dispatch, 1_100], [refused, 1_200]);
    expect(twice).toMatchObject({ state: 'queued', failures: 2, notBeforeMs: 3_200 });
  });

  test('the last refusal is the end, and so is one that cannot be retried', () => {
    const steps: [JobEvent, number][] = [];
    for (let attempt = 0; attempt < limits.jobAttempts; attempt += 1) {
      steps.push([dispatch, attempt * 60_000], [refused, attempt * 60_000]);
    }
    expect(after(...steps)).toMatchObject({ state: 'failed', error, attempts: limits.jobAttempts });
    expect(after([dispatch, 0], [broken, 1])).toMatchObject({ state: 'failed', failures: 1 });
  });

  test('an unanswered dispatch goes back when its lease ends, and may still be running', () => {
    const early = after([dispatch, 0], [tick, limits.leaseMs - 1]);
    expect(early.state).toBe('dispatched');
    const late = after([dispatch, 0], [tick, limits.leaseMs]);
    expect(late).toMatchObject({ state: 'queued', mayRun: true, failures: 1 });
    expect(transition(late, result, limits.leaseMs + 1)).toMatchObject({
      ok: true,
      value: { state: 'completed' },
    });
  });

  test('a provider that never answers its dispatches costs the job all its tries', () => {
    const steps: [JobEvent, number][] = [];
    for (let attempt = 0; attempt < limits.jobAttempts; attempt += 1) {
      const atMs = attempt * 2 * limits.leaseMs;
      steps.push([dispatch, atMs], [tick, atMs + limits.leaseMs]);
    }
    expect(after(...steps)).toMatchObject({
      state: 'failed',
      failures: limits.jobAttempts,
      error: { code: 'TIMEOUT' },
    });
  });

  test('a job that never began expires at its deadline and says that nothing was charged', () => {
    const { deadlineMs } = fresh;
    expect(after([tick, deadlineMs - 1]).state).toBe('queued');
    expect(after([tick, deadlineMs])).toMatchObject({
      state: 'expired',
      error: { code: 'JOB_EXPIRED' },
    });
    expect(transition(fresh, dispatch, deadlineMs)).toMatchObject({ code: 'JOB_EXPIRED' });
  });
});

describe('trouble after the acceptance', () => {
  test('a failure is the end, retryable or not', () => {
    expect(after([dispatch, 0], [accepted, 1], [refused, 2])).toMatchObject({ state: 'failed' });
  });

  test('a lost connection puts the job back, and its result still counts', () => {
    const back = after([dispatch, 0], [accepted, 1], [lost, 2]);
    expect(back).toMatchObject({ state: 'queued', mayRun: true, losses: 1, notBeforeMs: 1_002 });
    expect(transition(back, result, 3)).toMatchObject({ ok: true, value: { state: 'completed' } });
    expect(transition(back, accepted, 3)).toMatchObject({ ok: true, value: { startedAtMs: 1 } });
    expect(transition(back, refused, 3)).toMatchObject({ ok: true, value: { state: 'failed' } });
  });

  test('a connection that is lost again and again is the end, and says how often', () => {
    const steps: [JobEvent, number][] = [];
    let nowMs = 0;
    for (let loss = 1; loss <= jobLossesMax; loss += 1) {
      steps.push([dispatch, nowMs], [lost, nowMs + 1]);
      nowMs += 1 + backOffMs(loss);
    }
    expect(after(...steps.slice(0, -1)).state).toBe('dispatched');
    const ended = after(...steps);
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'UNAVAILABLE' } });
    expect(ended.error?.message).toContain(`lost ${jobLossesMax} times`);
  });

  test('a job that may run is never called expired; it fails a lifetime later', () => {
    const endMs = 1 + limits.jobLifetimeMs;
    expect(after([dispatch, 0], [accepted, 1], [tick, endMs - 1]).state).toBe('running');
    expect(after([dispatch, 0], [accepted, 1], [tick, endMs])).toMatchObject({
      state: 'failed',
      error: { code: 'TIMEOUT' },
    });
    const unheard = after([dispatch, 0], [lost, 1]);
    const unheardEndMs = fresh.deadlineMs + limits.jobLifetimeMs;
    expect(transition(unheard, tick, unheardEndMs - 1)).toMatchObject({
      value: { state: 'queued' },
    });
    expect(transition(unheard, tick, unheardEndMs)).toMatchObject({ value: { state: 'failed' } });
  });
});

test('only a job that cannot be running may be cancelled', () => {
  expect(after([cancel, 1])).toMatchObject({ state: 'cancelled', finishedAtMs: 1 });
  expect(after([dispatch, 0], [refused, 1], [cancel, 2]).state).toBe('cancelled');
  for (const job of [
    after([dispatch, 0]),
    after([dispatch, 0], [accepted, 1]),
    after([dispatch, 0], [lost, 1]),
    after([dispatch, 0], [tick, limits.leaseMs]),
  ]) {
    expect(transition(job, cancel, limits.leaseMs + 1)).toMatchObject({ code: 'JOB_STATE_WRONG' });
  }
});

test('events of another provider are refused in every state', () => {
  const stranger = 'ait1stranger';
  for (const job of [fresh, after([dispatch, 0]), after([dispatch, 0], [accepted, 1])]) {
    for (const event of all.filter((candidate) => 'provider' in candidate)) {
      const foreign = { ...event, provider: stranger } as JobEvent;
      expect(transition(job, foreign, 2)).toMatchObject({ ok: false, code: 'FORBIDDEN' });
    }
  }
});

test('waiting doubles from one second to half a minute', () => {
  expect([0, 1, 2, 3, 6, 60].map(backOffMs)).toEqual([1_000, 1_000, 2_000, 4_000, 30_000, 30_000]);
});

describe('any sequence of events', () => {
  const event = fc.constantFrom<JobEvent>(
    ...all,
    { type: 'accepted', provider: 'other' },
    { type: 'result', provider: 'other' },
    { type: 'dispatch', provider: 'other' },
  );
  const history = fc.array(fc.tuple(event, fc.nat({ max: 60_000 })), { maxLength: 120 });

  test('never leaves a terminal state, never changes the provider, and tries a bounded number of times', () => {
    const property = fc.property(history, (steps) => {
      let job = fresh;
      let nowMs = 0;
      for (const [next, waitMs] of steps) {
        nowMs += waitMs;
        const verdict = transition(job, next, nowMs);
        const isOver = terminalStates.has(job.state);
        if (!verdict.ok) continue;
        if (isOver) expect(verdict.value).toBe(job);
        if ('provider' in next && verdict.value !== job) expect(next.provider).toBe(provider);
        job = verdict.value;
        expect(job.provider).toBe(provider);
        expect(job.attempts).toBeLessThanOrEqual(jobDispatchesMax);
        expect(job.failures).toBeLessThanOrEqual(limits.jobAttempts);
        assertShape(job);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  test('ends when time goes on', () => {
    const property = fc.property(history, (steps) => {
      let job = fresh;
      let nowMs = 0;
      for (const [next, waitMs] of steps) {
        nowMs += waitMs;
        const verdict = transition(job, next, nowMs);
        if (verdict.ok) job = verdict.value;
      }
      for (let round = 0; round < 3; round += 1) {
        nowMs += 2 * limits.jobLifetimeMs;
        const verdict = transition(job, tick, nowMs);
        if (verdict.ok) job = verdict.value;
      }
      expect(terminalStates.has(job.state)).toBe(true);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

/** What each state holds, as the table in job-state.ts says. */
function assertShape(job: Job): void {
  const isOver = terminalStates.has(job.state);
  expect(job.finishedAtMs !== null).toBe(isOver);
  expect(job.leaseUntilMs !== null).toBe(job.state === 'dispatched');
  expect(job.error !== null).toBe(job.state === 'failed' || job.state === 'expired');
  if (job.state === 'dispatched' || job.state === 'running') expect(job.mayRun).toBe(true);
  if (job.state === 'running' || job.state === 'completed') expect(job.startedAtMs).not.toBeNull();
  const neverRan: JobState[] = ['expired', 'cancelled'];
  if (neverRan.includes(job.state)) expect(job.startedAtMs).toBeNull();
}
