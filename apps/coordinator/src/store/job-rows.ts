/** Stored jobs: hot writes as prepared statements, lists through Kysely. */

import type { Job, JobState } from '@aitbc/market';
import type { Hex, SignedReceipt } from '@aitbc/protocol';
import type { Sqlite } from '@aitbc/service';
import type { Selectable } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import type { JobRow, Tables } from './schema.ts';

/** A job with what does not change in its life. */
export interface JobRecord {
  readonly job: Job;
  /** Address of the payer. */
  readonly payer: string;
  readonly offerId: Hex;
  readonly model: string;
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

/** Reads and writes jobs. Writes resolve when they are on disk. */
export interface JobRows {
  insert(record: JobRecord, papers: JobPapers): Promise<void>;
  update(job: Job, output?: JobOutput): Promise<void>;
  get(jobId: Hex): JobRecord | undefined;
  papers(jobId: Hex): JobPapers | undefined;
  output(jobId: Hex): JobOutput | undefined;
  /** Jobs that have not ended, oldest first. */
  active(): JobRecord[];
  countByState(): Map<JobState, number>;
  /** Deletes up to `limit` jobs that ended before a time; returns how many of each state. */
  prune(endedBeforeMs: number, limit: number): Promise<Map<JobState, number>>;
}

const recordColumns = [
  'job_id',
  'payer',
  'provider',
  'offer_id',
  'model',
  'state',
  'attempts',
  'failures',
  'losses',
  'may_run',
  'created_at_ms',
  'deadline_ms',
  'not_before_ms',
  'lease_until_ms',
  'started_at_ms',
  'finished_at_ms',
  'error_code',
  'error_message',
] as const satisfies (keyof JobRow)[];

type RecordRow = Pick<Selectable<JobRow>, (typeof recordColumns)[number]>;

/** Job rows of an open database. */
export function createJobRows(sqlite: Sqlite<Tables>, groups: CommitGroups): JobRows {
  const columns = recordColumns.join(', ');
  const insert = sqlite.prepare(
    `insert into jobs (${columns}, body, payment) values (${recordColumns.map(() => '?').join(', ')}, ?, ?)`,
  );
  const update = sqlite.prepare(
    `update jobs set state = ?, attempts = ?, failures = ?, losses = ?, may_run = ?, not_before_ms = ?,
     lease_until_ms = ?, started_at_ms = ?, finished_at_ms = ?, error_code = ?, error_message = ? where job_id = ?`,
  );
  const setOutput = sqlite.prepare('update jobs set answer = ?, receipt = ? where job_id = ?');
  const get = sqlite.prepare<RecordRow>(`select ${columns} from jobs where job_id = ?`);
  const papers = sqlite.prepare<JobPapers>('select body, payment from jobs where job_id = ?');
  const output = sqlite.prepare<Pick<JobRow, 'answer' | 'receipt'>>(
    'select answer, receipt from jobs where job_id = ?',
  );
  const active = sqlite.prepare<RecordRow>(
    `select ${columns} from jobs where state in ('queued', 'dispatched', 'running') order by created_at_ms, job_id`,
  );

  return {
    insert: (record, { body, payment }) =>
      groups.write(() => void insert.run(...valuesOf(record), body, payment)),
    update: (job, result) =>
      groups.write(() => {
        update.run(...changesOf(job), job.jobId);
        if (!result) return;
        setOutput.run(JSON.stringify(result.answer), JSON.stringify(result.receipt), job.jobId);
      }),
    get: (jobId) => recordOf(get.get(jobId)),
    papers: (jobId) => papers.get(jobId),
    output: (jobId) => outputOf(output.get(jobId)),
    active: () => active.all().map((row) => recordOfRow(row)),
    countByState: () => countByState(sqlite),
    prune: (endedBeforeMs, limit) => prune(sqlite, groups, { endedBeforeMs, limit }),
  };
}

function countByState(sqlite: Sqlite<Tables>): Map<JobState, number> {
  const rows = sqlite
    .prepare<{ state: string; count: number }>(
      'select state, count(*) as count from jobs group by state',
    )
    .all();
  return new Map(rows.map(({ state, count }) => [state as JobState, Number(count)]));
}

async function prune(
  sqlite: Sqlite<Tables>,
  groups: CommitGroups,
  { endedBeforeMs, limit }: { endedBeforeMs: number; limit: number },
): Promise<Map<JobState, number>> {
  const old = sqlite
    .prepare<{ job_id: string; state: string }>(
      'select job_id, state from jobs where finished_at_ms < ? limit ?',
    )
    .all(endedBeforeMs, limit);
  const remove = sqlite.prepare('delete from jobs where job_id = ?');
  await groups.write(() => {
    for (const row of old) remove.run(row.job_id);
  });
  const counts = new Map<JobState, number>();
  for (const { state } of old) {
    counts.set(state as JobState, (counts.get(state as JobState) ?? 0) + 1);
  }
  return counts;
}

function valuesOf({ job, payer, offerId, model }: JobRecord) {
  return [
    job.jobId,
    payer,
    job.provider,
    offerId,
    model,
    job.state,
    job.attempts,
    job.failures,
    job.losses,
    job.mayRun ? 1 : 0,
    job.createdAtMs,
    job.deadlineMs,
    job.notBeforeMs,
    job.leaseUntilMs,
    job.startedAtMs,
    job.finishedAtMs,
    job.error?.code ?? null,
    job.error?.message ?? null,
  ];
}

function changesOf(job: Job) {
  return [
    job.state,
    job.attempts,
    job.failures,
    job.losses,
    job.mayRun ? 1 : 0,
    job.notBeforeMs,
    job.leaseUntilMs,
    job.startedAtMs,
    job.finishedAtMs,
    job.error?.code ?? null,
    job.error?.message ?? null,
  ];
}

function recordOf(row: RecordRow | undefined): JobRecord | undefined {
  return row && recordOfRow(row);
}

function recordOfRow(row: RecordRow): JobRecord {
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
    error:
      row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
  };
  return { job, payer: row.payer, offerId: row.offer_id, model: row.model };
}

function outputOf(row: Pick<JobRow, 'answer' | 'receipt'> | undefined): JobOutput | undefined {
  if (!row || row.answer === null || row.receipt === null) return undefined;
  return { answer: JSON.parse(row.answer), receipt: JSON.parse(row.receipt) };
}
