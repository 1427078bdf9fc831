/**
 * One transaction against the state. It happens as a whole or not at all: a refusal leaves the overlay as it
 * was, costs nothing and never stands in a block.
 *
 * Order: what can be said without the state, turn in the lane, funds; then the sender pays the amount, the
 * payer the fee, and the counter of the lane moves; then the rule of the kind. The fee is out of the payer's
 * balance when this returns and belongs to the proposer, who gets the sum of a block's fees after its last
 * transaction (`block.ts`): so a block of transfers does not write the proposer's account for each of them,
 * and a simulation shows what the sender does and not who happens to propose.
 *
 * A sponsored transaction whose payer is not known yet, which only a simulation can meet, pays no fee here.
 * See docs/spec/chain.md, "Execution".
 */
import {
  accept,
  addressOf,
  feePayerOf,
  type Hex,
  type UnsignedTx,
  type Verdict,
  zeroHash,
} from '@aitbc/protocol';
import type { AccountState } from './entries.ts';
import type { TxReceipt } from './receipt.ts';
import { checkTurn, takeTurn } from './rules/lanes.ts';
import { type BlockContext, lacking } from './rules/rule.ts';
import { checkForm, ruleOf } from './rules/table.ts';
import { accountOf, type Overlay } from './state.ts';

/** A transaction to apply; without an id, as in a simulation, its receipt has a zero one. */
export type ApplicableTx = UnsignedTx & { readonly txId?: Hex; readonly payer?: Hex };

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
  const bill = billOf(tx, needed.value);
  const sender = accountOf(overlay, tx.from);
  const ready = checkSender(overlay, context, { tx, sender, bill });
  if (!ready.ok) return ready;
  return overlay.attempt(() => {
    takeTurn(overlay, context, { tx, sender, cost: bill.cost });
    if (bill.sponsor) takeFee(overlay, bill.sponsor, tx.fee);
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

/** What leaves which balance: `cost` the sender's, the fee the sponsor's where somebody else pays it. */
interface Bill {
  readonly cost: bigint;
  readonly sponsor: Hex | undefined;
}

function billOf(tx: ApplicableTx, spend: bigint): Bill {
  const payer = feePayerOf(tx);
  const cost = payer === tx.from ? spend + tx.fee : spend;
  return { cost, sponsor: payer === tx.from ? undefined : payer };
}

interface Sending {
  readonly tx: ApplicableTx;
  readonly sender: AccountState;
  readonly bill: Bill;
}

/** Turn and funds. Refusals: those of `checkTurn`, TX_FUNDS_INSUFFICIENT. */
function checkSender(
  overlay: Overlay,
  context: BlockContext,
  { tx, sender, bill }: Sending,
): Verdict<true> {
  const turn = checkTurn(overlay, context, tx);
  if (!turn.ok) return turn;
  if (sender.balance < bill.cost) return lacking(addressOf(tx.from), sender.balance, bill.cost);
  if (bill.sponsor === undefined) return accept(true);
  const { balance } = accountOf(overlay, bill.sponsor);
  return balance < tx.fee ? lacking(addressOf(bill.sponsor), balance, tx.fee) : accept(true);
}

function takeFee(overlay: Overlay, id: Hex, fee: bigint): void {
  const payer = accountOf(overlay, id);
  overlay.put('account', id, { ...payer, balance: payer.balance - fee });
}
