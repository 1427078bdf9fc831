/**
 * When a job would start, and when there would be room for one that there is no room for.
 *
 * The forecast runs what is known through the slots, in the order in which jobs are due: each takes the slot that is
 * free first, for the time that is usual for its size (engine-rates.ts), and once more the time to load its
 * model where that is not held. The real order favours others now and then, but never more of them at once.
 *
 * Limits: an expectation, not a bound: jobs end earlier or later than their kind. Where models share
 * one engine by turns, the forecast does not group them as the engine will.
 */
import type { WaitingJob } from './waiting-job.ts';

/** A job that holds a slot. */
export interface RunningJob {
  readonly model: string;
  readonly startedAtMs: number;
  /** How long it was expected to hold its slot. */
  readonly slotMs: number;
}

/** What a forecast looks at. */
export interface Outlook {
  readonly nowMs: number;
  readonly running: Iterable<RunningJob>;
  /** In the order in which they are due. */
  readonly waiting: readonly WaitingJob[];
  readonly slots: number;
  readonly slotMs: (job: WaitingJob) => number;
  /** Time to load the model first; 0 for one that the engine holds. */
  readonly loadMs: (model: string) => number;
}

/** A running job that takes longer than expected is thought to need this share of its expectation still. */
const overdueShare = 0.25;

/** Starts of the waiting jobs, in their order, as times from now; then the start of one more. */
export function startsOf(outlook: Outlook): number[] {
  const { waiting, slotMs, loadMs } = outlook;
  const free = slotTimes(outlook);
  const loaded = new Set<string>();
  const starts = waiting.map((job) => {
    const slot = indexOfLeast(free);
    const startMs = free[slot] ?? 0;
    const load = loaded.has(job.model) ? 0 : loadMs(job.model);
    loaded.add(job.model);
    free[slot] = startMs + load + slotMs(job);
    return startMs + load;
  });
  return [...starts, free[indexOfLeast(free)] ?? 0];
}

/** When each slot is free, from now. */
function slotTimes({ running, slots, nowMs }: Outlook): number[] {
  const free = [...running].map(({ startedAtMs, slotMs }) =>
    Math.max(startedAtMs + slotMs - nowMs, slotMs * overdueShare),
  );
  while (free.length < slots) free.push(0);
  return free;
}

function indexOfLeast(values: readonly number[]): number {
  let least = 0;
  for (let index = 1; index < values.length; index += 1) {
    if ((values[index] ?? 0) < (values[least] ?? 0)) least = index;
  }
  return least;
}
