/** Asynchronous jobs at the coordinator: one or ten thousand at a time, with events and notices of their end. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { zSignedOffer } from '../payments/offer.ts';
import { zSignedReceipt } from '../payments/receipt.ts';
import { zAddress, zCount, zHash } from '../scalars.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';

export const jobStates = [
  'queued',
  'dispatched',
  'running',
  'completed',
  'failed',
  'expired',
  'cancelled',
] as const;

/** An asynchronous job as its owner sees it. */
export const zJob = z.object({
  jobId: zHash,
  state: z.enum(jobStates),
  kind: z.literal('inference'),
  model: z.string(),
  payer: zAddress,
  provider: zAddress,
  offerId: zHash,
  attempts: zCount,
  createdAtMs: zCount,
  deadlineMs: zCount,
  startedAtMs: zCount.nullable(),
  finishedAtMs: zCount.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

/** Many jobs of one request. `total` counts those that were taken. */
export const zBatch = z.object({
  batchId: zHash,
  payer: zAddress,
  createdAtMs: zCount,
  total: zCount,
  done: zCount.meta({ description: 'jobs that have ended, however' }),
  completed: zCount,
  failed: zCount,
  expired: zCount,
  cancelled: zCount,
  isDone: z.boolean(),
});

const zBody = z
  .string()
  .min(2)
  .max(limits.bodyBytes)
  .meta({ description: 'OpenAI chat body, exactly as it was paid for' });
const zPayment = z.string().max(limits.headerBytes);
const zWishes = {
  deadlineMs: zCount
    .optional()
    .meta({ description: 'a job that has not begun by then expires; default in 15 minutes' }),
  webhook: z
    .url({ protocol: /^https?$/ })
    .max(limits.webhookUrlBytes)
    .optional()
    .meta({ description: 'where to POST a signed notice of the end' }),
};
const zAfter = z.strictObject({
  batchId: zHash,
  after: zCount.default(0).meta({ description: 'number of the last ended job that was seen' }),
});

export const jobEndpoints = {
  submitJob: endpoint({
    method: 'POST',
    path: '/v1/jobs',
    summary:
      'Submits an asynchronous job. The payment is the PAYMENT-SIGNATURE header for the offer.',
    access: 'open',
    input: z.strictObject({
      offerId: zHash,
      payer: zAddress,
      body: zBody,
      payment: zPayment,
      ...zWishes,
    }),
    output: zJob,
  }),
  submitBatch: endpoint({
    method: 'POST',
    path: '/v1/jobs/batch',
    summary:
      'Submits up to 10 000 jobs at once. Rows that cannot be taken are named; the others are queued.',
    access: 'open',
    bodyBytes: limits.batchBytes,
    input: z.strictObject({
      payer: zAddress,
      offerId: zHash.optional().meta({ description: 'for the rows that name none' }),
      rows: z
        .array(z.strictObject({ offerId: zHash.optional(), body: zBody, payment: zPayment }))
        .min(1)
        .max(limits.batchJobs),
      ...zWishes,
    }),
    output: z.object({
      batch: zBatch,
      refused: z.array(z.object({ row: zCount, code: z.string(), message: z.string() })),
    }),
  }),
  getBatch: endpoint({
    method: 'GET',
    path: '/v1/batches/:batchId',
    summary: 'Progress of a batch.',
    access: 'open',
    input: z.strictObject({ batchId: zHash }),
    output: zBatch,
  }),
  cancelBatch: endpoint({
    method: 'POST',
    path: '/v1/batches/:batchId/cancel',
    summary: 'Cancels the jobs of a batch that have not begun.',
    access: 'open',
    input: z.strictObject({ batchId: zHash }),
    output: zBatch,
  }),
  batchResults: endpoint({
    method: 'GET',
    path: '/v1/batches/:batchId/results',
    summary:
      'Ended jobs of a batch in the order of their end, page by page. `row` is the place in the request.',
    access: 'open',
    input: zAfter.extend({
      limit: z.int().positive().max(limits.pageSize).default(limits.pageSize),
    }),
    output: z.object({
      results: z.array(
        z.object({
          row: zCount,
          number: zCount,
          job: zJob,
          answer: z.unknown().meta({ description: 'OpenAI chat completion; null without one' }),
          receipt: zSignedReceipt.nullable(),
        }),
      ),
      next: zCount.meta({ description: '`after` of the next page' }),
      isDone: z.boolean().meta({ description: 'nothing comes after this page any more' }),
    }),
  }),
  batchEvents: endpoint({
    method: 'GET',
    path: '/v1/batches/:batchId/events',
    summary:
      'Server-sent events: `job` for each ended job, `done` at the end. Goes on after Last-Event-ID or `after`.',
    access: 'open',
    streams: true,
    input: zAfter,
    output: z.unknown(),
  }),
  getJob: endpoint({
    method: 'GET',
    path: '/v1/jobs/:jobId',
    summary: 'State of a job.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: zJob,
  }),
  jobEvents: endpoint({
    method: 'GET',
    path: '/v1/jobs/:jobId/events',
    summary: 'Server-sent events: `job` now and with each change of its state, until it has ended.',
    access: 'open',
    streams: true,
    input: z.strictObject({ jobId: zHash }),
    output: z.unknown(),
  }),
  cancelJob: endpoint({
    method: 'POST',
    path: '/v1/jobs/:jobId/cancel',
    summary: 'Cancels a job that has not begun.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: zJob,
  }),
  jobResult: endpoint({
    method: 'GET',
    path: '/v1/jobs/:jobId/result',
    summary: 'Answer and final receipt of a completed job.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: z.object({
      jobId: zHash,
      answer: z.unknown().meta({ description: 'OpenAI chat completion' }),
      receipt: zSignedReceipt,
      offer: zSignedOffer,
    }),
  }),
} as const satisfies EndpointTable;
