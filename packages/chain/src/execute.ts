/**
 * What building and checking a block share: running its transactions in order, paying the fees, drawing jurors,
 * counting the skipped views, ending the epoch, hashing the lists. One function for both, so that a proposer and a
 * checker cannot come apart.
 */
import { bytes32, type Hex, type SignedTx, type TxKind, type Verdict } from '@aitbc/protocol';
import { applyTxAt } from './apply.ts';
import { countMissedViews, type ViewStep } from './epoch/downtime.ts';
import { endsEpoch } from './epoch/epochs.ts';
import { applyArmed } from './epoch/overrides.ts';
import { chooseNextSet } from './epoch/validator-set.ts';
import { encodeReceipts, type TxReceipt } from './receipt.ts';
import { drawDue } from './rules/audits/docket.ts';
import { type BlockContext, credit } from './rules/rule.ts';
import type { Overlay } from './state.ts';
import { hashListRoot, listRoot } from './tree/hash-list.ts';

/** Runs transactions one by one above the overlay; `receipts` grows with each accepted one. */
export interface Execution {
  readonly receipts: readonly TxReceipt[];
  /** Applies the next transaction; a refused one changes nothing and takes no place. */
  run(tx: SignedTx): Verdict<TxReceipt>;
  /** What a block does after its last transaction: once. */
  finish(): void;
}

/** What the end of a block looks at; no transaction sees it, so none can depend on the parent's hash. */
export interface BlockEnd {
  readonly views: ViewStep;
  readonly parentHash: Hex;
}

/** An execution that starts at the first place of a block. */
export function createExecution(
  overlay: Overlay,
  context: BlockContext,
  { views, parentHash }: BlockEnd,
): Execution {
  const receipts: TxReceipt[] = [];
  return {
    receipts,
    run(tx) {
      const receipt = applyTxAt(overlay, context, { tx, index: receipts.length });
      if (receipt.ok) receipts.push(receipt.value);
      return receipt;
    },
    finish() {
      payFees(overlay, context.proposer, receipts);
      drawDue(overlay, context, parentHash);
      countMissedViews(overlay, context, views);
      if (!endsEpoch(context.params, context.height)) return;
      chooseNextSet(overlay, applyArmed(overlay, context.params));
    },
  };
}

function payFees(overlay: Overlay, proposer: Hex, receipts: readonly TxReceipt[]): void {
  const fees = receipts.reduce((sum, { fee }) => sum + fee, 0n);
  if (fees === 0n) return;
  const paid = credit(overlay, proposer, { balance: fees });
  if (!paid.ok) throw new RangeError('the fees of a block pass 2^64-1: coins were made');
}

/** Root over the ids of a block's transactions. */
export function txRootOf(txs: readonly { readonly txId: Hex }[]): Hex {
  return hashListRoot(txs.map(({ txId }) => bytes32(txId)));
}

/** Root over the receipts of a block. */
export function receiptRootOf(receipts: readonly TxReceipt[]): Hex {
  return listRoot(encodeReceipts(receipts));
}

/** Root over the ids of those transactions that bring evidence. */
export function evidenceRootOf(txs: readonly { readonly txId: Hex; readonly kind: TxKind }[]): Hex {
  return txRootOf(txs.filter(({ kind }) => kind === 'evidence_submit'));
}
