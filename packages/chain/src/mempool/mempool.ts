/**
 * The mempool: transactions that wait for a block. A pure structure, bounded by count, bytes and account.
 *
 * The transactions of one lane of an account have the nonces that follow its state without a hole, because
 * one is admitted only when all before it are in a block or wait here. The expiring lane has no order. All
 * that waits is counted against the balances it would take from, the sender's and the payer's, so what is here
 * can be paid for, whatever order a block takes it in.
 *
 * Candidates come out by fee per byte, the nonces of a lane in order, first come first served among equals. A
 * transaction replaces one of the same nonce for a tenth more. When there is no room, the newcomer drives out the
 * ends of those queues that a block would take last, if it pays more per byte than each of them does; a transaction
 * counts at the lowest rate up to it in its lane, so a rich end does not protect a poor head.
 *
 * After a block only the accounts it touched are looked at again. What leaves a hole behind takes all later
 * ones of its lane with it. Signatures are the caller's to check, before `add`. Rejected: keeping transactions
 * with a hole before them (they cost memory and may never be paid), and one heap that is emptied for each
 * block (`queue-heap.ts`). See docs/spec/chain.md, "Mempool".
 */
import {
  accept,
  type ChainParams,
  type Hex,
  limits,
  type Network,
  refuse,
  type SignedTx,
  type Verdict,
} from '@aitbc/protocol';
import type { RefusedTx } from '../block.ts';
import type { StateKey } from '../entries.ts';
import { checkForm, spendOf } from '../rules/table.ts';
import type { StateReader } from '../state.ts';
import { roomFor, whereTo } from './admission.ts';
import { createPool, type MempoolLimits, type Pool } from './pool.ts';
import { refusalsAfter, withFollowers } from './recheck.ts';
import { createSeenIds } from './seen-ids.ts';
import { itemWith, successorOf, type Waiting } from './waiting.ts';

export type { MempoolLimits } from './pool.ts';

/** What a mempool is made of. */
export interface MempoolOptions {
  readonly network: Network;
  /** Parameters where `check` is not given newer ones. */
  readonly params: ChainParams;
  /** The limits of the protocol when left out. */
  readonly limits?: MempoolLimits;
}

/** The block that a transaction would stand in. */
export interface NextBlock {
  readonly height: number;
  readonly params?: ChainParams;
}

/** What a proposer asks for. */
export interface CandidateQuery {
  readonly maxCount: number;
  /** Sum of the sizes of the transactions. */
  readonly maxBytes: number;
  /** True for those that are in a block not final yet; what follows them in their lane is handed out. */
  readonly skip?: (txId: Hex) => boolean;
}

/** A final block, as far as it matters here. */
export interface SettledBlock {
  readonly height: number;
  readonly txs: readonly SignedTx[];
  readonly writes: ReadonlyMap<StateKey, unknown>;
}

/** Waiting transactions. */
export interface Mempool {
  /** Would it be taken? Everything but the signature. */
  check(tx: SignedTx, reader: StateReader, next: NextBlock): Verdict<true>;
  /** Takes a transaction that `check` accepted against the same state; those that had to go for it, and why. */
  add(tx: SignedTx): RefusedTx[];
  /** The best transactions that fit, each after its predecessors. */
  candidates(query: CandidateQuery): SignedTx[];
  /**
   * After a block has become final: forgets its transactions, remembers their ids, and drops what the new
   * state does not carry any more and what has run out; what was dropped and why.
   */
  settle(block: SettledBlock, reader: StateReader): RefusedTx[];
  /** Forgets transactions, known or not. Call `recheck` for their senders next. */
  remove(txIds: Iterable<Hex>): void;
  /** Drops what the state does not carry any more; what was dropped and why. */
  recheck(touchedAccounts: Iterable<Hex>, reader: StateReader): RefusedTx[];
  /** Next nonce of a lane after its waiting transactions; lane 0 when left out. */
  pendingNonce(account: Hex, stateNonce: number, lane?: number): number;
  get(txId: Hex): SignedTx | undefined;
  /** True for what waits here and for what was lately in a block. */
  isKnown(txId: Hex): boolean;
  /** Transactions whose id begins with these 8 bytes, hex. */
  byShortId(shortId: Hex): SignedTx[];
  count(): number;
  sizeBytes(): number;
}

const seenPerPlace = 1; // ids of past transactions that are remembered for each place in the pool: what is older is refused by its nonce
const missesMax = 100; // transactions that find no room before a proposer is content with what it has

/** An empty mempool. */
export function createMempool(options: MempoolOptions): Mempool {
  const { network, params } = options;
  const bounds = options.limits ?? limits;
  const pool = createPool();
  const seen = createSeenIds(bounds.mempoolTxCount * seenPerPlace);
  const drop = (dropped: readonly RefusedTx[]): RefusedTx[] => {
    for (const { tx } of dropped) removeById(pool, tx.txId);
    return [...dropped];
  };
  const isKnown = (txId: Hex): boolean => pool.get(txId) !== undefined || seen.has(txId);
  const checkNew: Mempool['check'] = (tx, reader, next) => {
    const spend = checkForm({ network, params, ...next }, tx);
    if (!spend.ok) return spend;
    const place = { pool, network, reader, bounds, height: next.height };
    const replaced = whereTo(place, tx, spend.value);
    if (!replaced.ok) return replaced;
    const room = roomFor({ pool, bounds }, tx, replaced.value);
    return room.ok ? accept(true) : room;
  };
  const mempool: Mempool = {
    check(tx, reader, next) {
      if (pool.get(tx.txId)) return refuse('TX_DUPLICATE');
      const checked = checkNew(tx, reader, next);
      // The state refuses what was in a block; the ids of past transactions are looked through for the code alone.
      return !checked.ok && seen.has(tx.txId) ? refuse('TX_DUPLICATE') : checked;
    },
    add(tx) {
      const replaced = itemWith(pool.queueOf(tx), tx.nonce);
      const room = roomFor({ pool, bounds }, tx, replaced);
      if (pool.get(tx.txId) || !room.ok) throw new RangeError('it waits already or has no room');
      const dropped = drop(room.value);
      pool.add(tx, spendOf(tx));
      return dropped;
    },
    candidates: (query) => takeBest(pool, query),
    settle({ height, txs, writes }, reader) {
      for (const { txId } of txs) {
        seen.add(txId);
        removeById(pool, txId);
      }
      const ended = pool.endedBefore(height + 1).flatMap((item) => endOf(item, height + 1));
      const accounts = accountsOf(txs);
      for (const key of writes.keys()) if (key.startsWith('a')) accounts.add(key.slice(1));
      return [...drop(onlyOnce(ended)), ...mempool.recheck(accounts, reader)];
    },
    remove(txIds) {
      for (const txId of txIds) removeById(pool, txId);
    },
    recheck(touchedAccounts, reader) {
      const dropped: RefusedTx[] = [];
      for (const account of new Set(touchedAccounts)) {
        dropped.push(...drop(refusalsAfter({ pool, network, reader }, account)));
      }
      return dropped;
    },
    pendingNonce(account, stateNonce, lane = 0) {
      const queue = pool.book(account)?.queues.get(`${lane}`);
      let nonce = stateNonce;
      while (itemWith(queue, nonce)) nonce += 1;
      return nonce;
    },
    get: (txId) => pool.get(txId)?.tx,
    isKnown,
    byShortId: (shortId) => pool.byShortId(shortId).map(({ tx }) => tx),
    count: () => pool.count(),
    sizeBytes: () => pool.sizeBytes(),
  };
  return mempool;
}

/** Senders and payers. */
function accountsOf(txs: readonly SignedTx[]): Set<Hex> {
  const accounts = new Set<Hex>();
  for (const tx of txs) {
    accounts.add(tx.from);
    if (tx.payer !== undefined) accounts.add(tx.payer);
  }
  return accounts;
}

function removeById(pool: Pool, txId: Hex): void {
  const item = pool.get(txId);
  if (item) pool.remove(item);
}

function endOf(item: Waiting, height: number): RefusedTx[] {
  const { validUntil } = item.tx;
  return withFollowers(item, { code: 'TX_EXPIRED', facts: { validUntil, height } });
}

/** The first refusal of each transaction. */
function onlyOnce(dropped: readonly RefusedTx[]): RefusedTx[] {
  const ids = new Set<Hex>();
  return dropped.filter(({ tx }) => !ids.has(tx.txId) && ids.add(tx.txId));
}

function takeBest(pool: Pool, { maxCount, maxBytes, skip }: CandidateQuery): SignedTx[] {
  const taken: SignedTx[] = [];
  const walk = pool.best();
  let left = maxBytes;
  let misses = 0;
  while (taken.length < maxCount && misses < missesMax) {
    const item = walk.next();
    if (!item) break;
    const { tx } = item;
    if (!skip?.(tx.txId)) {
      if (tx.bytes.length > left) {
        misses += 1; // and nothing of this lane may overtake it
        continue;
      }
      left -= tx.bytes.length;
      taken.push(tx);
    }
    const next = successorOf(item);
    if (next) walk.add(next);
  }
  return taken;
}
