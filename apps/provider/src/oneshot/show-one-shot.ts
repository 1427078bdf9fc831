/** What became of a payment by one transfer, for whoever knows its id: all of it is on chain anyway. */
import {
  AppError,
  addressOf,
  type Hex,
  type OutputOf,
  type oneShotEndpoints,
} from '@aitbc/protocol';
import type { OneShotStore } from './one-shot-store.ts';

/** A payment as the API shows it. Throws NOT_FOUND. */
export function showOneShot(
  store: Pick<OneShotStore, 'find'>,
  txId: Hex,
): OutputOf<typeof oneShotEndpoints.oneShot> {
  const row = store.find(txId);
  if (!row) throw new AppError('NOT_FOUND', { what: `payment ${txId}` });
  return {
    txId,
    payer: addressOf(row.payer),
    jobId: row.jobId,
    state: row.state,
    amount: row.amount.toString(),
    charged: row.charged.toString(),
    credit: row.credit.toString(),
    refundTxId: row.refundTxId ?? null,
    refundIsFinal: row.refundIsFinal,
    takenAtMs: row.takenAtMs,
  };
}
