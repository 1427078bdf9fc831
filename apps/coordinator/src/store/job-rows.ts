/** Jobs as rows: columns in the order of the bulk writes, and back. */
import { dueAtMs, type Job, type JobState, terminalStates } from '@aitbc/market';
import type { Hex, SignedReceipt } from '@aitbc/protocol';
import { sql } from 'kysely';
import {
  type BulkInsert,
  type BulkUpdate,
  type Cell,
  type Database,
  fitText,
  type Tx,
} from './database/database.ts';
import type { JobRow } from './schema.ts';

/** A job with what does not change in its life. */
export interface JobRecord {
  readonly job: Job;
  /** Address of the payer. */
  readonly payer: string;
  readonly offerId: Hex;
  readonly model: string;
  /** Where its owner wants to be told of its end; null for nowhere. */
  readonly webhook: string | null;
  /** The batch it came with, and its place there. */
  readonly batch: { readonly batchId: Hex; readonly row: number } | null;
}

/** A job as the database has it. */
export interface StoredJob extends JobRecord {
  readonly seq: number;
  /** Rises with each change of the row. */
  readonly version: number;
  /** The coordinator that has it in hand; null when none has. */
  readonly owner: string | null;
}

/** What travels with a job. */
export interface JobPapers {
  readonly body: string;
  /** PAYMENT-SIGNATURE header, untouched. */
  readonly payment: string;
}

/** What a job ended with. */
export interface JobOutput {
  readonly answer: unknown;
  readonly receipt: SignedReceipt;
}

/** What changes while a job lives; `changingCells` gives the values in this order. */
const changing = {
  state: 'text',
  owner: 'text',
  attempts: 'int',
  failures: 'int',
  losses: 'int',
  may_run: 'int',
  not_before_ms: 'int',
  lease_until_ms: 'int',
  started_at_ms: 'int',
  finished_at_ms: 'int',
  tick_at_ms: 'int',
  error_code: 'text',
  error_message: 'text',
} as const;

export const insertJobs: BulkInsert = {
  table: 'jobs',
  skipKnown: true,
  columns: {
    seq: 'int',
    version: 'int',
    job_id: 'text',
    payer: 'text',
    provider: 'text',
    offer_id: 'text',
    model: 'text',
    created_at_ms: 'int',
    deadline_ms: 'int',
    webhook: 'text',
    batch_id: 'text',
    batch_row: 'int',
    ...changing,
  },
};

export const updateJobs: BulkUpdate = {
  table: 'jobs',
  columns: {
    seq: 'int',
    version: 'int',
    ...changing,
  },
};

export const numberDone: BulkUpdate = {
  table: 'jobs',
  columns: { seq: 'int', version: 'int', done_seq: 'int' },
};

export const insertPapers: BulkInsert = {
  table: 'papers',
  columns: { seq: 'int', body: 'text', payment: 'text' },
};

export const insertOutputs: BulkInsert = {
  table: 'outputs',
  columns: { seq: 'int', answer: 'text', receipt: 'text' },
};

export const insertWebhooks: BulkInsert = {
  table: 'webhooks',
  skipKnown: true,
  columns: {
    subject: 'text',
    kind: 'text',
    url: 'text',
    created_at_ms: 'int',
    attempts: 'int',
    not_before_ms: 'int',
  },
};

/** Values for `insertJobs`. */
export function insertCells(stored: StoredJob): Cell[] {
  const { seq, version, job, payer, offerId, model, webhook, batch } = stored;
  return [
    seq,
    version,
    job.jobId,
    payer,
    job.provider,
    offerId,
    model,
    job.createdAtMs,
    job.deadlineMs,
    webhook,
    batch?.batchId ?? null,
    batch?.row ?? null,
    ...changingCells(stored),
  ];
}

/** Values for `updateJobs`: sets what `stored` says where the row still has the version before. */
export function updateCells(stored: StoredJob): Cell[] {
  return [stored.seq, stored.version - 1, ...changingCells(stored)];
}

function changingCells({ job, owner }: StoredJob): Cell[] {
  return [
    job.state,
    owner,
    job.attempts,
    job.failures,
    job.losses,
    job.mayRun ? 1 : 0,
    job.notBeforeMs,
    job.leaseUntilMs,
    job.startedAtMs,
    job.finishedAtMs,
    job.state === 'queued' ? dueAtMs(job) : null,
    job.error ? fitText(job.error.code) : null,
    job.error ? fitText(job.error.message) : null,
  ];
}

/** The job of a row. */
export function storedJobOf(row: JobRow): StoredJob {
  const job: Job = {
    jobId: row.job_id,
    provider: row.provider,
    state: row.state as JobState,
    attempts: row.attempts,
    failures: row.failures,
    losses: row.losses,
    mayRun: row.may_run === 1,
    createdAtMs: row.created_at_ms,
    deadlineMs: row.deadline_ms,
    notBeforeMs: row.not_before_ms,
    leaseUntilMs: row.lease_until_ms,
    startedAtMs: row.started_at_ms,
    finishedAtMs: row.finished_at_ms,
    error: errorOf(row),
  };
  return {
    job,
    payer: row.payer,
    offerId: row.offer_id,
    model: row.model,
    webhook: row.webhook,
    batch: row.batch_id === null ? null : { batchId: row.batch_id, row: row.batch_row ?? 0 },
    seq: row.seq,
    version: row.version,
    owner: row.owner,
  };
}

function errorOf({ error_code, error_message }: JobRow): Job['error'] {
  return error_code === null ? null : { code: error_code, message: error_message ?? '' };
}

/** True for a job that some coordinator has in hand. */
export function isInHand({ state }: Job): boolean {
  return state !== 'queued' && !terminalStates.has(state);
}

/** Jobs by id; those that are not there are left out. */
export async function readJobs(
  db: Tx | Database['db'],
  database: Database,
  { jobIds, isLocked = false }: { jobIds: readonly Hex[]; isLocked?: boolean },
): Promise<Map<Hex, StoredJob>> {
  if (jobIds.length === 0) return new Map();
  const { rows } = await sql<JobRow>`
    select * from jobs where job_id in ${database.setOf(jobIds)} order by seq
    ${isLocked ? database.lock : sql``}`.execute(db);
  return new Map(rows.map((row) => [row.job_id, storedJobOf(row)]));
}
