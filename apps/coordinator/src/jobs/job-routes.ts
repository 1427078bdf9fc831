/** Endpoint → handler, for everything about jobs. */
import type { jobEndpoints } from '@aitbc/protocol';
import { answered, type CallContext, type Handlers } from '@aitbc/service';
import { cancelBatch, type ShowBatchDeps, showBatch, showBatchResults } from './show-batch.ts';
import { cancelJob, type ShowDeps, showJob, showResult, viewOf } from './show-jobs.ts';
import { type StreamDeps, type StreamTarget, streamBatch, streamJob } from './stream-events.ts';
import { type SubmitBatchDeps, submitBatch } from './submit-batch.ts';
import { submitJob } from './submit-job.ts';

/** Parts behind the routes. */
export type JobRouteDeps = SubmitBatchDeps & ShowDeps & ShowBatchDeps & StreamDeps;

/** One handler for each row of the table of jobs. */
export function createJobHandlers<C>(deps: JobRouteDeps): Handlers<typeof jobEndpoints, C> {
  return {
    submitJob: async (submission) => viewOf(await submitJob(deps, submission)),
    submitBatch: (submission) => submitBatch(deps, submission),
    getBatch: ({ batchId }) => showBatch(deps, batchId),
    cancelBatch: ({ batchId }) => cancelBatch(deps, batchId),
    batchResults: (page) => showBatchResults(deps, page),
    async batchEvents({ batchId, after }, context) {
      const from = Math.max(after, lastEventIdOf(context));
      await streamBatch(deps, { batchId, after: from }, targetOf(context));
      return answered;
    },
    getJob: ({ jobId }) => showJob(deps, jobId),
    async jobEvents({ jobId }, context) {
      await streamJob(deps, jobId, targetOf(context));
      return answered;
    },
    cancelJob: ({ jobId }) => cancelJob(deps, jobId),
    jobResult: ({ jobId }) => showResult(deps, jobId),
  };
}

function targetOf({ reply, signal }: Pick<CallContext, 'reply' | 'signal'>): StreamTarget {
  return { raw: reply.raw, signal, begin: () => void reply.hijack() };
}

/** Number of the last event that the reader has; 0 without one. */
function lastEventIdOf({ request }: Pick<CallContext, 'request'>): number {
  const text = request.headers['last-event-id'];
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
