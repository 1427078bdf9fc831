/**
 * Takes many jobs at once. Each row is a submission like any other; those that cannot be taken are named in the answer and
 * do not stop the others.
 *
 * The id of a batch is a hash of the ids of its jobs, so the same request is the same batch, and a request
 * that was cut off in the middle is completed by sending it again. A job belongs to one batch or to none:
 * a row whose job was submitted before in another way is refused with JOB_CONFLICT.
 *
 * Rows are worked on a few hundred at a time, and other requests get their turn in between.
 */
import { hex, sha256, utf8 } from '@aitbc/primitives';
import {
  AppError,
  type coordinatorEndpoints,
  type Hex,
  type OutputOf,
  type ParsedInputOf,
} from '@aitbc/protocol';
import type { BatchRows } from '../store/batch-rows.ts';
import type { NewJob } from '../store/work.ts';
import { viewOfBatch } from './show-batch.ts';
import {
  assertRoom,
  newJobOf,
  type Order,
  orderOf,
  type SubmitDeps,
  sellerOf,
} from './submit-job.ts';

/** Input of the call. */
export type BatchSubmission = ParsedInputOf<typeof coordinatorEndpoints.submitBatch>;

/** Parts a batch goes through. */
export interface SubmitBatchDeps extends SubmitDeps {
  readonly batches: BatchRows;
}

type Answer = OutputOf<typeof coordinatorEndpoints.submitBatch>;

const rowsPerTurn = 200;
const batchTag = 'AITBC-BATCH-v1\0';

/** The batch, on disk when the promise ends. Throws QUEUE_FULL (nothing is stored then), BAD_REQUEST, UNAVAILABLE. */
export async function submitBatch(
  deps: SubmitBatchDeps,
  submission: BatchSubmission,
): Promise<Answer> {
  const { batches, book, clock, dispatcher } = deps;
  const sorted = await sortRows(deps, submission);
  for (const [provider, count] of countByProvider(sorted.fresh)) {
    await assertRoom(deps, provider, count);
  }
  const { batchId } = sorted;
  await batches.open({
    batch_id: batchId,
    payer: submission.payer,
    created_at_ms: clock.nowMs(),
    total: 0,
    is_whole: 0,
    ...{ done: 0, completed: 0, failed: 0, expired: 0, cancelled: 0 },
    webhook: submission.webhook ?? null,
  });
  for (let from = 0; from < sorted.fresh.length; from += rowsPerTurn) {
    const added = await book.add(sorted.fresh.slice(from, from + rowsPerTurn));
    for (const { stored } of added) {
      // Somebody queued the same job between our look and now.
      if (stored.batch?.batchId !== batchId)
        sorted.refuse(rowOf(stored.job.jobId, sorted), conflict(stored.job.jobId));
    }
  }
  const total = submission.rows.length - sorted.refused.size;
  await batches.seal(batchId, total);
  for (const provider of countByProvider(sorted.fresh).keys()) dispatcher.offerWork(provider);
  const batch = await batches.get(batchId);
  if (!batch) throw new AppError('UNAVAILABLE', { what: 'the batch', reason: 'it was deleted' });
  return { batch: viewOfBatch(batch), refused: refusedList(sorted) };
}

interface Sorted {
  readonly batchId: Hex;
  /** Jobs that are not in the queue yet. */
  readonly fresh: readonly NewJob[];
  readonly rows: ReadonlyMap<Hex, number>;
  readonly refused: Map<number, AppError>;
  refuse(row: number, error: AppError): void;
}

/** Reads all rows: which are new, which are known, which cannot be taken. */
async function sortRows(deps: SubmitBatchDeps, submission: BatchSubmission): Promise<Sorted> {
  const refused = new Map<number, AppError>();
  const refuse = (row: number, error: AppError): void => void refused.set(row, error);
  const orders = await readOrders(deps, submission, refuse);
  const rows = new Map([...orders].map(([row, { jobId }]) => [jobId, row]));
  const batchId = hex(sha256(utf8(batchTag + [...rows.keys()].join(''))));
  const fresh: NewJob[] = [];
  for (const part of parts([...orders])) {
    const known = await deps.book.getAll(part.map(([, { jobId }]) => jobId));
    for (const [row, order] of part) {
      const stored = known.get(order.jobId);
      if (stored && stored.batch?.batchId !== batchId) refuse(row, conflict(order.jobId));
      if (stored) continue;
      const job = attempt(
        () => batchJobOf(deps, order, { batchId, row }),
        (error) => refuse(row, error),
      );
      if (job) fresh.push(job);
    }
    await turnOfOthers();
  }
  return { batchId, fresh, rows, refused, refuse };
}

async function readOrders(
  deps: SubmitBatchDeps,
  { payer, offerId: offerOfAll, rows, deadlineMs }: BatchSubmission,
  refuse: Sorted['refuse'],
): Promise<Map<number, Order>> {
  const orders = new Map<number, Order>();
  const seen = new Set<Hex>();
  for (const [row, { offerId = offerOfAll, body, payment }] of rows.entries()) {
    const order = attempt(
      () => {
        if (offerId === undefined)
          throw new AppError('BAD_REQUEST', { reason: 'offerId: none is named' });
        const submission = {
          payer,
          offerId,
          body,
          payment,
          ...(deadlineMs !== undefined && { deadlineMs }),
        };
        return orderOf(deps, submission);
      },
      (error) => refuse(row, error),
    );
    if (order && seen.has(order.jobId)) refuse(row, conflict(order.jobId));
    else if (order) orders.set(row, order);
    if (order) seen.add(order.jobId);
    if (row % rowsPerTurn === rowsPerTurn - 1) await turnOfOthers();
  }
  return orders;
}

function batchJobOf(
  deps: SubmitBatchDeps,
  order: Order,
  batch: { readonly batchId: Hex; readonly row: number },
): NewJob {
  const { record, papers } = newJobOf(deps, order, sellerOf(deps, order));
  return { record: { ...record, batch }, papers };
}

/** What the work gives; undefined after a refusal, which goes to `refuse`. */
function attempt<T>(work: () => T, refuse: (error: AppError) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    refuse(error);
    return undefined;
  }
}

function conflict(jobId: Hex): AppError {
  return new AppError('JOB_CONFLICT', { jobId });
}

function rowOf(jobId: Hex, { rows }: Sorted): number {
  return rows.get(jobId) ?? 0;
}

function* parts<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += rowsPerTurn) {
    yield items.slice(from, from + rowsPerTurn);
  }
}

function countByProvider(jobs: readonly NewJob[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { record } of jobs) {
    const { provider } = record.job;
    counts.set(provider, (counts.get(provider) ?? 0) + 1);
  }
  return counts;
}

function refusedList({ refused }: Sorted): Answer['refused'] {
  return [...refused]
    .map(([row, { code, message }]) => ({ row, code, message }))
    .sort((a, b) => a.row - b.row);
}

function turnOfOthers(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
