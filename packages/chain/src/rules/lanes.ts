/**
 * Lanes: which counter a transaction moves, so that an account with many jobs does not queue behind itself.
 *
 *   0             the nonce of the account
 *   1 … 65 534    a counter of its own each, which begins at 0
 *   65 535        no order: valid once, until its `validUntil`, which must be near
 *
 * The expiring lane remembers what it has seen in one entry per account, by the hash of what the sender
 * signed: with the id a second fee payer could make a signed transfer happen twice. A row lives until its
 * `validUntil` is past, and dead rows go at the next write, so the entry is bounded by the number of rows
 * alive and their life by the horizon. See docs/spec/chain.md, "Lanes".
 */
import {
  accept,
  addressOf,
  contentIdOf,
  expiringLane,
  type Hex,
  laneIdOf,
  laneOf,
  limits,
  type Network,
  refuse,
  type UnsignedTx,
  type Verdict,
} from '@aitbc/protocol';
import type { AccountState } from '../entries.ts';
import { accountOf, entryOf, type Overlay, type StateReader } from '../state.ts';
import type { ExpiringState } from '../work-entries.ts';

/** Where a transaction stands. */
interface Place {
  readonly network: Network;
  readonly height: number;
}

type Reader = StateReader | Overlay;

/** A lane of an account; not the expiring one, which counts nothing. */
export interface LaneName {
  readonly from: Hex;
  readonly lane: number;
}

/** Nonce of the next transaction of a lane. */
export function nonceOf(reader: Reader, network: Network, { from, lane }: LaneName): number {
  if (lane === 0) return accountOf(reader, from).nonce;
  return entryOf(reader, 'lane', laneIdOf(network, from, lane))?.nonce ?? 0;
}

/** Transactions of the expiring lane that an account has used and that are not over at a height. */
export function aliveOf(reader: Reader, account: Hex, height: number): ExpiringState['alive'] {
  const rows = entryOf(reader, 'expiring', account)?.alive ?? [];
  return rows.filter(({ validUntil }) => validUntil >= height);
}

/** Checks `validUntil`, in the expiring lane too. Refusals: TX_EXPIRED, TX_EXPIRY_INVALID. */
export function checkExpiry(tx: UnsignedTx, height: number): Verdict<true> {
  const { validUntil } = tx;
  if (validUntil !== 0 && height > validUntil) return refuse('TX_EXPIRED', { validUntil, height });
  if (tx.lane !== expiringLane) return accept(true);
  const latest = height + limits.expiringHorizonBlocks;
  if (validUntil !== 0 && validUntil <= latest) return accept(true);
  return refuse('TX_EXPIRY_INVALID', { height, latest, validUntil });
}

/** Refusal of a nonce that is not the next one of its lane. */
export function nonceRefusal(
  code: 'TX_NONCE_TOO_LOW' | 'TX_NONCE_TOO_HIGH',
  tx: UnsignedTx,
  expected: number,
): Verdict<never> {
  return refuse(code, { got: tx.nonce, from: addressOf(tx.from), expected });
}

/** Refusal of one more transaction in a full expiring lane. */
export function expiringFull(from: Hex): Verdict<never> {
  return refuse('TX_EXPIRING_FULL', { from: addressOf(from), count: limits.expiringPerAccount });
}

/**
 * Is it this transaction's turn? Refusals: TX_NONCE_TOO_LOW, TX_NONCE_TOO_HIGH; in the expiring lane
 * TX_DUPLICATE, TX_EXPIRING_FULL.
 */
export function checkTurn(
  overlay: Overlay,
  { network, height }: Place,
  tx: UnsignedTx,
): Verdict<true> {
  const lane = laneOf(tx);
  if (lane === expiringLane) return checkAlive(aliveOf(overlay, tx.from, height), tx);
  const expected = nonceOf(overlay, network, { from: tx.from, lane });
  if (tx.nonce === expected) return accept(true);
  const code = tx.nonce < expected ? 'TX_NONCE_TOO_LOW' : 'TX_NONCE_TOO_HIGH';
  return nonceRefusal(code, tx, expected);
}

function checkAlive(alive: ExpiringState['alive'], tx: UnsignedTx): Verdict<true> {
  const contentId = contentIdOf(tx);
  if (alive.some((row) => row.contentId === contentId)) return refuse('TX_DUPLICATE');
  return alive.length < limits.expiringPerAccount ? accept(true) : expiringFull(tx.from);
}

/**
 * Takes what the transaction costs its sender and moves the counter of its lane: one write for the
 * ordinary lane, two for the others.
 */
export function takeTurn(
  overlay: Overlay,
  { network, height }: Place,
  { tx, sender, cost }: { tx: UnsignedTx; sender: AccountState; cost: bigint },
): void {
  const lane = laneOf(tx);
  const { from, nonce, validUntil } = tx;
  const balance = sender.balance - cost;
  if (lane === 0) {
    overlay.put('account', from, { balance, nonce: sender.nonce + 1, vault: sender.vault });
    return;
  }
  if (cost > 0n) overlay.put('account', from, { ...sender, balance });
  if (lane === expiringLane) {
    const row = { contentId: contentIdOf(tx), validUntil };
    overlay.put('expiring', from, { alive: [...aliveOf(overlay, from, height), row] });
  } else overlay.put('lane', laneIdOf(network, from, lane), { nonce: nonce + 1 });
}
