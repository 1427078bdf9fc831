/** May a transaction wait here: its place in its lane, the funds of all that waits, and room for it. */
import {
  accept,
  addressOf,
  expiringLane,
  type Hex,
  laneOf,
  limits,
  type Network,
  refuse,
  type SignedTx,
  type Verdict,
} from '@aitbc/protocol';
import type { RefusedTx } from '../block.ts';
import { aliveOf, expiringFull, nonceOf, nonceRefusal } from '../rules/lanes.ts';
import { lacking } from '../rules/rule.ts';
import { accountOf, type StateReader } from '../state.ts';
import type { MempoolLimits, Pool } from './pool.ts';
import { itemWith, payerOf, predecessorOf, queueIdOf, type Waiting } from './waiting.ts';

const victimsMax = 256; // more small transactions are not thrown out for one large one

/** What a transaction is checked against. */
export interface Admission {
  readonly pool: Pool;
  readonly network: Network;
  readonly reader: StateReader;
  readonly bounds: MempoolLimits;
  readonly height: number;
}

/**
 * The waiting transaction that this one would replace, undefined when it takes a new place. Refusals:
 * TX_NONCE_TOO_LOW, TX_NONCE_PENDING, TX_NONCE_TOO_HIGH, TX_DUPLICATE, TX_EXPIRING_FULL,
 * TX_FUNDS_INSUFFICIENT, MEMPOOL_ACCOUNT_FULL.
 */
export function whereTo(at: Admission, tx: SignedTx, spend: bigint): Verdict<Waiting | undefined> {
  const isFree = laneOf(tx) === expiringLane;
  const replaced = isFree ? checkExpiring(at, tx) : checkNonce(at, tx);
  if (!replaced.ok) return replaced;
  const funded = checkFunds(at, { tx, spend, replaced: replaced.value });
  if (!funded.ok) return funded;
  const { count = 0 } = at.pool.book(tx.from) ?? {};
  if (replaced.value || count < at.bounds.mempoolPerAccount) return replaced;
  return refuse('MEMPOOL_ACCOUNT_FULL', { from: addressOf(tx.from), count });
}

function checkExpiring({ pool, reader, height }: Admission, tx: SignedTx): Verdict<undefined> {
  const contentId = queueIdOf(tx);
  const alive = aliveOf(reader, tx.from, height);
  const isUsed = alive.some((row) => row.contentId === contentId);
  if (isUsed || pool.queueOf(tx)) return refuse('TX_DUPLICATE');
  let waiting = 0;
  for (const { lane } of pool.book(tx.from)?.queues.values() ?? []) {
    if (lane === expiringLane) waiting += 1;
  }
  const isFull = alive.length + waiting >= limits.expiringPerAccount;
  return isFull ? expiringFull(tx.from) : accept(undefined);
}

function checkNonce({ pool, network, reader }: Admission, tx: SignedTx) {
  const queue = pool.queueOf(tx);
  let expected = nonceOf(reader, network, { from: tx.from, lane: laneOf(tx) });
  if (tx.nonce < expected) return nonceRefusal('TX_NONCE_TOO_LOW', tx, expected);
  const old = itemWith(queue, tx.nonce);
  if (old) return checkReplacement(tx, old);
  while (itemWith(queue, expected)) expected += 1;
  if (tx.nonce > expected) return nonceRefusal('TX_NONCE_TOO_HIGH', tx, expected);
  return accept<Waiting | undefined>(undefined);
}

/** A replacement pays a tenth more, so that a flood of them costs something. */
function checkReplacement(tx: SignedTx, old: Waiting): Verdict<Waiting | undefined> {
  const feeNeeded = old.tx.fee + (old.tx.fee + 9n) / 10n;
  if (tx.fee >= feeNeeded && tx.fee > old.tx.fee) return accept(old);
  return refuse('TX_NONCE_PENDING', { got: tx.nonce, from: addressOf(tx.from), feeNeeded });
}

interface Offer {
  readonly tx: SignedTx;
  readonly spend: bigint;
  readonly replaced: Waiting | undefined;
}

/** The balances of sender and payer must cover all that waits at their cost. */
function checkFunds(at: Admission, offer: Offer): Verdict<true> {
  const { from } = offer.tx;
  const payer = payerOf(offer.tx);
  const checked = checkPurse(at, offer, from);
  return checked.ok && payer !== from ? checkPurse(at, offer, payer) : checked;
}

function checkPurse(
  { pool, reader }: Admission,
  { tx, spend, replaced }: Offer,
  account: Hex,
): Verdict<true> {
  const freed = replaced ? costFor(account, replaced) : 0n;
  const reserved = (pool.book(account)?.reserved ?? 0n) - freed;
  const needed = reserved + costFor(account, { tx, spend });
  const { balance } = accountOf(reader, account);
  return balance < needed ? lacking(addressOf(account), balance, needed) : accept(true);
}

function costFor(account: Hex, { tx, spend }: Pick<Waiting, 'tx' | 'spend'>): bigint {
  return (tx.from === account ? spend : 0n) + (payerOf(tx) === account ? tx.fee : 0n);
}

/** What must go for a transaction to come in: the one it replaces and the poorest ones. Refusal: MEMPOOL_FULL. */
export function roomFor(
  { pool, bounds }: Pick<Admission, 'pool' | 'bounds'>,
  tx: SignedTx,
  replaced: Waiting | undefined,
): Verdict<RefusedTx[]> {
  const dropped: RefusedTx[] = [];
  if (replaced) dropped.push({ tx: replaced.tx, code: 'TX_REPLACED', facts: { by: tx.txId } });
  let places = bounds.mempoolTxCount - pool.count() + dropped.length;
  const freed = replaced?.tx.bytes.length ?? 0;
  let bytes = bounds.mempoolSizeBytes - pool.sizeBytes() + freed - tx.bytes.length;
  if (places > 0 && bytes >= 0) return accept(dropped);
  const queue = pool.queueOf(tx);
  const reach = reachOf(tx, replaced ? predecessorOf(replaced) : queue?.items.at(-1));
  const walk = pool.worst();
  const facts = { count: pool.count() };
  while (places <= 0 || bytes < 0) {
    const victim = walk.next();
    if (!victim || victim.reach >= reach || dropped.length > victimsMax) {
      return refuse('MEMPOOL_FULL', facts);
    }
    if (victim.queue === queue) continue; // nothing goes for what stands on it
    dropped.push({ tx: victim.tx, code: 'MEMPOOL_FULL', facts });
    places += 1;
    bytes += victim.tx.bytes.length;
    const before = predecessorOf(victim);
    if (before) walk.add(before);
  }
  return accept(dropped);
}

function reachOf(tx: SignedTx, before: Waiting | undefined): number {
  const rate = Number(tx.fee) / tx.bytes.length;
  return Math.min(rate, before?.reach ?? rate);
}
