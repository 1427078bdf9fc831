/** The jobs that this coordinator has in hand, in memory: each in its newest version. */
import type { Hex } from '@aitbc/protocol';
import { isInHand, type StoredJob } from '../store/job-rows.ts';

/** The jobs in hand, by id and by provider. */
export interface JobsInHand {
  get(jobId: Hex): StoredJob | undefined;
  of(provider: string): ReadonlySet<Hex>;
  all(): StoredJob[];
  /** Takes in or drops the job as its newest version says; false for an older one than is known. */
  keep(stored: StoredJob): boolean;
  drop(jobId: Hex): void;
}

/** Nothing in hand. */
export function createJobsInHand(owner: string): JobsInHand {
  const held = new Map<Hex, StoredJob>();
  const lanes = new Map<string, Set<Hex>>();
  const drop = (jobId: Hex): void => {
    const provider = held.get(jobId)?.job.provider;
    held.delete(jobId);
    if (provider === undefined) return;
    const lane = lanes.get(provider);
    lane?.delete(jobId);
    if (lane?.size === 0) lanes.delete(provider);
  };
  return {
    drop,
    get: (jobId) => held.get(jobId),
    of: (provider) => lanes.get(provider) ?? noJobs,
    all: () => [...held.values()],
    keep(stored) {
      const { jobId, provider } = stored.job;
      const known = held.get(jobId);
      if (known && known.version > stored.version) return false;
      if (stored.owner !== owner || !isInHand(stored.job)) {
        drop(jobId);
        return true;
      }
      held.set(jobId, stored);
      const lane = lanes.get(provider) ?? new Set<Hex>();
      lanes.set(provider, lane.add(jobId));
      return known?.version !== stored.version;
    },
  };
}

const noJobs: ReadonlySet<Hex> = new Set<Hex>();
