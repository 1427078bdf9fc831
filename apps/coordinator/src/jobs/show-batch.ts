/** Batches as their owners see them. */
import {
  AppError,
  type coordinatorEndpoints,
  type Hex,
  limits,
  type OutputOf,
} from '@aitbc/protocol';
import type { BatchRows, EndedJob } from '../store/batch-rows.ts';
import type { BatchRow } from '../store/schema.ts';
import type { JobBook } from './job-book.ts';
import { viewOf } from './show-jobs.ts';

/** A batch in an answer. */
export type BatchView = OutputOf<typeof coordinatorEndpoints.getBatch>;

/** Parts that answer questions about batches. */
export interface ShowBatchDeps {
  readonly batches: BatchRows;
  readonly book: Pick<JobBook, 'apply'>;
}

const rowsPerLook = 500;
/** A page ends early when its answers are as large as the largest request. */
const pageChars = limits.bodyBytes;

/** A row in the form of the API. */
export function viewOfBatch(batch: BatchRow): BatchView {
  const { total, done, completed, failed, expired, cancelled } = batch;
  const counts = { total, done, completed, failed, expired, cancelled };
  return {
    batchId: batch.batch_id,
    payer: batch.payer,
    createdAtMs: batch.created_at_ms,
    ...counts,
    isDone: batch.is_whole === 1 && done >= total,
  };
}

/** Progress of a batch. Throws NOT_FOUND. */
export async function showBatch(
  { batches }: Pick<ShowBatchDeps, 'batches'>,
  batchId: Hex,
): Promise<BatchView> {
  const batch = await batches.get(batchId);
  if (!batch) throw new AppError('NOT_FOUND', { what: `batch ${batchId}` });
  return viewOfBatch(batch);
}

/** A page of ended jobs. Throws NOT_FOUND. */
export async function showBatchResults(
  deps: ShowBatchDeps,
  { batchId, after, limit }: { batchId: Hex; after: number; limit: number },
): Promise<OutputOf<typeof coordinatorEndpoints.batchResults>> {
  const batch = await showBatch(deps, batchId);
  const page = fitting(await deps.batches.ended(batchId, { after, limit }));
  const next = page.at(-1)?.done ?? after;
  return { results: page.map(resultOf), next, isDone: batch.isDone && next >= batch.done };
}

function fitting(ended: readonly EndedJob[]): readonly EndedJob[] {
  let chars = 0;
  const end = ended.findIndex(({ answer }, at) => {
    chars += answer?.length ?? 0;
    return at > 0 && chars > pageChars;
  });
  return end < 0 ? ended : ended.slice(0, end);
}

function resultOf({ done, stored, answer, receipt }: EndedJob) {
  return {
    row: stored.batch?.row ?? 0,
    number: done,
    job: viewOf(stored),
    answer: answer === null ? null : JSON.parse(answer),
    receipt: receipt === null ? null : JSON.parse(receipt),
  };
}

/** Cancels what has not begun; what may be running goes on. Throws NOT_FOUND. */
export async function cancelBatch(deps: ShowBatchDeps, batchId: Hex): Promise<BatchView> {
  await showBatch(deps, batchId);
  for (let after = -1; ; ) {
    const queued = await deps.batches.queued(batchId, { after, limit: rowsPerLook });
    await Promise.all(
      queued.map((known) => deps.book.apply(known.job.jobId, { type: 'cancel' }, { known })),
    );
    if (queued.length < rowsPerLook) return showBatch(deps, batchId);
    after = queued.at(-1)?.batch?.row ?? after;
  }
}
