/** Runs a scheduler on a clock of its own, with an engine whose speed is known. */
import { createScheduler, type Scheduler, type SchedulerOptions } from '../scheduler.ts';
import type { JobWish } from '../waiting-job.ts';

/** A job that will come. */
export interface Arrival extends JobWish {
  readonly atMs: number;
  /** Tokens it will be answered with. */
  readonly usedTokens: number;
  /** It is cancelled so long after it came, if it still waits. */
  readonly cancelAfterMs?: number;
}

export interface EngineSpeed {
  readonly msPerPromptToken: number;
  readonly msPerToken: number;
  readonly loadMs?: number;
}

/** What became of a job. */
export interface Fate {
  readonly arrival: Arrival;
  readonly enteredAtMs: number;
  /** Undefined for one that was refused or cancelled. */
  startedAtMs?: number;
  firstAtMs?: number;
  endedAtMs?: number;
  isCancelled?: boolean;
  readonly retryAfterMs?: number;
  readonly retryAfterSeconds?: number;
  /** What the scheduler expected when it came. */
  readonly expectedFirstMs: number;
}

/** Most of what was seen at one moment. */
export interface Peaks {
  running: number;
  waiting: number;
  waitingTokens: number;
}

export interface Played {
  readonly fates: readonly Fate[];
  readonly peaks: Peaks;
  /** Models in the order in which they were loaded. */
  readonly loads: readonly { readonly model: string; readonly atMs: number }[];
  /** Moments at which nothing ran although somebody waited. */
  readonly idleWithWork: number;
}

/** Tells what is refused at a moment, with nothing changed. */
export interface Looking {
  readonly scheduler: Scheduler;
  readonly nowMs: number;
}

export interface Play {
  readonly options: SchedulerOptions;
  readonly speed: EngineSpeed;
  readonly arrivals: readonly Arrival[];
  /** Called after each event, and at these times. */
  readonly look?: (looking: Looking) => void;
  readonly lookAtMs?: readonly number[];
}

type Job = ReturnType<Scheduler['enter']>;

/** Plays arrivals to the end of the last job. */
export function play({ options, speed, arrivals, look, lookAtMs = [] }: Play): Played {
  const scheduler = createScheduler(options);
  const events = createAgenda();
  const fates: Fate[] = [];
  const fateOf = new Map<Job, Fate>();
  const loads: { model: string; atMs: number }[] = [];
  const held = new Map<string, number>();
  const peaks: Peaks = { running: 0, waiting: 0, waitingTokens: 0 };
  let idleWithWork = 0;
  const start = (job: Job, nowMs: number): void => {
    const fate = fateOf.get(job);
    if (!fate) throw new Error('a job started that never came');
    const isHeld = options.residentMax === 0 || held.has(job.model);
    if (!isHeld) {
      loads.push({ model: job.model, atMs: nowMs });
      if (held.size >= options.residentMax) evict(held, nowMs);
    }
    held.set(job.model, (held.get(job.model) ?? 0) + 1);
    const { promptTokens, usedTokens } = fate.arrival;
    const firstMs = (isHeld ? 0 : (speed.loadMs ?? 0)) + promptTokens * speed.msPerPromptToken;
    fate.startedAtMs = nowMs;
    fate.firstAtMs = nowMs + firstMs;
    fate.endedAtMs = nowMs + firstMs + usedTokens * speed.msPerToken;
    events.add(fate.firstAtMs, (atMs) => scheduler.heard(job, atMs));
    events.add(fate.endedAtMs, (atMs) => {
      held.set(job.model, (held.get(job.model) ?? 0) - 1);
      scheduler.leave(job, atMs, usedTokens);
      startAll(atMs);
    });
  };
  const startAll = (nowMs: number): void => {
    for (let job = scheduler.start(nowMs); job; job = scheduler.start(nowMs)) start(job, nowMs);
    const { running, waiting, waitingTokens } = scheduler.load();
    peaks.running = Math.max(peaks.running, running);
    peaks.waiting = Math.max(peaks.waiting, waiting);
    peaks.waitingTokens = Math.max(peaks.waitingTokens, waitingTokens);
    if (running === 0 && waiting > 0) idleWithWork += 1;
    look?.({ scheduler, nowMs });
  };
  const come = (arrival: Arrival, nowMs: number): void => {
    const refusal = scheduler.refusal(arrival, nowMs);
    const expectedFirstMs = scheduler.expectedFirstMs(arrival, nowMs);
    const fate: Fate = { arrival, enteredAtMs: nowMs, expectedFirstMs, ...refusal?.facts };
    fates.push(fate);
    if (refusal) return;
    const job = scheduler.enter(arrival, nowMs);
    fateOf.set(job, fate);
    const { cancelAfterMs } = arrival;
    if (cancelAfterMs !== undefined) {
      events.add(nowMs + cancelAfterMs, (atMs) => {
        if (fate.startedAtMs !== undefined) return;
        fate.isCancelled = true;
        scheduler.leave(job, atMs);
        startAll(atMs);
      });
    }
    startAll(nowMs);
  };
  for (const arrival of arrivals) events.add(arrival.atMs, (atMs) => come(arrival, atMs));
  for (const atMs of lookAtMs) events.add(atMs, (nowMs) => look?.({ scheduler, nowMs }));
  events.run();
  return { fates, peaks, loads, idleWithWork };
}

/** An idle model makes room. */
function evict(held: Map<string, number>, nowMs: number): void {
  const idle = [...held].find(([, running]) => running === 0);
  if (!idle) throw new Error(`a model was loaded at ${nowMs} beside those that work`);
  held.delete(idle[0]);
}

/** Things to do in the order of their times; those of one time in the order in which they were added. */
function createAgenda() {
  type Entry = { readonly atMs: number; readonly act: (atMs: number) => void };
  const entries: Entry[] = [];
  return {
    add(atMs: number, act: Entry['act']): void {
      let index = entries.length;
      while (index > 0 && (entries[index - 1]?.atMs ?? 0) > atMs) index -= 1;
      entries.splice(index, 0, { atMs, act });
    },
    run(): void {
      for (let entry = entries.shift(); entry; entry = entries.shift()) entry.act(entry.atMs);
    },
  };
}
