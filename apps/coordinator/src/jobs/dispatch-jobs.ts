/**
 * Hands queued jobs to their providers over the providers' own connections.
 *
 * A dispatch is on disk before its frame leaves: a coordinator that dies in between finds the job
 * dispatched and hands it out once more, and the provider, which knows jobs by their id, joins the two.
 * A provider gets at most twice as many jobs as it has slots, so that it never waits for us and never
 * holds more than it can do soon; and none while its connection is slow to take what was sent.
 */

import { isDue } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import type { Log } from '@aitbc/service';
import type { Session, Sessions } from '../providers/sessions.ts';
import type { JobRecord, JobRows } from '../store/job-rows.ts';
import type { Change, JobBook } from './job-book.ts';

/** Parts of the dispatcher. */
export interface DispatcherDeps {
  readonly book: JobBook;
  readonly rows: JobRows;
  readonly clock: Clock;
  readonly log: Log;
  sessions(): Sessions;
}

/** Moves jobs to providers. */
export interface Dispatcher {
  /** Hands out what is due and fits to one provider. */
  pump(provider: string): void;
  /** The same for all providers. */
  pumpAll(): void;
  /** Takes back what the provider of an ended session had in hand. */
  takeBack(session: Session): void;
}

const jobsPerSlot = 2;
const jobsPerProviderMax = 64;
const backlogBytesMax = 262_144; // a quarter of what closes a slow connection

/** A dispatcher. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { book, clock, log } = deps;

  const pump = (provider: string): void => {
    const session = deps.sessions().get(provider);
    if (!session) return;
    const nowMs = clock.nowMs();
    const room = roomOf(session) - book.heldBy(provider).size;
    for (const { job } of [...dueJobs(book, provider, { nowMs, room })]) {
      const { jobId } = job;
      const dispatched = book.apply(jobId, { type: 'dispatch', provider });
      if (!dispatched.ok) continue;
      send(deps, session, dispatched.value).catch((error: unknown) => {
        log.error({ err: error, jobId }, 'dispatch failed');
      });
    }
  };

  return {
    pump,
    pumpAll() {
      for (const { provider } of deps.sessions().all()) pump(provider);
    },
    takeBack({ provider }) {
      for (const jobId of [...book.heldBy(provider)]) book.apply(jobId, { type: 'lost', provider });
    },
  };
}

function roomOf({ gauges, line }: Session): number {
  if (line.backlogBytes > backlogBytesMax) return 0;
  return Math.min(jobsPerProviderMax, Math.max(1, gauges.slots) * jobsPerSlot);
}

function* dueJobs(
  book: JobBook,
  provider: string,
  { nowMs, room }: { nowMs: number; room: number },
): Generator<JobRecord> {
  let left = room;
  if (left <= 0) return;
  for (const record of book.queuedOf(provider)) {
    if (!isDue(record.job, nowMs)) continue;
    yield record;
    left -= 1;
    if (left <= 0) return;
  }
}

/** Sends the frame of a dispatched job once the disk knows of it. */
async function send(
  { book, rows, sessions }: DispatcherDeps,
  session: Session,
  { record, stored }: Change,
): Promise<void> {
  const { provider } = session;
  const { offerId, job } = record;
  const { jobId, deadlineMs } = job;
  await stored;
  const isCurrent = sessions().get(provider) === session;
  if (!isCurrent || book.get(jobId)?.job !== job) return;
  const papers = rows.papers(jobId);
  const isSent =
    papers && session.line.send({ type: 'job', jobId, offerId, ...papers, deadlineMs });
  if (!isSent) book.apply(jobId, { type: 'lost', provider });
}
