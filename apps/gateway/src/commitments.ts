/** What the buyer's books say of a job: from its memory while the job is open there, else from the stored rows. */
import type { Hex } from '@aitbc/protocol';
import type { CallRow, Commitment } from '@aitbc/sdk';
import type { BuyerLink } from './connect-buyer.ts';
import type { GatewayStore } from './store.ts';

/**
 * Commitments of jobs; undefined for one without rows. Rows may be one write behind the books, and then say the
 * older, higher sum.
 */
export function createCommitments(
  store: Pick<GatewayStore, 'find'>,
  link: Pick<BuyerLink, 'get' | 'isReady'>,
): (jobId: Hex) => Commitment | undefined {
  return (jobId) => {
    const known = link.isReady() ? link.get().commitment(jobId) : undefined;
    if (known?.isOpen) return known;
    const rows = store.find(jobId) as readonly CallRow[];
    if (rows.length === 0) return undefined;
    const nait = rows.reduce((sum, { charged, reserved }) => sum + charged + reserved, 0n);
    return { nait, isOpen: rows.some(({ status }) => status !== 'settled') };
  };
}
