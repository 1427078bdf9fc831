/**
 * The queue in front of the engine: so many jobs run, so many may wait, bounded in number and in output
 * tokens promised to them. Room is asked before anything about a payment changes; the place is taken in
 * the same turn, so it cannot be lost in between. First come, first served.
 */
import { type Refusal, refuse } from '@aitbc/protocol';

const retryAfterSecondsMax = 60;
/** Weight of the newest job in the mean time of a job. */
const meanWeight = 0.2;
const meanMsFirst = 2_000;

export interface QueueOptions {
  readonly slots: number;
  readonly waitingMax: number;
  readonly waitingTokensMax: number;
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
  /** Gives slot or place back. */
  leave(): void;
}

/** The queue. */
export interface JobQueue {
  /** Refusal QUEUE_FULL, or undefined when a job with so many output tokens fits. */
  refusal(tokens: number): Refusal | undefined;
  /** Takes a place; the caller has asked `refusal` in the same turn. */
  enter(tokens: number): Place;
  gauges(): QueueGauges;
}

interface Waiter {
  readonly tokens: number;
  start: () => void;
  isRunning: boolean;
}

export function createJobQueue(options: QueueOptions, nowMs: () => number): JobQueue {
  const { slots, waitingMax, waitingTokensMax } = options;
  const waiting: Waiter[] = [];
  let running = 0;
  let waitingTokens = 0;
  let meanMs = meanMsFirst;

  const admit = (waiter: Waiter): void => {
    running += 1;
    waiter.isRunning = true;
    waiter.start();
  };
  const next = (): void => {
    const waiter = running < slots ? waiting.shift() : undefined;
    if (!waiter) return;
    waitingTokens -= waiter.tokens;
    admit(waiter);
  };
  return {
    refusal(tokens) {
      if (running < slots) return undefined;
      const isFull = waiting.length >= waitingMax || waitingTokens + tokens > waitingTokensMax;
      if (!isFull) return undefined;
      const seconds = Math.ceil((meanMs * (waiting.length + 1)) / slots / 1_000);
      const retryAfterSeconds = Math.min(Math.max(seconds, 1), retryAfterSecondsMax);
      return refuse('QUEUE_FULL', { slots, waiting: waiting.length, retryAfterSeconds });
    },
    enter(tokens) {
      const waiter: Waiter = { tokens, start: () => {}, isRunning: false };
      const startedAtMs = nowMs();
      if (running < slots) admit(waiter);
      else {
        waiting.push(waiter);
        waitingTokens += tokens;
      }
      let hasLeft = false;
      return {
        ready: (signal) => readiness(waiter, signal),
        leave() {
          if (hasLeft) return;
          hasLeft = true;
          if (waiter.isRunning) {
            running -= 1;
            meanMs += (nowMs() - startedAtMs - meanMs) * meanWeight;
          } else {
            waiting.splice(waiting.indexOf(waiter), 1);
            waitingTokens -= tokens;
          }
          next();
        },
      };
    },
    gauges: () => ({ running, waiting: waiting.length, slots }),
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
