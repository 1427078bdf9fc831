/**
 * Whose job is next: deficit round-robin between payers, with tokens as the weight.
 *
 * Every payer with a job that may start has a credit in tokens. The one whose credit is nearest to the cost of
 * its next job is served; all others that wait gain as many tokens as it was short of, and it pays the cost. This is
 * the classic round-robin with a quantum of one token, its empty rounds skipped. While two payers both wait, what
 * they were served differs by less than the largest job of each. A payer that waits for nothing has no credit, so
 * nobody saves up.
 *
 * A job that used less than was promised for it gives the rest back, at most the cost of its payer's next job.
 *
 * Inside a payer the shortest promise goes first, and a job grows older as if its promise shrank: `rank`
 * (waiting-job.ts). So it is passed only by jobs that came within `overtakenMs` after it.
 *
 * Limits: who pays from many accounts has many shares; each needs a channel with money on chain. Picking looks at
 * every payer that waits, which the queue bounds. Rejected: shares by money spent, which would sell starvation.
 */
import type { WaitingJob } from './waiting-job.ts';

interface Payer {
  credit: number;
  /** By rank. */
  readonly jobs: WaitingJob[];
}

/** Jobs in the order in which they may run. */
export interface FairOrder {
  add(job: WaitingJob): void;
  /** The next job that may start; nothing changes. */
  next(mayStart: (job: WaitingJob) => boolean): WaitingJob | undefined;
  /** A job starts: its payer pays. `mayStart` says who waited with it. */
  start(job: WaitingJob, mayStart: (job: WaitingJob) => boolean): void;
  /** A job leaves without having started. */
  remove(job: WaitingJob): void;
  /** A job used less than it paid. */
  giveBack(payer: string, tokens: number): void;
}

/** An empty order. */
export function createFairOrder(): FairOrder {
  const payers = new Map<string, Payer>();
  const remove = (job: WaitingJob): void => {
    const payer = payers.get(job.payer);
    const index = payer?.jobs.indexOf(job) ?? -1;
    if (!payer || index < 0) return;
    payer.jobs.splice(index, 1);
    if (payer.jobs.length === 0) payers.delete(job.payer);
  };
  const next: FairOrder['next'] = (mayStart) => {
    let best: { readonly job: WaitingJob; readonly short: number } | undefined;
    for (const { jobs, credit } of payers.values()) {
      const job = jobs.find(mayStart);
      if (!job) continue;
      const short = shortOf(job, credit);
      if (!best || short < best.short) best = { job, short };
    }
    return best?.job;
  };
  return {
    add(job) {
      const payer = payers.get(job.payer) ?? { credit: 0, jobs: [] };
      payers.set(job.payer, payer);
      const index = payer.jobs.findIndex(({ rank }) => rank > job.rank);
      payer.jobs.splice(index < 0 ? payer.jobs.length : index, 0, job);
    },
    next,
    start(job, mayStart) {
      const served = payers.get(job.payer);
      if (!served) return;
      const short = shortOf(job, served.credit);
      for (const payer of payers.values()) {
        if (payer === served || payer.jobs.some(mayStart)) payer.credit += short;
      }
      served.credit = Math.max(served.credit - job.costTokens, 0);
      // Whoever was served stands at the end of the round.
      payers.delete(job.payer);
      payers.set(job.payer, served);
      remove(job);
    },
    remove,
    giveBack(name, tokens) {
      const payer = payers.get(name);
      const cost = payer?.jobs[0]?.costTokens;
      if (!payer || cost === undefined) return;
      payer.credit = Math.max(payer.credit, Math.min(payer.credit + tokens, cost));
    },
  };
}

const shortOf = ({ costTokens }: WaitingJob, credit: number): number =>
  Math.max(costTokens - credit, 0);
