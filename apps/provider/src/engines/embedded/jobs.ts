import type { ReplayMeasure } from '@aitbc/protocol';
import type { EngineEmbeddings } from '../engine.ts';
import type { EventQueue } from '../event-queue.ts';
import type { WorkerEnd } from './worker-messages.ts';

/** A request that the worker has not answered to the end yet. */
export type Job =
  | { readonly kind: 'run'; readonly queue: EventQueue<WorkerEnd> }
  | { readonly kind: 'count'; resolve(tokens: number): void; reject(error: unknown): void }
  | { readonly kind: 'audit'; resolve(measure: ReplayMeasure): void; reject(error: unknown): void }
  | {
      readonly kind: 'embed';
      resolve(embeddings: EngineEmbeddings): void;
      reject(error: unknown): void;
    };

/** Ends a job with an error. */
export function failJob(job: Job | undefined, error: unknown): void {
  if (job?.kind === 'run') job.queue.fail(error);
  else job?.reject(error);
}

/** Requests on their way to the worker and back, by id. */
export function createJobs() {
  const jobs = new Map<number, Job>();
  let lastId = 0;
  return {
    add(job: Job): number {
      lastId += 1;
      jobs.set(lastId, job);
      return lastId;
    },
    /** Paid requests that the engine works on; counting is too quick to count. */
    running: () =>
      [...jobs.values()].filter(({ kind }) => kind === 'run' || kind === 'embed').length,
    /** The audit that is on its way; there is one at most. */
    auditId: () => [...jobs].find(([, { kind }]) => kind === 'audit')?.[0],
    queueOf(id: number) {
      const job = jobs.get(id);
      return job?.kind === 'run' ? job.queue : undefined;
    },
    take(id: number): Job | undefined {
      const job = jobs.get(id);
      jobs.delete(id);
      return job;
    },
    failAll(error: unknown): void {
      for (const job of jobs.values()) failJob(job, error);
      jobs.clear();
    },
  };
}

export type Jobs = ReturnType<typeof createJobs>;
