/**
 * Counts: of the states of all jobs, and of the progress of batches. They are written with the jobs themselves.
 *
 * The progress of batches: how many of their jobs have ended, and in which order.
 *
 * The row of the batch is counted up before its jobs get their numbers, and stays locked until the
 * transaction ends. So numbers are given in the order of the commits, and a reader who has seen number n will never
 * see a smaller one appear: "everything after n" is a complete question.
 */
import { type JobState, terminalStates } from '@aitbc/market';
import type { Hex } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { Cell, Tx } from './database/database.ts';
import { insertWebhooks, numberDone, type StoredJob } from './job-rows.ts';
import type { BatchRow } from './schema.ts';
import type { GroupContext, Step } from './work.ts';

/** Counts the jobs that ended in this group, and plans the notice of a batch that is done. */
export async function countBatches(
  tx: Tx,
  context: GroupContext,
  steps: readonly Step[],
): Promise<void> {
  const ended = new Map<Hex, StoredJob[]>();
  for (const { before, after } of steps) {
    if (!after.batch || !terminalStates.has(after.job.state)) continue;
    if (before && terminalStates.has(before.job.state)) continue;
    const { batchId } = after.batch;
    ended.set(batchId, [...(ended.get(batchId) ?? []), after]);
  }
  // In the order of their ids, so that two coordinators never wait for each other.
  for (const batchId of [...ended.keys()].sort()) {
    await countBatch(tx, context, { batchId, jobs: ended.get(batchId) ?? [] });
  }
}

async function countBatch(
  tx: Tx,
  { database, nowMs }: GroupContext,
  { batchId, jobs }: { batchId: Hex; jobs: readonly StoredJob[] },
): Promise<void> {
  const count = (state: string): number => jobs.filter(({ job }) => job.state === state).length;
  const { rows } = await sql<BatchRow>`
    update batches set done = done + ${jobs.length}, completed = completed + ${count('completed')},
      failed = failed + ${count('failed')}, expired = expired + ${count('expired')},
      cancelled = cancelled + ${count('cancelled')}
    where batch_id = ${batchId} returning *`.execute(tx);
  const [batch] = rows;
  if (!batch) return;
  const first = batch.done - jobs.length + 1;
  const numbers = jobs.map(({ seq, version }, at): Cell[] => [seq, version, first + at]);
  await database.updateRows(tx, numberDone, numbers);
  await planBatchNotice(tx, { database, nowMs }, batch);
}

/** Plans the notice of a batch, if somebody wants one and all its jobs have ended. */
export async function planBatchNotice(
  tx: Tx,
  { database, nowMs }: Pick<GroupContext, 'database' | 'nowMs'>,
  { batch_id, webhook, is_whole, done, total }: BatchRow,
): Promise<void> {
  if (webhook === null || is_whole === 0 || done < total) return;
  await database.insertRows(tx, insertWebhooks, [[batch_id, 'batch', webhook, nowMs, 0, nowMs]]);
}

/** Counts the states of the jobs that changed in this group. */
export async function countStates(tx: Tx, owner: string, steps: readonly Step[]): Promise<void> {
  const counts = new Map<JobState, number>();
  const count = (state: JobState, by: number): void => {
    counts.set(state, (counts.get(state) ?? 0) + by);
  };
  for (const { before, after } of steps) {
    if (before) count(before.job.state, -1);
    count(after.job.state, 1);
  }
  await addTallies(tx, owner, counts);
}

/** Adds to the counts of one coordinator. */
export async function addTallies(
  tx: Tx,
  owner: string,
  counts: ReadonlyMap<JobState, number>,
): Promise<void> {
  const values = [...counts]
    .filter(([, jobs]) => jobs !== 0)
    .map(([state, jobs]) => ({ owner, state, jobs }));
  if (values.length === 0) return;
  await tx
    .insertInto('tallies')
    .values(values)
    .onConflict((conflict) =>
      conflict
        .columns(['owner', 'state'])
        .doUpdateSet({ jobs: sql<number>`tallies.jobs + excluded.jobs` }),
    )
    .execute();
}
