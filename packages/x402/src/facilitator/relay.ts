/**
 * Sends a signed transaction for somebody and tells exactly one caller that it paid.
 *
 * The chain takes a transaction once. Told twice, "it paid" would be two sales for one payment, so a caller that comes
 * later gets TX_DUPLICATE. When the answer of the chain is lost, the caller hears `settlement_pending` with the id,
 * asks again, and that id may be told once more; only so many are remembered.
 */
import { AppError, asAppError, type Hex, type SignedTx } from '@aitbc/protocol';
import type { FacilitatorChain, FinalTx } from './facilitator-chain.ts';

const pendingKept = 1_024;

/** What became of a transaction. */
export type Relayed =
  | { readonly state: 'final'; readonly tx: FinalTx }
  | { readonly state: 'pending'; readonly txId: Hex }
  | { readonly state: 'refused'; readonly error: AppError };

/** Sends transactions of others. */
export interface Relay {
  send(tx: SignedTx): Promise<Relayed>;
  /** True for a transaction that was sent from here and whose end is not known. */
  isPending(txId: Hex): boolean;
}

/** A relay that has sent nothing yet. */
export function createRelay(chain: Pick<FacilitatorChain, 'submit' | 'final'>): Relay {
  const underWay = new Set<Hex>();
  const pending = new Set<Hex>();
  const remember = (txId: Hex): Relayed => {
    pending.add(txId);
    const [oldest] = pending;
    if (pending.size > pendingKept && oldest !== undefined) pending.delete(oldest);
    return { state: 'pending', txId };
  };
  const once = async (tx: SignedTx): Promise<Relayed> => {
    const { txId } = tx;
    const wasPending = pending.delete(txId);
    try {
      return { state: 'final', tx: await chain.submit(tx) };
    } catch (error) {
      const known = asAppError(error);
      if (known.row.retryable) return remember(txId);
      if (!wasPending) return { state: 'refused', error: known };
      // Sent before by us, so a refusal may only mean that it is there already.
      const final = await chain.final(txId).catch(() => 'unknown' as const);
      if (final === 'unknown') return remember(txId);
      return final ? { state: 'final', tx: final } : { state: 'refused', error: known };
    }
  };
  return {
    isPending: (txId) => pending.has(txId),
    async send(tx) {
      const { txId } = tx;
      if (underWay.has(txId)) {
        return { state: 'refused', error: new AppError('TX_DUPLICATE', { txId }) };
      }
      underWay.add(txId);
      try {
        return await once(tx);
      } finally {
        underWay.delete(txId);
      }
    },
  };
}
