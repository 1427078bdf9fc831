/**
 * The jobs that this coordinator has in hand, and the way to all others.
 *
 * The database is the truth, and several coordinators may share it. In memory are only the jobs that were handed out
 * over connections of this process: what their providers may be working on, at most 64 each. A million that
 * wait cost nothing here. Every change is on disk before the promise of it ends, so whoever tells the outside
 * about it can do so at once.
 *
 * A coordinator that dies leaves jobs in hand. The next one that looks takes them back as lost with their
 * connection: at the start when the database can have no other process, else when the dead one's beats have
 * stood still for a lease. One that was only slow finds that its rows have another owner: it forgets them, and
 * nothing it still says about them as owner (lost, out of time) counts.
 */

import { dueAtMs, type JobEvent, type JobState } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { type Hex, jobStates, type Verdict } from '@aitbc/protocol';
import type { JobOutput, StoredJob } from '../store/job-rows.ts';
import type { Store } from '../store/store.ts';
import type { Enqueued, LeasedJob, NewJob } from '../store/work.ts';
import { createJobsInHand, type JobsInHand } from './jobs-in-hand.ts';
import { createCoordinatorWatch } from './watch-coordinators.ts';

/** What may come with an event. */
export interface ApplyOptions {
  readonly output?: JobOutput;
  /** The job as it was just read. */
  readonly known?: StoredJob;
  /** The event means nothing when this coordinator, or the one named here, does not have the job in hand. */
  readonly ifOwner?: string | true;
}

/** All jobs. */
export interface JobBook {
  /** Says that this coordinator is there; takes back what a dead one left. */
  load(): Promise<void>;
  /** Puts jobs into the queue, each once. */
  add(jobs: readonly NewJob[]): Promise<Enqueued[]>;
  get(jobId: Hex): Promise<StoredJob | undefined>;
  /** Several as the database has them; those that are not there are left out. */
  getAll(jobIds: readonly Hex[]): Promise<ReadonlyMap<Hex, StoredJob>>;
  /** Refusals: JOB_UNKNOWN and those of `transition`. */
  apply(jobId: Hex, event: JobEvent, options?: ApplyOptions): Promise<Verdict<StoredJob>>;
  /** Takes due jobs of a provider from the queue, oldest first. */
  lease(provider: string, limit: number): Promise<LeasedJob[]>;
  /** Ids of jobs that the provider has in hand over this coordinator. */
  heldBy(provider: string): ReadonlySet<Hex>;
  /** Queued jobs of a provider, not counted further than `limit`. */
  waitingOf(provider: string, limit: number): Promise<number>;
  /** Lets time pass for every job, and looks after the other coordinators. */
  tick(): Promise<void>;
  counts(): Promise<Record<JobState, number>>;
  /** Calls back after each change that this process made; returns what ends it. */
  onChange(listener: (stored: StoredJob) => void): () => void;
  /** Jobs that have not ended, at the last look. */
  readonly size: number;
}

/** Parts of the book. */
export interface JobBookDeps {
  readonly store: Pick<Store, 'jobs' | 'coordinators' | 'owner' | 'isAlone'>;
  readonly clock: Clock;
}

const rowsPerLook = 1_000;
const looksPerTick = 20; // what is left is done half a second later

/** A book with nothing in hand. */
export function createJobBook({ store, clock }: JobBookDeps): JobBook {
  const { jobs } = store;
  const state: BookState = {
    hand: createJobsInHand(store.owner),
    listeners: new Set(),
    isUnsure: false,
    active: 0,
  };
  const { hand, listeners } = state;
  const deps: LookDeps = { store, clock, state, apply: (...change) => apply(deps, ...change) };
  const watch = createCoordinatorWatch({
    store,
    clock,
    takeBack: (holder) => takeBack(deps, holder, () => true),
    readAgain: () => readAgain(deps),
  });
  return {
    apply: deps.apply,
    load: watch.beat,
    async add(fresh) {
      const added = await jobs.enqueue(fresh);
      const taken = added.filter(({ isNew }) => isNew);
      for (const { stored } of taken) note(state, stored);
      state.active += taken.length;
      return added;
    },
    get: async (jobId) => hand.get(jobId) ?? jobs.get(jobId),
    getAll: jobs.getAll,
    lease: (provider, limit) => lease(deps, provider, limit),
    heldBy: hand.of,
    waitingOf: jobs.waitingOf,
    async tick() {
      await tickInHand(deps);
      await tickQueued(deps);
      await watch.look();
      if (state.isUnsure) await takeBackUnknown(deps);
      state.active = activeOf(await jobs.counts());
    },
    async counts() {
      const counts = await jobs.counts();
      const rows = jobStates.map((name) => [name, counts.get(name) ?? 0]);
      return Object.fromEntries(rows) as Record<JobState, number>;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get size() {
      return state.active;
    },
  };
}

interface BookState {
  readonly hand: JobsInHand;
  readonly listeners: Set<(stored: StoredJob) => void>;
  /** The database may have given us jobs that we do not know of. */
  isUnsure: boolean;
  /** Jobs that have not ended, at the last look. */
  active: number;
}

interface LookDeps extends JobBookDeps {
  readonly state: BookState;
  readonly apply: JobBook['apply'];
}

function note({ hand, listeners }: BookState, stored: StoredJob): void {
  if (!hand.keep(stored)) return;
  for (const listener of listeners) listener(stored);
}

async function apply(
  { store, state }: LookDeps,
  ...[jobId, event, options = {}]: Parameters<JobBook['apply']>
): Promise<Verdict<StoredJob>> {
  const { output, ifOwner } = options;
  const verdict = await store.jobs.change({
    jobId,
    event,
    known: options.known ?? state.hand.get(jobId),
    ...(output && { output }),
    ...(ifOwner && { ifOwner: ifOwner === true ? store.owner : ifOwner }),
  });
  if (verdict.ok) note(state, verdict.value);
  else if (verdict.code === 'JOB_UNKNOWN') state.hand.drop(jobId);
  return verdict;
}

async function lease(
  { store, state }: LookDeps,
  provider: string,
  limit: number,
): Promise<LeasedJob[]> {
  try {
    const leased = await store.jobs.lease(provider, limit);
    for (const { stored } of leased) note(state, stored);
    return leased;
  } catch (error) {
    state.isUnsure = true;
    throw error;
  }
}

async function tickInHand({ clock, state, apply }: LookDeps): Promise<void> {
  const nowMs = clock.nowMs();
  const late = state.hand.all().filter(({ job }) => (dueAtMs(job) ?? nowMs + 1) <= nowMs);
  await Promise.all(late.map(({ job }) => apply(job.jobId, { type: 'tick' }, { ifOwner: true })));
}

async function tickQueued({ store, clock, apply }: LookDeps): Promise<void> {
  for (let look = 0; look < looksPerTick; look += 1) {
    const due = await store.jobs.overdue(clock.nowMs(), rowsPerLook);
    await Promise.all(due.map((known) => apply(known.job.jobId, { type: 'tick' }, { known })));
    if (due.length < rowsPerLook) return;
  }
}

/** Puts what a coordinator has in hand back into the queue. */
async function takeBack(
  { store, apply }: LookDeps,
  holder: string,
  isLost: (jobId: Hex) => boolean,
): Promise<void> {
  for (let found = rowsPerLook; found === rowsPerLook; ) {
    const rows = await store.jobs.inHandOf(holder, rowsPerLook);
    const lost = rows.filter(({ job }) => isLost(job.jobId));
    await Promise.all(
      lost.map((known) => {
        const { jobId, provider } = known.job;
        return apply(jobId, { type: 'lost', provider }, { known, ifOwner: holder });
      }),
    );
    // Rows that were left alone come again and again; none are left when nothing was lost.
    found = lost.length === 0 ? 0 : rows.length;
  }
}

async function takeBackUnknown(deps: LookDeps): Promise<void> {
  const { store, state } = deps;
  state.isUnsure = false;
  await takeBack(deps, store.owner, (jobId) => state.hand.get(jobId) === undefined);
}

async function readAgain({ store, state }: LookDeps): Promise<void> {
  for (const { job } of state.hand.all()) {
    const stored = await store.jobs.get(job.jobId);
    if (stored) note(state, stored);
    else state.hand.drop(job.jobId);
  }
}

const activeStates: readonly JobState[] = ['queued', 'dispatched', 'running'];

function activeOf(counts: ReadonlyMap<JobState, number>): number {
  return activeStates.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0);
}
