/** Several transactions at once, in their order; what happens to one does not stop the others. */
import { asAppError, refuse, type SignedTx, type Verdict } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Admit } from '../../chain/admission.ts';

/** A verdict for each of the transactions. Never rejects: what fails is INTERNAL, or its own code, for that row. */
export function takeBatch(
  admit: Admit,
  txs: readonly Uint8Array[],
  log: Log,
): Promise<Verdict<SignedTx>[]> {
  return Promise.all(
    txs.map(async (bytes) => {
      try {
        return await admit(bytes);
      } catch (error) {
        const { code, facts } = asAppError(error);
        if (code === 'INTERNAL') log.error({ err: error }, 'a transaction of a batch failed');
        return refuse(code, facts);
      }
    }),
  );
}
