/** Single operations of final blocks: transactions, and what stands inside batches. */
import type { TxKind } from '@aitbc/protocol';
import type { FinalBlock } from './block-source.ts';

/** One thing that a sender did. `body` is JSON, as the field table of its kind says. */
export interface FinalOperation {
  readonly kind: TxKind;
  /** Address of the sender. */
  readonly from: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly txId: string;
  /** Rises with the order of the chain: `height × 2^20 + transaction × 256 + operation`. */
  readonly place: number;
  /** Time of the block. */
  readonly timeMs: number;
}

const placesPerBlock = 2 ** 20; // 2 000 transactions of 256 operations fit
const placesPerTx = 256;

/** Operations of a block in their order. What a shared account does on an approval is not among them. */
export function operationsOf({ height, timeMs, txs }: FinalBlock): FinalOperation[] {
  return txs.flatMap(({ id, tx }, index) => {
    const parts = tx.kind === 'batch' ? batchOf(tx.body) : [{ kind: tx.kind, body: tx.body }];
    return parts.map(({ kind, body }, operation) => ({
      ...{ kind, from: tx.from, body, txId: id, timeMs },
      place: height * placesPerBlock + index * placesPerTx + operation,
    }));
  });
}

type Part = Pick<FinalOperation, 'kind' | 'body'>;

/** The node has checked the form of the batch. */
function batchOf({ operations }: Readonly<Record<string, unknown>>): readonly Part[] {
  return Array.isArray(operations) ? (operations as readonly Part[]) : [];
}
