/**
 * The mempool: transactions that wait for a block. A pure structure, bounded by count, bytes and account.
 *
 * An account's waiting transactions have the nonces that follow its state without a hole, because a
 * transaction is admitted only when all before it are in a block or wait here, and when the balance covers
 * the amounts and fees of all of them. So the order of arrival is also the order of nonces, and candidates
 * are handed out in it: first come, first served, no account can overtake. There is no replacement by fee.
 *
 * After a block only the accounts it touched are looked at again. What leaves a hole behind takes all
 * later ones of its account with it. Signatures are the caller's to check, before `add`.
 * See docs/spec/chain.md, "Mempool".
 */
import {
  accept,
  addressOf,
  type ChainParams,
  type Hex,
  limits,
  type Network,
  refuse,
  type SignedTx,
  type Verdict,
} from '@aitbc/protocol';
import type { RefusedTx } from './block.ts';
import { lacking } from './rules/rule.ts';
import { checkForm, ruleOf } from './rules/table.ts';
import { accountOf, type StateReader } from './state.ts';

/** How much a mempool may hold. */
export interface MempoolLimits {
  readonly mempoolTxCount: number;
  readonly mempoolSizeBytes: number;
  readonly mempoolPerAccount: number;
}

/** What a mempool is made of. */
export interface MempoolOptions {
  readonly network: Network;
  readonly params: ChainParams;
  /** The limits of the protocol when left out. */
  readonly limits?: MempoolLimits;
}

/** Waiting transactions. */
export interface Mempool {
  /** Would it be taken? `height` is that of the next block. Everything but the signature. */
  check(tx: SignedTx, reader: StateReader, next: { readonly height: number }): Verdict<true>;
  /** Takes a transaction that `check` accepted against the same state. */
  add(tx: SignedTx): void;
  /** The oldest transactions that fit, each after its predecessors. */
  candidates(maxCount: number, maxBytes: number): SignedTx[];
  /** Forgets transactions, known or not. Call `recheck` for their senders next. */
  remove(txIds: Iterable<Hex>): void;
  /** Drops what the new state does not carry any more; what was dropped and why. */
  recheck(touchedAccounts: Iterable<Hex>, reader: StateReader): RefusedTx[];
  /** Next nonce of an account after its waiting transactions. */
  pendingNonce(account: Hex, stateNonce: number): number;
  get(txId: Hex): SignedTx | undefined;
  count(): number;
  sizeBytes(): number;
}

/** An empty mempool. */
export function createMempool(options: MempoolOptions): Mempool {
  const { network, params } = options;
  const bounds = options.limits ?? limits;
  const byId = new Map<Hex, SignedTx>();
  const byAccount = new Map<Hex, Map<number, SignedTx>>();
  let totalBytes = 0;

  const roomFor = (tx: SignedTx): Verdict<true> => {
    const full = byId.size >= bounds.mempoolTxCount;
    if (full || totalBytes + tx.bytes.length > bounds.mempoolSizeBytes) {
      return refuse('MEMPOOL_FULL', { count: byId.size });
    }
    const count = byAccount.get(tx.from)?.size ?? 0;
    if (count < bounds.mempoolPerAccount) return accept(true);
    return refuse('MEMPOOL_ACCOUNT_FULL', { from: addressOf(tx.from), count });
  };
  const drop = (tx: SignedTx): void => {
    byId.delete(tx.txId);
    totalBytes -= tx.bytes.length;
    const own = byAccount.get(tx.from);
    own?.delete(tx.nonce);
    if (own?.size === 0) byAccount.delete(tx.from);
  };
  const mempool: Mempool = {
    check(tx, reader, { height }) {
      if (byId.has(tx.txId)) return refuse('TX_DUPLICATE');
      const form = checkForm({ height, network, params }, tx);
      if (!form.ok) return form;
      const turn = checkTurn(tx, reader, byAccount.get(tx.from) ?? new Map());
      return turn.ok ? roomFor(tx) : turn;
    },
    add(tx) {
      const own = byAccount.get(tx.from) ?? new Map<number, SignedTx>();
      if (byId.has(tx.txId) || own.has(tx.nonce)) throw new RangeError('it waits here already');
      byAccount.set(tx.from, own.set(tx.nonce, tx));
      byId.set(tx.txId, tx);
      totalBytes += tx.bytes.length;
    },
    candidates: (maxCount, maxBytes) => takeOldest(byId.values(), maxCount, maxBytes),
    remove(txIds) {
      for (const txId of txIds) {
        const tx = byId.get(txId);
        if (tx) drop(tx);
      }
    },
    recheck(touchedAccounts, reader) {
      const dropped: RefusedTx[] = [];
      for (const account of new Set(touchedAccounts)) {
        const own = byAccount.get(account);
        if (own) dropped.push(...staleOf(own, account, reader));
      }
      for (const { tx } of dropped) drop(tx);
      return dropped;
    },
    pendingNonce(account, stateNonce) {
      const own = byAccount.get(account);
      let nonce = stateNonce;
      while (own?.has(nonce)) nonce += 1;
      return nonce;
    },
    get: (txId) => byId.get(txId),
    count: () => byId.size,
    sizeBytes: () => totalBytes,
  };
  return mempool;
}

/** What a transaction takes from its sender's balance, nait. */
function costOf(tx: SignedTx): bigint {
  return tx.fee + (ruleOf(tx.kind).spend?.(tx.body) ?? 0n);
}

/** Its nonce must be the next one, and the balance must carry it and all that wait before it. */
function checkTurn(
  tx: SignedTx,
  reader: StateReader,
  own: ReadonlyMap<number, SignedTx>,
): Verdict<true> {
  const { nonce, balance } = accountOf(reader, tx.from);
  if (tx.nonce < nonce) return nonceRefusal('TX_NONCE_TOO_LOW', tx, nonce);
  if (own.has(tx.nonce)) return nonceRefusal('TX_NONCE_PENDING', tx, nonce + own.size);
  let expected = nonce;
  let needed = costOf(tx);
  for (let waiting = own.get(expected); waiting; waiting = own.get(expected)) {
    needed += costOf(waiting);
    expected += 1;
  }
  if (tx.nonce > expected) return nonceRefusal('TX_NONCE_TOO_HIGH', tx, expected);
  return balance < needed ? lacking(addressOf(tx.from), balance, needed) : accept(true);
}

function nonceRefusal(
  code: 'TX_NONCE_TOO_LOW' | 'TX_NONCE_TOO_HIGH' | 'TX_NONCE_PENDING',
  tx: SignedTx,
  expected: number,
): Verdict<never> {
  return refuse(code, { got: tx.nonce, from: addressOf(tx.from), expected });
}

function takeOldest(waiting: Iterable<SignedTx>, maxCount: number, maxBytes: number): SignedTx[] {
  const taken: SignedTx[] = [];
  const nextNonce = new Map<Hex, number>();
  let left = maxBytes;
  for (const tx of waiting) {
    if (taken.length >= maxCount) break;
    const expected = nextNonce.get(tx.from) ?? tx.nonce;
    if (tx.nonce !== expected) continue;
    if (tx.bytes.length > left) {
      nextNonce.set(tx.from, Number.NaN); // nothing of this sender may overtake it
      continue;
    }
    nextNonce.set(tx.from, expected + 1);
    left -= tx.bytes.length;
    taken.push(tx);
  }
  return taken;
}

/** Transactions of an account that its state does not carry any more, in nonce order. */
function staleOf(
  own: ReadonlyMap<number, SignedTx>,
  account: Hex,
  reader: StateReader,
): RefusedTx[] {
  const { nonce, balance } = accountOf(reader, account);
  const stale: RefusedTx[] = [];
  let expected = nonce;
  let left = balance;
  for (const tx of [...own.values()].sort((a, b) => a.nonce - b.nonce)) {
    const verdict = stillFits(tx, { nonce, expected, left });
    if (verdict.ok) {
      expected += 1;
      left -= costOf(tx);
    } else stale.push({ tx, code: verdict.code, facts: verdict.facts });
  }
  return stale;
}

function stillFits(
  tx: SignedTx,
  sender: { nonce: number; expected: number; left: bigint },
): Verdict<true> {
  const { nonce, expected, left } = sender;
  if (tx.nonce < nonce) return nonceRefusal('TX_NONCE_TOO_LOW', tx, nonce);
  if (tx.nonce > expected) return nonceRefusal('TX_NONCE_TOO_HIGH', tx, expected);
  const needed = costOf(tx);
  return left < needed ? lacking(addressOf(tx.from), left, needed) : accept(true);
}
