/**
 * Receipts that contradict one that was reported before. A job is reported once, so the second receipt counts for nothing;
 * but two that cannot both be true are told as an event, with both of them, for the detector of equivocation.
 */
import {
  type EventFacts,
  type Hex,
  type Network,
  type SignedReceipt,
  verifyFraud,
} from '@aitbc/protocol';

/** What is needed to tell. */
export interface ConflictDeps {
  readonly reports: { receipt(jobId: Hex): Promise<SignedReceipt | undefined> };
  readonly events: { add(provider: string, facts: EventFacts): void };
  readonly chain: { network(): Network };
}

/** Tells of each job once. */
export interface Conflicts {
  /** A report of a job that was reported before. */
  check(deps: ConflictDeps, second: SignedReceipt): Promise<void>;
}

const toldKept = 4_096;

/** Nothing told yet. */
export function createConflicts(): Conflicts {
  const told = new Set<Hex>();
  return {
    async check({ reports, events, chain }, second) {
      const { jobId, provider } = second.payload;
      if (told.has(jobId)) return;
      const first = await reports.receipt(jobId);
      if (!first || first.signature === second.signature) return;
      if (first.payload.provider !== provider) return;
      if (!verifyFraud(chain.network(), { first, second }).ok) return;
      told.add(jobId);
      const [oldest] = told;
      if (told.size > toldKept && oldest !== undefined) told.delete(oldest);
      events.add(provider, { kind: 'receipt_conflict', jobId, first, second });
    },
  };
}
