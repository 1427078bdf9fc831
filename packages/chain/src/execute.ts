/**
 * What building and checking a block share: running its transactions in order, paying the fees, hashing
 * the lists. One function for both, so that a proposer and a checker cannot come apart.
 */
import { bytes32, type Hex, type SignedTx, type Verdict } from '@aitbc/protocol';
import { applyTxAt } from './apply.ts';
import { listRoot } from './merkle.ts';
import { encodeReceipt, type TxReceipt } from './receipt.ts';
import { type BlockContext, credit } from './rules/rule.ts';
import type { Overlay } from './state.ts';

/** Runs transactions one by one above the overlay; `receipts` grows with each accepted one. */
export interface Execution {
  readonly receipts: readonly TxReceipt[];
  /** Applies the next transaction; a refused one changes nothing and takes no place. */
  run(tx: SignedTx): Verdict<TxReceipt>;
  /** Pays the fees of all receipts to the proposer: once, after the last transaction. */
  settle(): void;
}

/** An execution that starts at the first place of a block. */
export function createExecution(overlay: Overlay, context: BlockContext): Execution {
  const receipts: TxReceipt[] = [];
  return {
    receipts,
    run(tx) {
      const receipt = applyTxAt(overlay, context, { tx, index: receipts.length });
      if (receipt.ok) receipts.push(receipt.value);
      return receipt;
    },
    settle() {
      const fees = receipts.reduce((sum, { fee }) => sum + fee, 0n);
      if (fees === 0n) return;
      const paid = credit(overlay, context.proposer, { balance: fees });
      if (!paid.ok) throw new RangeError('the fees of a block pass 2^64-1: coins were made');
    },
  };
}

/** Root over the ids of a block's transactions. */
export function txRootOf(txs: readonly { readonly txId: Hex }[]): Hex {
  return listRoot(txs.map(({ txId }) => bytes32(txId)));
}

/** Root over the receipts of a block. */
export function receiptRootOf(receipts: readonly TxReceipt[]): Hex {
  return listRoot(receipts.map(encodeReceipt));
}
