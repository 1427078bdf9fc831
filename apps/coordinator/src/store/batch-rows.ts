/** Stored batches: one row for each, and its jobs in the order of their rows or of their end. */
import type { Hex } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import { planBatchNotice } from './counts.ts';
import type { Database } from './database/database.ts';
import { type StoredJob, storedJobOf } from './job-rows.ts';
import type { BatchRow, JobRow } from './schema.ts';
import type { Work } from './work.ts';

/** A job of a batch that has ended; `done` is its place in the order of ends, from 1. */
export interface EndedJob {
  readonly done: number;
  readonly stored: StoredJob;
  /** JSON; null where the job did not complete. */
  readonly receipt: string | null;
  readonly answer: string | null;
}

/** Reads and writes batches. */
export interface BatchRows {
  /** Makes the row, if it is not there; what is stored then. */
  open(batch: BatchRow): Promise<BatchRow>;
  /** All jobs of the batch are in the queue: from now on it can be done. */
  seal(batchId: Hex, total: number): Promise<void>;
  get(batchId: Hex): Promise<BatchRow | undefined>;
  /** Jobs that ended after the one with number `after`, in the order of their end. */
  ended(batchId: Hex, page: { after: number; limit: number }): Promise<EndedJob[]>;
  /** Jobs that wait in the queue, in the order of their rows. */
  queued(batchId: Hex, page: { after: number; limit: number }): Promise<StoredJob[]>;
  prune(createdBeforeMs: number, limit: number): Promise<void>;
}

/** Batch rows of an open database. */
export function createBatchRows(database: Database, groups: CommitGroups<Work>): BatchRows {
  const { db } = database;
  const get = async (batchId: Hex): Promise<BatchRow | undefined> =>
    db.selectFrom('batches').selectAll().where('batch_id', '=', batchId).executeTakeFirst();
  return {
    get,
    async open(batch) {
      await groups.run({
        type: 'write',
        run: (tx) =>
          tx
            .insertInto('batches')
            .values(batch)
            .onConflict((conflict) => conflict.doNothing())
            .execute(),
      });
      return (await get(batch.batch_id)) ?? batch;
    },
    async seal(batchId, total) {
      await groups.run({
        type: 'write',
        async run(tx, nowMs) {
          const { rows } = await sql<BatchRow>`update batches set is_whole = 1, total = ${total}
            where batch_id = ${batchId} returning *`.execute(tx);
          if (rows[0]) await planBatchNotice(tx, { database, nowMs }, rows[0]);
        },
      });
    },
    async ended(batchId, { after, limit }) {
      const { rows } = await sql<JobRow & { answer: string | null; receipt: string | null }>`
        select jobs.*, outputs.answer, outputs.receipt from jobs
        left join outputs on outputs.seq = jobs.seq
        where batch_id = ${batchId} and done_seq > ${after} and done_seq is not null
        order by done_seq limit ${limit}`.execute(db);
      return rows.map((row) => ({
        done: row.done_seq ?? 0,
        stored: storedJobOf(row),
        answer: row.answer,
        receipt: row.receipt,
      }));
    },
    async queued(batchId, { after, limit }) {
      const { rows } = await sql<JobRow>`
        select * from jobs where batch_id = ${batchId} and batch_row > ${after} and state = 'queued'
        order by batch_row limit ${limit}`.execute(db);
      return rows.map(storedJobOf);
    },
    async prune(createdBeforeMs, limit) {
      const query = sql`delete from batches where batch_id in
        (select batch_id from batches where created_at_ms < ${createdBeforeMs} limit ${limit})`;
      await groups.run({ type: 'write', run: (tx) => query.execute(tx) });
    },
  };
}
