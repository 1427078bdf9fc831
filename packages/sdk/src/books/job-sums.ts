/** What each job has promised and owes, at all its providers together: of jobs that are open or remembered. */
import type { Hex } from '@aitbc/protocol';

/** What a job has promised and owes. */
export interface Commitment {
  readonly nait: bigint;
  /** True while one of its calls has not ended. */
  readonly isOpen: boolean;
}

/** A change of a job's sum. */
export interface JobChange {
  readonly nait?: bigint;
  /** Calls that hold a reservation. */
  readonly open?: number;
}

/** Sums by job; a job without amount and open calls takes no memory. */
export interface JobSums {
  of(jobId: Hex): Commitment;
  add(jobId: Hex, change: JobChange): void;
}

/** No jobs yet. */
export function createJobSums(): JobSums {
  const sums = new Map<Hex, Required<JobChange>>();
  return {
    of(jobId) {
      const { nait = 0n, open = 0 } = sums.get(jobId) ?? {};
      return { nait, isOpen: open > 0 };
    },
    add(jobId, { nait = 0n, open = 0 }) {
      const old = sums.get(jobId) ?? { nait: 0n, open: 0 };
      const sum = { nait: old.nait + nait, open: old.open + open };
      if (sum.nait === 0n && sum.open === 0) sums.delete(jobId);
      else sums.set(jobId, sum);
    },
  };
}
