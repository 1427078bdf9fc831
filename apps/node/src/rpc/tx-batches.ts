/** Binary batches of transactions, answered: see `tx-frames.ts` of the protocol for the bytes. */
import { copiesOf } from '@aitbc/primitives';
import { decodeTxBatch, encodeTxReply, type TxOutcome } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Admit } from '../chain/admission.ts';
import { takeBatch } from './methods/take-batch.ts';

/** The reply to the bytes of a frame; one that cannot be read is answered by a fault. Never rejects. */
export type AnswerFrame = (bytes: Uint8Array) => Promise<Uint8Array>;

/** Answers frames by admitting their transactions. */
export function createFrameAnswerer(admit: Admit, log: Log): AnswerFrame {
  return async (bytes) => {
    const batch = decodeTxBatch(bytes);
    if (!batch.ok) {
      const { code, facts } = batch;
      const requestId = Number(facts.requestId);
      return encodeTxReply({ requestId, fault: { code, reason: String(facts.reason) } });
    }
    const { requestId, txs } = batch.value;
    const verdicts = await takeBatch(admit, copiesOf(txs), log);
    const outcomes = verdicts.map(
      (verdict): TxOutcome => (verdict.ok ? { txId: verdict.value.txId } : { code: verdict.code }),
    );
    return encodeTxReply({ requestId, outcomes });
  };
}
