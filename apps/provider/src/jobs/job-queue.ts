/**
 * The queue in front of the engine: the scheduler of `@aitbc/market` with a clock, and promises for those who wait. Room
 * is asked before anything about a payment changes; the place is taken in the same turn, so it cannot be lost in
 * between.
 */
import { createScheduler, type JobWish, type SchedulerOptions } from '@aitbc/market';
import type { Refusal } from '@aitbc/protocol';

export interface QueueOptions {
  readonly waitingMax: number;
  readonly waitingTokensMax: number;
  /** Models that the engine holds at once; 0 for all. */
  readonly residentModels: number;
  readonly residentMs: number;
  readonly residentJobs: number;
  /** Jobs at once, as status pages show it. */
  readonly slots: number;
  /** Jobs of a model at once; default `slots`. */
  readonly slotsOf?: SchedulerOptions['slotsOf'];
}

/** Load of the queue. */
export interface QueueGauges {
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
}

/** A place in the queue. */
export interface Place {
  /** Resolves when a slot is free; rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /** The engine gave a token. */
  heard(): void;
  isRunning(): boolean;
  /** Gives slot or place back. `usedTokens` is left out where the job says nothing about the engine's speed. */
  leave(usedTokens?: number): void;
}

/** The queue. */
export interface JobQueue {
  /** Refusal QUEUE_FULL, or undefined when such a job fits. */
  refusal(wish: JobWish): Refusal | undefined;
  /** Takes a place; the caller has asked `refusal` in the same turn. */
  enter(wish: JobWish): Place;
  gauges(): QueueGauges;
}

interface Waiter {
  isRunning: boolean;
  start: () => void;
}

export function createJobQueue(options: QueueOptions, nowMs: () => number): JobQueue {
  const { slots, slotsOf = () => slots } = options;
  const scheduler = createScheduler({
    ...{ jobsMax: options.waitingMax, tokensMax: options.waitingTokensMax, slotsOf },
    residentMax: options.residentModels,
    stayMs: options.residentMs,
    stayJobs: options.residentJobs,
  });
  const waiters = new Map<object, Waiter>();
  const startAll = (): void => {
    const now = nowMs();
    for (let job = scheduler.start(now); job; job = scheduler.start(now)) {
      const waiter = waiters.get(job);
      if (!waiter) throw new Error('a job starts that has no place');
      waiter.isRunning = true;
      waiter.start();
    }
  };
  return {
    refusal: (wish) => scheduler.refusal(wish, nowMs()),
    enter(wish) {
      const job = scheduler.enter(wish, nowMs());
      const waiter: Waiter = { isRunning: false, start: () => {} };
      waiters.set(job, waiter);
      startAll();
      let isHeard = false;
      return {
        ready: (signal) => readiness(waiter, signal),
        heard() {
          if (isHeard) return;
          isHeard = true;
          scheduler.heard(job, nowMs());
        },
        isRunning: () => waiter.isRunning,
        leave(usedTokens) {
          if (!waiters.delete(job)) return;
          scheduler.leave(job, nowMs(), usedTokens);
          startAll();
        },
      };
    },
    gauges() {
      const { running, waiting } = scheduler.load();
      return { running, waiting, slots };
    },
  };
}

function readiness(waiter: Waiter, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  if (waiter.isRunning) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    waiter.start = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
  });
}
