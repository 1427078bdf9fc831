/**
 * The scheduler of one provider: who may wait, who is next, and how long it will take.
 *
 *   AT THE DOOR ─room→ WAITING ─slot, and its turn→ RUNNING ─ends→ gone
 *   AT THE DOOR ─no room→ refused QUEUE_FULL with the time when there will be     WAITING ─cancelled→ gone, its place is free
 *
 * The engine never gets more than its slots: what waits inside an engine cannot be ordered, bounded or taken back.
 *
 * The order is fair between payers (fair-order.ts) as long as everybody is in time. Once the forecast says that
 * somebody would get its first token late, those who are due first go first; that is the order in which they came, so
 * all of them are in time whenever the room let them in rightly. Who cannot be in time any more does not go before those
 * who can.
 *
 * A job never waits while a slot for it is free, and then it is never refused: one wrong measurement must not close a provider
 * whose engine is idle.
 *
 * Limits: an offer's promise is kept on expectation. Jobs with a shorter promise than others (an offer of
 * earlier settings) may delay those. Time comes in as an argument.
 */
import { type Refusal, refuse } from '@aitbc/protocol';
import { createEngineRates, type EngineRates } from './engine-rates.ts';
import { createFairOrder } from './fair-order.ts';
import { type Outlook, type RunningJob, startsOf } from './forecast.ts';
import { createResidency, type Residency, type ResidencyOptions } from './residency.ts';
import { type JobWish, safetyShare, type WaitingJob, waitingJob } from './waiting-job.ts';
import { type RoomOptions, timeToRoom } from './waiting-room.ts';

const retryAfterSecondsMax = 60;

export interface SchedulerOptions
  extends RoomOptions,
    Pick<ResidencyOptions, 'residentMax' | 'stayMs' | 'stayJobs' | 'slotsOf'> {}

/** A job in the hands of the scheduler. */
export type ScheduledJob = WaitingJob;

/** Load of a scheduler. */
export interface SchedulerLoad {
  readonly running: number;
  readonly waiting: number;
  /** Output tokens promised to those who wait. */
  readonly waitingTokens: number;
}

/** The scheduler. */
export interface Scheduler {
  /** QUEUE_FULL with `retryAfterMs` and `retryAfterSeconds`, or undefined when there is room for the job. */
  refusal(wish: JobWish, nowMs: number): Refusal | undefined;
  /** Takes a job in; the caller has asked `refusal` in the same turn. */
  enter(wish: JobWish, nowMs: number): ScheduledJob;
  /** A job that starts now, or undefined; to be asked until there is none, after each `enter` and `leave`. */
  start(nowMs: number): ScheduledJob | undefined;
  /** A running job gave its first token. */
  heard(job: ScheduledJob, nowMs: number): void;
  /** A job ends, or gives its place up. `usedTokens` is undefined where nothing is to be learnt from it. */
  leave(job: ScheduledJob, nowMs: number, usedTokens?: number): void;
  /** Expected time from now to the first token of a job at the door, ms. */
  expectedFirstMs(wish: JobWish, nowMs: number): number;
  load(): SchedulerLoad;
}

interface Running extends RunningJob {
  readonly isCold: boolean;
  firstMs: number | undefined;
}

interface State {
  readonly options: SchedulerOptions;
  readonly rates: EngineRates;
  readonly residency: Residency;
  /** In the order in which they are due. */
  readonly waiting: WaitingJob[];
  readonly running: Map<WaitingJob, Running>;
  readonly order: ReturnType<typeof createFairOrder>;
}

/** A scheduler with nothing to do. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const rates = createEngineRates();
  const residency = createResidency({ ...options, loadMs: rates.loadMs });
  const state: State = {
    ...{ options, rates, residency, waiting: [], running: new Map(), order: createFairOrder() },
  };
  const { waiting, running, order } = state;
  return {
    refusal(wish, nowMs) {
      const waitMs = timeToWait(state, waitingJob(wish, nowMs), nowMs);
      if (waitMs === undefined) return undefined;
      const seconds = Math.min(Math.max(Math.ceil(waitMs / 1_000), 1), retryAfterSecondsMax);
      return refuse('QUEUE_FULL', {
        slots: options.slotsOf(wish.model),
        waiting: waiting.length,
        retryAfterSeconds: seconds,
        retryAfterMs: Math.round(Math.min(waitMs, retryAfterSecondsMax * 1_000)),
      });
    },
    enter(wish, nowMs) {
      const job = waitingJob(wish, nowMs);
      insertByDue(waiting, job);
      order.add(job);
      return job;
    },
    start: (nowMs) => startNext(state, nowMs),
    heard(job, nowMs) {
      const run = running.get(job);
      if (run) run.firstMs ??= nowMs - run.startedAtMs;
    },
    leave: (job, nowMs, usedTokens) => leave(state, { job, nowMs, usedTokens }),
    expectedFirstMs(wish, nowMs) {
      const job = waitingJob(wish, nowMs);
      if (hasFreeSlot(state, job, nowMs)) return loadMsOf(state, job.model) + rates.firstMs(job);
      return (startsOf(outlookFor(state, job, nowMs)).at(-1) ?? 0) + rates.firstMs(job);
    },
    load: () => ({
      running: running.size,
      waiting: waiting.length,
      waitingTokens: waiting.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
    }),
  };
}

function insertByDue(waiting: WaitingJob[], job: WaitingJob): void {
  let index = waiting.length;
  while (index > 0 && (waiting[index - 1]?.dueAtMs ?? 0) > job.dueAtMs) index -= 1;
  waiting.splice(index, 0, job);
}

/** Undefined when the job may come in; otherwise the time until it may, ms. */
function timeToWait(state: State, job: WaitingJob, nowMs: number): number | undefined {
  if (hasFreeSlot(state, job, nowMs)) return undefined;
  const { rates, options } = state;
  const outlook = outlookFor(state, job, nowMs);
  const door = {
    job,
    waiting: outlook.waiting,
    starts: startsOf(outlook),
    firstMs: rates.firstMs(job),
    shareMs: (other: WaitingJob) => rates.slotMs(other) / options.slotsOf(other.model),
  };
  return timeToRoom(door, boundsFor(state, outlook.waiting));
}

/** The bounds less what waits for other models: those have other slots, but take from the same room. */
function boundsFor({ options, waiting }: State, seen: readonly WaitingJob[]): RoomOptions {
  const { jobsMax, tokensMax } = options;
  if (seen.length === waiting.length) return { jobsMax, tokensMax };
  const tokens = (jobs: readonly WaitingJob[]) =>
    jobs.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
  return {
    jobsMax: jobsMax - (waiting.length - seen.length),
    tokensMax: tokensMax - (tokens(waiting) - tokens(seen)),
  };
}

/** True when a job would start at once. */
function hasFreeSlot({ residency, waiting }: State, job: WaitingJob, nowMs: number): boolean {
  const isFirst = waiting.every(({ model }) => model !== job.model);
  return isFirst && residency.gate([...waiting, job], nowMs)(job);
}

/** What competes with a job: everything where models take turns, else its model only. */
function outlookFor(state: State, { model }: WaitingJob, nowMs: number): Outlook {
  const { options, rates, residency } = state;
  const competes = (other: { readonly model: string }) =>
    options.residentMax > 0 || other.model === model;
  return {
    nowMs,
    running: [...state.running.values()].filter(competes),
    waiting: state.waiting.filter(competes),
    slots: options.slotsOf(model),
    slotMs: rates.slotMs,
    loadMs: (name) => (residency.has(name) ? 0 : rates.loadMs(name)),
  };
}

function loadMsOf({ residency, rates }: State, model: string): number {
  return residency.has(model) ? 0 : rates.loadMs(model);
}

function startNext(state: State, nowMs: number): WaitingJob | undefined {
  const { residency, waiting, order, rates, running } = state;
  if (waiting.length === 0) return undefined;
  const mayStart = residency.gate(waiting, nowMs);
  const fair = order.next(mayStart);
  if (!fair) return undefined;
  const job = wouldBeLate(state, fair, nowMs) ? (firstDue(state, mayStart, nowMs) ?? fair) : fair;
  order.start(job, mayStart);
  const isCold = residency.start(job, waiting, nowMs);
  waiting.splice(waiting.indexOf(job), 1);
  const { model } = job;
  const slotMs = rates.slotMs(job) + (isCold ? rates.loadMs(model) : 0);
  running.set(job, { model, startedAtMs: nowMs, slotMs, isCold, firstMs: undefined });
  return job;
}

/** The job that is due first among those that can still be in time. */
function firstDue(
  { waiting, rates }: State,
  mayStart: (job: WaitingJob) => boolean,
  nowMs: number,
): WaitingJob | undefined {
  return waiting.find((job) => mayStart(job) && nowMs + rates.firstMs(job) <= job.dueAtMs);
}

/** True when somebody is in time only if `fair` does not go before those who are due earlier. */
function wouldBeLate(state: State, fair: WaitingJob, nowMs: number): boolean {
  const { rates } = state;
  const outlook = outlookFor(state, fair, nowMs);
  const { waiting } = outlook;
  const place = waiting.indexOf(fair);
  if (place === 0) return false;
  const others = waiting.filter((job) => job !== fair);
  const starts = startsOf(outlook);
  const after = startsOf({ ...outlook, waiting: [fair, ...others] });
  return others.some((job, index) => {
    const spareMs = job.dueAtMs - nowMs - rates.firstMs(job) - job.firstTokenMs * safetyShare;
    const startMs = starts[index < place ? index : index + 1] ?? 0;
    return startMs <= spareMs && (after[index + 1] ?? 0) > spareMs;
  });
}

interface Leaving {
  readonly job: WaitingJob;
  readonly nowMs: number;
  readonly usedTokens: number | undefined;
}

function leave(state: State, { job, nowMs, usedTokens }: Leaving): void {
  const { waiting, running, order, residency, rates } = state;
  const run = running.get(job);
  if (!run) {
    const index = waiting.indexOf(job);
    if (index < 0) return;
    waiting.splice(index, 1);
    order.remove(job);
    return;
  }
  running.delete(job);
  residency.end(job.model);
  order.giveBack(job.payer, Math.max(job.outputTokens - (usedTokens ?? 0), 0));
  if (usedTokens === undefined) return;
  const { firstMs, isCold, startedAtMs } = run;
  rates.add({ usedTokens, firstMs, isCold, slotMs: nowMs - startedAtMs, ...job });
}
