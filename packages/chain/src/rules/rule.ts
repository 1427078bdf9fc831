/**
 * What a rule is: three functions for each kind of transaction.
 *
 * `form` looks at the transaction alone, so that a mempool can ask it before it knows the state. `spend` is
 * what the kind takes from the sender's balance beside the fee. `apply` changes the state; it runs after the
 * sender has paid and its nonce has moved, and all it wrote is undone when it refuses.
 * See docs/spec/chain.md, "Kinds".
 */
import { amountMax } from '@aitbc/primitives';
import {
  accept,
  addressOf,
  type ChainParams,
  type Hex,
  type Network,
  refuse,
  type TxBody,
  type TxKind,
  type Verdict,
  zeroHash,
} from '@aitbc/protocol';
import type { ClaimResult } from '../receipt.ts';
import { accountOf, burnedOf, type Overlay } from '../state.ts';

/** What a transaction knows of the block it stands in. */
export interface BlockContext {
  readonly height: number;
  /** Chain time, ms. */
  readonly timeMs: number;
  /** Key of the proposer and id of the account that earns the fees. */
  readonly proposer: Hex;
  readonly network: Network;
  readonly params: ChainParams;
}

/** One transaction on its way through its rule. */
export interface Step<K extends TxKind> {
  readonly overlay: Overlay;
  readonly context: BlockContext;
  readonly from: Hex;
  readonly body: TxBody<K>;
}

/** What a rule answers: rows for a claim, nothing for all other kinds. */
export type Outcome = Verdict<readonly ClaimResult[] | undefined>;

/** The rule of one kind. */
export interface Rule<K extends TxKind> {
  readonly form?: (from: Hex, body: TxBody<K>) => Verdict<true>;
  /** nait from the balance of the sender, without the fee. */
  readonly spend?: (body: TxBody<K>) => bigint;
  readonly apply: (step: Step<K>) => Outcome;
}

/** The answer of a rule that has nothing to report. */
export const applied: Outcome = Object.freeze({ ok: true, value: undefined });

/** Accepts an amount above zero. Refusal: TX_AMOUNT_ZERO. */
export function checkNotZero(amount: bigint): Verdict<true> {
  return amount > 0n ? accept(true) : refuse('TX_AMOUNT_ZERO');
}

/** Adds to the balance or the vault of an account. Refusal: TX_AMOUNT_OVERFLOW. */
export function credit(
  overlay: Overlay,
  id: Hex,
  gain: { readonly balance?: bigint; readonly vault?: bigint },
): Verdict<true> {
  const account = accountOf(overlay, id);
  const balance = account.balance + (gain.balance ?? 0n);
  const vault = account.vault + (gain.vault ?? 0n);
  if (balance > amountMax || vault > amountMax) return refuse('TX_AMOUNT_OVERFLOW');
  overlay.put('account', id, { balance, nonce: account.nonce, vault }); // a spread costs more than the sum
  return accept(true);
}

/** Takes from the vault of an account. Refusal: TX_FUNDS_INSUFFICIENT. */
export function takeFromVault(overlay: Overlay, id: Hex, amount: bigint): Verdict<true> {
  const account = accountOf(overlay, id);
  if (account.vault < amount) {
    return lacking(`the vault of ${addressOf(id)}`, account.vault, amount);
  }
  overlay.put('account', id, { ...account, vault: account.vault - amount });
  return accept(true);
}

/** Takes coins that are in no purse any more out of the supply, nait. */
export function burn(overlay: Overlay, amount: bigint): void {
  if (amount > 0n) overlay.put('burned', zeroHash, { amount: burnedOf(overlay) + amount });
}

/** Refusal TX_FUNDS_INSUFFICIENT of a purse: an address, a vault, a channel. */
export function lacking(account: string, available: bigint, needed: bigint): Verdict<never> {
  return refuse('TX_FUNDS_INSUFFICIENT', { account, available, needed });
}
