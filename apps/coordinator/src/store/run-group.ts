/**
 * One group of work on jobs, in one transaction: new jobs first, then changes, then leases, then the rest.
 *
 * The counts of states, the progress of batches and the notices that somebody waits for are written in the
 * same transaction, so that none of them can say anything else than the jobs do.
 */
import { terminalStates, transition } from '@aitbc/market';
import type { Hex } from '@aitbc/protocol';
import { sql } from 'kysely';
import { changeAll } from './change-jobs.ts';
import { countBatches, countStates } from './counts.ts';
import { type Cell, fitText, type Tx } from './database/database.ts';
import {
  insertCells,
  insertJobs,
  insertPapers,
  insertWebhooks,
  type JobPapers,
  readJobs,
  type StoredJob,
  storedJobOf,
  updateCells,
  updateJobs,
} from './job-rows.ts';
import type { JobRow, PaperRow } from './schema.ts';
import type { Answers, Enqueued, GroupContext, LeasedJob, Share, Step, Work } from './work.ts';

/** Runs the work in one transaction; answers in the order of the work. */
export async function runGroup(context: GroupContext, works: readonly Work[]): Promise<unknown[]> {
  const answers: Answers = await context.database.db.transaction().execute(async (tx) => {
    const found: Answers = new Map();
    const steps = [
      ...(await enqueueAll(tx, context, { works, found })),
      ...(await changeAll(tx, context, { works, found })),
      ...(await leaseAll(tx, context, { works, found })),
    ];
    await countStates(tx, context.owner, steps);
    await countBatches(tx, context, steps);
    await planWebhooks(tx, context, steps);
    for (const work of works) {
      if (work.type === 'write') found.set(work, await work.run(tx, context.nowMs));
    }
    await notifyOthers(tx, context, steps);
    return found;
  });
  return works.map((work) => answers.get(work));
}

async function enqueueAll(tx: Tx, context: GroupContext, { works, found }: Share): Promise<Step[]> {
  const enqueues = works.filter((work) => work.type === 'enqueue');
  const wanted = new Map<Hex, StoredJob>();
  const papers = new Map<Hex, JobPapers>();
  for (const { record, papers: own } of enqueues.flatMap(({ jobs }) => jobs)) {
    const { jobId } = record.job;
    if (wanted.has(jobId)) continue;
    wanted.set(jobId, { ...record, seq: context.nextSeq(), version: 0, owner: null });
    papers.set(jobId, own);
  }
  if (wanted.size === 0) return [];
  const known = await insertUnknown(tx, context, wanted);
  const fresh = [...wanted.values()].filter(({ job }) => !known.has(job.jobId));
  const paperCells = fresh.map(({ seq, job }): Cell[] => {
    const { body = '', payment = '' } = papers.get(job.jobId) ?? {};
    return [seq, fitText(body), fitText(payment)];
  });
  if (fresh.length > 0) await context.database.insertRows(tx, insertPapers, paperCells);
  for (const work of enqueues) {
    found.set(
      work,
      work.jobs.map(({ record: { job } }): Enqueued => {
        const before = known.get(job.jobId);
        const stored = before ?? (wanted.get(job.jobId) as StoredJob);
        return { stored, isNew: before === undefined };
      }),
    );
  }
  return fresh.map((after) => ({ before: undefined, after }));
}

/**
 * Inserts the wanted jobs; answers those that were there before. A number that another coordinator gave out in the same
 * moment is replaced by the next one.
 */
async function insertUnknown(
  tx: Tx,
  { database, nextSeq }: GroupContext,
  wanted: Map<Hex, StoredJob>,
): Promise<Map<Hex, StoredJob>> {
  const known = new Map<Hex, StoredJob>();
  let open = [...wanted.values()];
  while (open.length > 0) {
    const written = await database.insertRows(tx, insertJobs, open.map(insertCells));
    const left = open.filter(({ seq }) => !written.has(seq));
    const jobIds = left.map(({ job }) => job.jobId);
    for (const [jobId, stored] of await readJobs(tx, database, { jobIds })) {
      known.set(jobId, stored);
    }
    open = left
      .filter(({ job }) => !known.has(job.jobId))
      .map((stored) => ({ ...stored, seq: nextSeq() }));
    for (const stored of open) wanted.set(stored.job.jobId, stored);
  }
  return known;
}

async function leaseAll(tx: Tx, context: GroupContext, { works, found }: Share): Promise<Step[]> {
  const { database, owner, nowMs } = context;
  const steps: Step[] = [];
  for (const work of works) {
    if (work.type !== 'lease') continue;
    const leased: LeasedJob[] = [];
    const rows = await dueJobs(tx, context, work);
    for (const row of rows) {
      const before = storedJobOf(row);
      const { provider } = before.job;
      const next = transition(before.job, { type: 'dispatch', provider }, nowMs);
      if (!next.ok) continue;
      const after = { ...before, job: next.value, owner, version: before.version + 1 };
      leased.push({ stored: after, papers: { body: row.body, payment: row.payment } });
      steps.push({ before, after });
    }
    found.set(work, leased);
    if (leased.length === 0) continue;
    const cells = leased.map(({ stored }) => updateCells(stored));
    await database.updateRows(tx, updateJobs, cells);
  }
  return steps;
}

/** Queued jobs of a provider, oldest first; on PostgreSQL those that no other coordinator is taking. */
async function dueJobs(
  tx: Tx,
  { database, nowMs }: GroupContext,
  { provider, limit }: { provider: string; limit: number },
): Promise<(JobRow & PaperRow)[]> {
  const { rows } = await sql<JobRow & PaperRow>`
    select jobs.*, papers.body, papers.payment from jobs join papers on papers.seq = jobs.seq
    where jobs.state = 'queued' and jobs.provider = ${provider} and jobs.not_before_ms <= ${nowMs}
      and jobs.deadline_ms > ${nowMs}
    order by jobs.not_before_ms, jobs.seq limit ${limit} ${database.lockFree}`.execute(tx);
  return rows;
}

async function planWebhooks(
  tx: Tx,
  { database, nowMs }: GroupContext,
  steps: readonly Step[],
): Promise<void> {
  const cells = steps.flatMap(({ after: { job, webhook } }): Cell[][] => {
    if (webhook === null || !terminalStates.has(job.state)) return [];
    return [[job.jobId, 'job', webhook, nowMs, 0, nowMs]];
  });
  if (cells.length > 0) await database.insertRows(tx, insertWebhooks, cells);
}

const providersPerNotice = 100; // a notice holds 8 000 bytes at most

async function notifyOthers(
  tx: Tx,
  { database, owner }: GroupContext,
  steps: readonly Step[],
): Promise<void> {
  if (database.kind === 'sqlite') return;
  const fresh = steps.filter(({ before, after }) => !before && after.job.state === 'queued');
  const providers = [...new Set(fresh.map(({ after }) => after.job.provider))];
  for (let from = 0; from < providers.length; from += providersPerNotice) {
    const part = providers.slice(from, from + providersPerNotice);
    await database.notify(tx, JSON.stringify({ owner, providers: part }));
  }
}
