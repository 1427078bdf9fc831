/** Asynchronous jobs for people, and how they are followed to their end. */
import type { coordinatorEndpoints, OutputOf } from '@aitbc/protocol';
import { pause } from '../chain/await-final.ts';
import type { Context } from '../context/context.ts';
import type { Out } from '../context/out.ts';

/** A job as the coordinator shows it. */
export type Job = OutputOf<typeof coordinatorEndpoints.getJob>;

const endStates: readonly Job['state'][] = ['completed', 'failed', 'expired', 'cancelled'];
const pollMs = 250;

/** True when nothing will happen to the job any more. */
export function hasEnded({ state }: Job): boolean {
  return endStates.includes(state);
}

/** The job as it is, or with `wait` as it ends; a job that is never dispatched ends as `expired`. */
export async function readJob(
  { clients, signal, out }: Context,
  jobId: string,
  { wait }: { readonly wait: boolean },
): Promise<Job> {
  const { coordinator } = await clients();
  const waiting = out.progress('waiting');
  try {
    for (;;) {
      const job = await coordinator.getJob({ jobId }, { signal });
      if (!wait || hasEnded(job)) return job;
      waiting.update(`${job.state}, attempt ${job.attempts}`);
      await pause(pollMs, signal);
    }
  } finally {
    waiting.done();
  }
}

/** A job as a table. */
export function jobText(out: Out, job: Job): string {
  const time = (name: string, ms: number | null) =>
    ms === null ? [] : [[name, new Date(ms).toISOString()]];
  return out.table([
    ['job', job.jobId],
    ['state', job.state],
    ['model', job.model],
    ['provider', job.provider],
    ...(job.attempts === 0 ? [] : [['attempts', String(job.attempts)]]),
    ...time('created', job.createdAtMs),
    ...time('started', job.startedAtMs),
    ...time('finished', job.finishedAtMs),
    ...(job.error ? [['error', `${job.error.code}: ${job.error.message}`]] : []),
  ]);
}
