/** The durable queue. Writes go through group commits and resolve when they are on disk. */

import type { JobState } from '@aitbc/market';
import type { Hex, Verdict } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import { addTallies } from './counts.ts';
import type { Database, Tx } from './database/database.ts';
import { type JobOutput, readJobs, type StoredJob, storedJobOf } from './job-rows.ts';
import type { JobRow } from './schema.ts';
import type { Change, Enqueued, LeasedJob, NewJob, Work } from './work.ts';

/** Jobs of one database, as one coordinator works on them. */
export interface JobStore {
  /** Puts jobs into the queue, each once; answers in the same order. */
  enqueue(jobs: readonly NewJob[]): Promise<Enqueued[]>;
  /** Applies an event. Refusals: JOB_UNKNOWN and those of `transition`. */
  change(change: Change): Promise<Verdict<StoredJob>>;
  /** Takes up to `limit` due jobs of a provider from the queue; nobody else gets them. */
  lease(provider: string, limit: number): Promise<LeasedJob[]>;
  get(jobId: Hex): Promise<StoredJob | undefined>;
  /** Those that are there. */
  getAll(jobIds: readonly Hex[]): Promise<ReadonlyMap<Hex, StoredJob>>;
  output(jobId: Hex): Promise<JobOutput | undefined>;
  /** Jobs that a coordinator has in hand. */
  inHandOf(owner: string, limit: number): Promise<StoredJob[]>;
  /** Queued jobs that time alone changes by now. */
  overdue(nowMs: number, limit: number): Promise<StoredJob[]>;
  /** Providers with jobs that are due, up to `limit`. */
  providersWithWork(nowMs: number, limit: number): Promise<string[]>;
  /** Queued jobs of a provider; stops counting at `limit`. */
  waitingOf(provider: string, limit: number): Promise<number>;
  counts(): Promise<Map<JobState, number>>;
  /** Deletes up to `limit` jobs that ended before a time. */
  prune(endedBeforeMs: number, limit: number): Promise<void>;
}

/** Parts of the store of jobs. */
export interface JobStoreDeps {
  readonly database: Database;
  readonly groups: CommitGroups<Work>;
  readonly owner: string;
}

/** The jobs of an open database. */
export function createJobStore({ database, groups, owner }: JobStoreDeps): JobStore {
  const { db } = database;
  const run = <T>(work: Work): Promise<T> => groups.run(work) as Promise<T>;
  const readAll = async (query: ReturnType<typeof sql<JobRow>>): Promise<StoredJob[]> =>
    (await query.execute(db)).rows.map(storedJobOf);
  return {
    enqueue: (jobs) => run({ type: 'enqueue', jobs }),
    change: (change) => run({ type: 'change', change }),
    lease: (provider, limit) => run({ type: 'lease', provider, limit }),
    get: async (jobId) => (await readJobs(db, database, { jobIds: [jobId] })).get(jobId),
    getAll: (jobIds) => readJobs(db, database, { jobIds }),
    output: (jobId) => output(database, jobId),
    inHandOf: (holder, limit) =>
      readAll(sql<JobRow>`select * from jobs where owner = ${holder} limit ${limit}`),
    overdue: (nowMs, limit) =>
      readAll(
        sql<JobRow>`select * from jobs where tick_at_ms <= ${nowMs} order by tick_at_ms limit ${limit}`,
      ),
    providersWithWork: (nowMs, limit) => providersWithWork(database, nowMs, limit),
    waitingOf: (provider, limit) => waitingOf(database, provider, limit),
    counts: () => counts(database),
    prune: (endedBeforeMs, limit) =>
      run({ type: 'write', run: (tx) => prune(tx, owner, { endedBeforeMs, limit }) }),
  };
}

async function output({ db }: Database, jobId: Hex): Promise<JobOutput | undefined> {
  const row = await db
    .selectFrom('outputs')
    .innerJoin('jobs', 'jobs.seq', 'outputs.seq')
    .select(['outputs.answer', 'outputs.receipt'])
    .where('jobs.job_id', '=', jobId)
    .executeTakeFirst();
  return row && { answer: JSON.parse(row.answer), receipt: JSON.parse(row.receipt) };
}

/** Goes from one provider to the next in the index instead of reading all queued jobs. */
async function providersWithWork(
  { db }: Database,
  nowMs: number,
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ provider: string }>`
    with recursive lanes (provider) as (
      select min(provider) from jobs where state = 'queued'
      union all
      select (select min(jobs.provider) from jobs where state = 'queued' and jobs.provider > lanes.provider)
      from lanes where lanes.provider is not null
    )
    select provider from lanes where provider is not null and exists (
      select 1 from jobs where state = 'queued' and jobs.provider = lanes.provider and not_before_ms <= ${nowMs}
    ) limit ${limit}`.execute(db);
  return rows.map(({ provider }) => provider);
}

async function waitingOf({ db }: Database, provider: string, limit: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from (
      select 1 as one from jobs where state = 'queued' and provider = ${provider} limit ${limit}
    ) as waiting`.execute(db);
  return Number(rows[0]?.count ?? 0);
}

async function counts({ db }: Database): Promise<Map<JobState, number>> {
  const { rows } = await sql<{ state: JobState; jobs: number | string }>`
    select state, cast(sum(jobs) as bigint) as jobs from tallies group by state`.execute(db);
  return new Map(rows.map(({ state, jobs }) => [state, Number(jobs)]));
}

async function prune(
  tx: Tx,
  owner: string,
  { endedBeforeMs, limit }: { endedBeforeMs: number; limit: number },
): Promise<void> {
  // Numbers rise with the time of creation, which is before that of the end: the oldest stand first.
  const { rows } = await sql<{ seq: number; state: JobState }>`
    select seq, state from jobs where seq < ${seqAt(endedBeforeMs)} and finished_at_ms < ${endedBeforeMs}
    order by seq limit ${limit}`.execute(tx);
  if (rows.length === 0) return;
  const seqs = rows.map(({ seq }) => seq);
  const counts = new Map<JobState, number>();
  const deleted = await tx.deleteFrom('jobs').where('seq', 'in', seqs).returning('state').execute();
  await tx.deleteFrom('papers').where('seq', 'in', seqs).execute();
  await tx.deleteFrom('outputs').where('seq', 'in', seqs).execute();
  for (const { state } of deleted) {
    counts.set(state as JobState, (counts.get(state as JobState) ?? 0) - 1);
  }
  await addTallies(tx, owner, counts);
}

const seqsPerMs = 1_024;

/** The first number of a millisecond. */
export function seqAt(ms: number): number {
  return ms * seqsPerMs;
}

/** Numbers that rise with time; `salt` (0 to 1023) keeps those of two processes apart, mostly. */
export function createSeqs(nowMs: () => number, salt: number): () => number {
  let last = 0;
  return () => {
    last = Math.max(last + 1, seqAt(nowMs()) + salt);
    return last;
  };
}
