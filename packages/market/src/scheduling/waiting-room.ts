/**
 * Who may wait.
 *
 * The room is bounded three times: by jobs, by output tokens promised to them, and by time: the first token of
 * the last one must be expected before it is due. Of each bound a payer may take as much as it leaves
 * free: alone it gets a half, two get a third each, and one more share is always left for the next to come. (Dynamic
 * thresholds, as switches bound their queues.) So a payer that floods the provider is refused while all others still get in, and
 * nobody has to be thrown out again.
 *
 * A refusal says when there will be room for just this job, if nobody else comes: the room is emptied in thought, job by
 * job (forecast.ts), until it fits.
 *
 * Limits: who comes at the time that was said may find that another came first. Checking looks at every job
 * that waits; the number of jobs bounds it.
 */
import { safetyShare, type WaitingJob } from './waiting-job.ts';

export interface RoomOptions {
  readonly jobsMax: number;
  /** Output tokens promised to all who wait. */
  readonly tokensMax: number;
}

/** A job at the door, and all that is known of those inside. */
export interface AtTheDoor {
  readonly job: WaitingJob;
  /** In the order in which they are due. */
  readonly waiting: readonly WaitingJob[];
  /** Expected starts of those who wait, then of the job itself, as times from now. */
  readonly starts: readonly number[];
  readonly firstMs: number;
  /** Expected time of a waiting job in its slot, divided by the slots it shares. */
  readonly shareMs: (job: WaitingJob) => number;
}

interface Taken {
  jobs: number;
  tokens: number;
  ownJobs: number;
  ownTokens: number;
  ownMs: number;
}

/** Undefined when there is room; otherwise the time until there is, ms. */
export function timeToRoom(door: AtTheDoor, options: RoomOptions): number | undefined {
  const { waiting, starts } = door;
  const taken = takenBy(door);
  if (roomAt(door, taken, options) <= 0) return undefined;
  for (let left = 0; left <= waiting.length; left += 1) {
    const wantedMs = roomAt(door, taken, options);
    const untilMs = left < waiting.length ? (starts[left] ?? 0) : Number.POSITIVE_INFINITY;
    if (wantedMs < untilMs) return Math.max(wantedMs, starts[left - 1] ?? 0);
    const gone = waiting[left];
    if (gone) takeOff(taken, gone, door);
  }
  return starts.at(-1) ?? 0;
}

/** From when on the job fits while so much is taken, as time from now; infinite when it must wait for others to go. */
function roomAt(
  { job, starts, firstMs }: AtTheDoor,
  { jobs, tokens, ownJobs, ownTokens, ownMs }: Taken,
  { jobsMax, tokensMax }: RoomOptions,
): number {
  const hasPlace = ownJobs + 1 <= jobsMax - jobs;
  const hasTokens = ownTokens + job.outputTokens <= tokensMax - tokens;
  if (!hasPlace || !hasTokens) return Number.POSITIVE_INFINITY;
  return (starts.at(-1) ?? 0) + ownMs + firstMs - job.firstTokenMs * (1 - safetyShare);
}

function takenBy({ job, waiting, shareMs }: AtTheDoor): Taken {
  const own = waiting.filter(({ payer }) => payer === job.payer);
  return {
    jobs: waiting.length,
    tokens: sum(waiting, ({ outputTokens }) => outputTokens),
    ownJobs: own.length,
    ownTokens: sum(own, ({ outputTokens }) => outputTokens),
    ownMs: sum(own, shareMs),
  };
}

function takeOff(taken: Taken, gone: WaitingJob, { job, shareMs }: AtTheDoor): void {
  taken.jobs -= 1;
  taken.tokens -= gone.outputTokens;
  if (gone.payer !== job.payer) return;
  taken.ownJobs -= 1;
  taken.ownTokens -= gone.outputTokens;
  taken.ownMs -= shareMs(gone);
}

function sum(jobs: readonly WaitingJob[], of: (job: WaitingJob) => number): number {
  return jobs.reduce((total, job) => total + of(job), 0);
}
