/**
 * The jobs that have not ended, in memory, with every change on disk.
 *
 * A change takes effect in memory at once, so that no two events can race, and goes to disk with the next
 * group commit. Whoever tells the outside about a change (an answer, a frame) first awaits `stored`. So
 * after a crash the disk is never behind of what anybody was told.
 *
 * Bodies and payments stay on disk; a waiting job costs about half a kilobyte here.
 */

import { type Job, type JobEvent, type JobState, terminalStates, transition } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { accept, type Hex, jobStates, refuse, type Verdict } from '@aitbc/protocol';
import type { JobOutput, JobPapers, JobRecord, JobRows } from '../store/job-rows.ts';

/** A change that memory has and the disk will have. */
export interface Change {
  readonly record: JobRecord;
  readonly stored: Promise<void>;
}

/** All jobs. */
export interface JobBook {
  /** Takes over what the last process left. Jobs that were handed out count as lost with their connection. */
  load(): void;
  add(record: JobRecord, papers: JobPapers): Change;
  /** From memory, else from disk. */
  get(jobId: Hex): JobRecord | undefined;
  /** The newest change of a job that has not ended. */
  pending(jobId: Hex): Change | undefined;
  /** Refusals: JOB_UNKNOWN and those of `transition`. */
  apply(jobId: Hex, event: JobEvent, output?: JobOutput): Verdict<Change>;
  /** Queued jobs of a provider, oldest first. */
  queuedOf(provider: string): Iterable<JobRecord>;
  /** Ids of jobs that the provider has in hand. */
  heldBy(provider: string): ReadonlySet<Hex>;
  waitingOf(provider: string): number;
  /** Lets time pass for every job. */
  tick(): void;
  /** Corrects the counts after old jobs were deleted. */
  forget(counts: ReadonlyMap<JobState, number>): void;
  counts(): Record<JobState, number>;
  /** Jobs that have not ended. */
  readonly size: number;
}

interface Lane {
  readonly queued: Set<Hex>;
  readonly held: Set<Hex>;
}

const noJobs: ReadonlySet<Hex> = new Set<Hex>();

/** An empty book over the stored jobs. */
export function createJobBook({ rows, clock }: { rows: JobRows; clock: Clock }): JobBook {
  const active = new Map<Hex, Change>();
  const lanes = new Map<string, Lane>();
  const counts = new Map<JobState, number>();

  const count = (state: JobState, by: number): void => {
    counts.set(state, (counts.get(state) ?? 0) + by);
  };

  /** Makes a change the newest of its job; forgets an ended job once the disk has it. */
  const keep = (change: Change): Change => {
    const { job } = change.record;
    active.set(job.jobId, change);
    file(lanes, job);
    if (terminalStates.has(job.state)) {
      const drop = (): void => void active.delete(job.jobId);
      // A failed write ends the process (store/commit-groups.ts); nothing is left to do here.
      change.stored.then(drop, drop);
    }
    return change;
  };

  const apply: JobBook['apply'] = (jobId, event, output) => {
    const record = active.get(jobId)?.record ?? rows.get(jobId);
    if (!record) return refuse('JOB_UNKNOWN', { jobId });
    const next = transition(record.job, event, clock.nowMs());
    if (!next.ok) return next;
    const before = active.get(jobId);
    if (next.value === record.job) return accept(before ?? { record, stored: Promise.resolve() });
    count(record.job.state, -1);
    count(next.value.state, 1);
    const changed = { ...record, job: next.value };
    return accept(keep({ record: changed, stored: rows.update(next.value, output) }));
  };

  return {
    apply,
    load() {
      for (const [state, found] of rows.countByState()) count(state, found);
      for (const record of rows.active()) {
        keep({ record, stored: Promise.resolve() });
        const { jobId, provider, state } = record.job;
        if (state !== 'queued') apply(jobId, { type: 'lost', provider });
      }
    },
    add(record, papers) {
      count(record.job.state, 1);
      return keep({ record, stored: rows.insert(record, papers) });
    },
    get: (jobId) => active.get(jobId)?.record ?? rows.get(jobId),
    pending: (jobId) => active.get(jobId),
    *queuedOf(provider) {
      for (const jobId of lanes.get(provider)?.queued ?? noJobs) {
        const change = active.get(jobId);
        if (change) yield change.record;
      }
    },
    heldBy: (provider) => lanes.get(provider)?.held ?? noJobs,
    waitingOf: (provider) => lanes.get(provider)?.queued.size ?? 0,
    tick() {
      for (const jobId of [...active.keys()]) apply(jobId, { type: 'tick' });
    },
    forget(deleted) {
      for (const [state, found] of deleted) count(state, -found);
    },
    counts: () =>
      Object.fromEntries(jobStates.map((state) => [state, counts.get(state) ?? 0])) as Record<
        JobState,
        number
      >,
    get size() {
      return active.size;
    },
  };
}

/** Puts a job into the set of its provider that fits its state. */
function file(lanes: Map<string, Lane>, { jobId, provider, state }: Job): void {
  const lane = lanes.get(provider) ?? { queued: new Set<Hex>(), held: new Set<Hex>() };
  lanes.set(provider, lane);
  lane.queued.delete(jobId);
  lane.held.delete(jobId);
  if (state === 'queued') lane.queued.add(jobId);
  else if (!terminalStates.has(state)) lane.held.add(jobId);
  if (lane.queued.size + lane.held.size === 0) lanes.delete(provider);
}
