/**
 * One transaction against the state. It happens as a whole or not at all: a refusal leaves the overlay as it
 * was, costs nothing and never stands in a block.
 *
 * Order: what can be said without the state, nonce, funds; then the sender pays amount and fee and its
 * nonce moves; then the rule of the kind. The fee is out of the sender's balance when this returns and
 * belongs to the proposer, who gets the sum of a block's fees after its last transaction (`block.ts`): so a
 * block of transfers does not write the proposer's account for each of them, and a simulation shows what the
 * sender does and not who happens to propose. See docs/spec/chain.md, "Execution".
 */
import {
  accept,
  addressOf,
  type Hex,
  refuse,
  type UnsignedTx,
  type Verdict,
  zeroHash,
} from '@aitbc/protocol';
import type { AccountState } from './entries.ts';
import type { TxReceipt } from './receipt.ts';
import { type BlockContext, lacking } from './rules/rule.ts';
import { checkForm, ruleOf } from './rules/table.ts';
import { accountOf, type Overlay } from './state.ts';

/** A transaction to apply; without an id, as in a simulation, its receipt has a zero one. */
export type ApplicableTx = UnsignedTx & { readonly txId?: Hex };

/** A transaction and its place in the block. */
export interface PlacedTx {
  readonly tx: ApplicableTx;
  readonly index: number;
}

/** Applies a transaction as the first of its block. See `applyTxAt`. */
export function applyTx(
  overlay: Overlay,
  context: BlockContext,
  tx: ApplicableTx,
): Verdict<TxReceipt> {
  return applyTxAt(overlay, context, { tx, index: 0 });
}

/**
 * Applies a transaction; its receipt, or a refusal that changed nothing. The signature of the envelope is
 * the caller's to check (`verifyTx`); signatures inside bodies are checked here.
 */
export function applyTxAt(
  overlay: Overlay,
  context: BlockContext,
  { tx, index }: PlacedTx,
): Verdict<TxReceipt> {
  const needed = checkForm(context, tx);
  if (!needed.ok) return needed;
  const sender = accountOf(overlay, tx.from);
  const ready = checkSender(sender, tx, needed.value);
  if (!ready.ok) return ready;
  return overlay.attempt(() => {
    const balance = sender.balance - needed.value;
    overlay.put('account', tx.from, { ...sender, balance, nonce: sender.nonce + 1 });
    const outcome = ruleOf(tx.kind).apply({ overlay, context, from: tx.from, body: tx.body });
    if (!outcome.ok) return outcome;
    return accept({
      txId: tx.txId ?? zeroHash,
      height: context.height,
      index,
      kind: tx.kind,
      from: tx.from,
      fee: tx.fee,
      ...(outcome.value ? { rows: outcome.value } : {}),
    });
  });
}

/** Refusals: TX_NONCE_TOO_LOW, TX_NONCE_TOO_HIGH, TX_FUNDS_INSUFFICIENT. */
function checkSender(sender: AccountState, tx: UnsignedTx, needed: bigint): Verdict<true> {
  if (tx.nonce !== sender.nonce) {
    const code = tx.nonce < sender.nonce ? 'TX_NONCE_TOO_LOW' : 'TX_NONCE_TOO_HIGH';
    const facts = { got: tx.nonce, from: addressOf(tx.from), expected: sender.nonce };
    return refuse(code, facts);
  }
  if (sender.balance < needed) return lacking(addressOf(tx.from), sender.balance, needed);
  return accept(true);
}
