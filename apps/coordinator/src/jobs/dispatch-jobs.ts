/**
 * Hands queued jobs to their providers over the providers' own connections.
 *
 * A dispatch is on disk before its frame leaves: a coordinator that dies in between leaves the job
 * dispatched; it goes out once more, and the provider, which knows jobs by their id, joins the two.
 * A provider gets at most twice as many jobs as it has slots, so that it never waits for us and never
 * holds more than it can do soon; and none while its connection is slow to take what was sent.
 *
 * The queue is asked only for providers that may have work: those with a new job, with a new connection, and
 * those that the round finds with jobs whose wait is over.
 */

import type { Clock } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Session, Sessions } from '../providers/sessions.ts';
import type { JobStore } from '../store/job-store.ts';
import type { LeasedJob } from '../store/work.ts';
import type { JobBook } from './job-book.ts';

/** Parts of the dispatcher. */
export interface DispatcherDeps {
  readonly book: JobBook;
  readonly jobs: Pick<JobStore, 'providersWithWork'>;
  readonly clock: Clock;
  readonly log: Log;
  sessions(): Sessions;
}

/** Moves jobs to providers. */
export interface Dispatcher {
  /** There may be work for the provider: hands out what is due and fits. */
  offerWork(provider: string): void;
  /** The provider has room again. */
  pump(provider: string): void;
  /** Finds all providers with due jobs and hands out; ends when the frames are on their way. */
  pumpAll(): Promise<void>;
  /** Takes back what the provider of an ended session had in hand. */
  takeBack(session: Session): void;
}

const jobsPerSlot = 2;
const jobsPerProviderMax = 64;
const backlogBytesMax = 262_144; // a quarter of what closes a slow connection
const providersPerRound = 10_000;

/** A dispatcher. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { book, clock, log } = deps;
  const mayHaveWork = new Set<string>();
  const leasing = new Set<string>();

  const report = (error: unknown): void => {
    if (error instanceof AppError && error.code === 'CANCELLED') return;
    log.error({ err: error }, 'jobs were not handed out');
  };
  const pump = async (provider: string): Promise<void> => {
    const session = deps.sessions().get(provider);
    if (!session) mayHaveWork.delete(provider);
    if (!session || leasing.has(provider) || !mayHaveWork.has(provider)) return;
    const room = roomOf(session) - book.heldBy(provider).size;
    if (room <= 0) return;
    leasing.add(provider);
    mayHaveWork.delete(provider);
    try {
      const leased = await book.lease(provider, room);
      if (leased.length === room) mayHaveWork.add(provider);
      for (const job of leased) send(session, job);
    } catch (error) {
      mayHaveWork.add(provider);
      throw error;
    } finally {
      leasing.delete(provider);
    }
    // There may have been answers and new jobs while the queue was asked.
    return pump(provider);
  };
  const send = (session: Session, { stored: { job, offerId }, papers }: LeasedJob): void => {
    const { jobId, provider, deadlineMs } = job;
    const isCurrent = deps.sessions().get(provider) === session;
    const isOurs = clock.nowMs() < (job.leaseUntilMs ?? 0);
    const frame = { type: 'job', jobId, offerId, ...papers, deadlineMs } as const;
    if (isCurrent && isOurs && session.line.send(frame)) return;
    giveBack(provider, jobId);
  };
  const giveBack = (provider: string, jobId: string): void => {
    book.apply(jobId, { type: 'lost', provider }, { ifOwner: true }).catch(report);
  };

  return {
    offerWork(provider) {
      mayHaveWork.add(provider);
      pump(provider).catch(report);
    },
    pump: (provider) => void pump(provider).catch(report),
    async pumpAll() {
      const found = await deps.jobs.providersWithWork(clock.nowMs(), providersPerRound);
      for (const provider of found) mayHaveWork.add(provider);
      await Promise.all([...mayHaveWork].map((provider) => pump(provider).catch(report)));
    },
    takeBack({ provider }) {
      for (const jobId of [...book.heldBy(provider)]) giveBack(provider, jobId);
    },
  };
}

function roomOf({ gauges, line }: Session): number {
  if (line.backlogBytes > backlogBytesMax) return 0;
  return Math.min(jobsPerProviderMax, Math.max(1, gauges.slots) * jobsPerSlot);
}
