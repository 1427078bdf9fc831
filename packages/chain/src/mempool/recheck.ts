/** What does not fit the state any more, of one account: nonces that a block used, holes, and lacking funds. */
import {
  addressOf,
  expiringLane,
  type Hex,
  type Network,
  type Refusal,
  type Verdict,
} from '@aitbc/protocol';
import type { RefusedTx } from '../block.ts';
import { aliveOf, nonceOf, nonceRefusal } from '../rules/lanes.ts';
import { lacking } from '../rules/rule.ts';
import { accountOf, type StateReader } from '../state.ts';
import type { Pool } from './pool.ts';
import { type Book, payerOf, type Queue, type Waiting } from './waiting.ts';

/** What is compared. */
interface Comparison {
  readonly pool: Pool;
  readonly network: Network;
  readonly reader: StateReader;
}

type Reason = Pick<Refusal, 'code' | 'facts'>;

/** An item with its reason, and all that follow it in its lane, for the hole it leaves. */
export function withFollowers(item: Waiting, { code, facts }: Reason): RefusedTx[] {
  const { items } = item.queue;
  const followers = items.slice(items.indexOf(item) + 1).map(({ tx }) => {
    return { tx, ...reasonOf(nonceRefusal('TX_NONCE_TOO_HIGH', tx, item.tx.nonce)) };
  });
  return [{ tx: item.tx, code, facts }, ...followers];
}

/** Waiting transactions of an account, or at its cost, that the state does not carry any more. */
export function refusalsAfter({ pool, network, reader }: Comparison, account: Hex): RefusedTx[] {
  const book = pool.book(account);
  if (!book) return [];
  const refused: RefusedTx[] = [];
  for (const queue of book.queues.values()) {
    const stale =
      queue.lane === expiringLane
        ? usedIn(queue, aliveOf(reader, account, 0))
        : staleIn(queue, nonceOf(reader, network, { from: account, lane: queue.lane }));
    refused.push(...stale);
  }
  const { balance } = accountOf(reader, account);
  if (refused.length === 0 && book.reserved <= balance) return [];
  return [...refused, ...unpaidIn({ book, account, balance }, refused)];
}

/** A transaction of the expiring lane that went into a block with another payer. */
function usedIn({ id, items }: Queue, alive: readonly { contentId: Hex }[]): RefusedTx[] {
  if (!alive.some(({ contentId }) => contentId === id)) return [];
  return items.map(({ tx }) => ({ tx, code: 'TX_DUPLICATE' as const, facts: {} }));
}

/** Nonces that were used, and all behind the first hole. */
function staleIn({ items }: Queue, nonce: number): RefusedTx[] {
  const stale: RefusedTx[] = [];
  let expected = nonce;
  for (const { tx } of items) {
    if (tx.nonce === expected) expected += 1;
    else {
      const code = tx.nonce < nonce ? 'TX_NONCE_TOO_LOW' : 'TX_NONCE_TOO_HIGH';
      stale.push({ tx, ...reasonOf(nonceRefusal(code, tx, expected)) });
    }
  }
  return stale;
}

interface Purse {
  readonly book: Book;
  readonly account: Hex;
  readonly balance: bigint;
}

/** The youngest ones go until the balance carries the rest. */
function unpaidIn({ book, account, balance }: Purse, gone: readonly RefusedTx[]): RefusedTx[] {
  const left = new Set(gone.map(({ tx }) => tx.txId));
  const own = [...book.queues.values()].flatMap(({ items }) => items);
  const waiting = [...own, ...book.sponsored].filter(({ tx }) => !left.has(tx.txId));
  let needed = waiting.reduce((sum, item) => sum + costIn(account, item), 0n);
  const unpaid: RefusedTx[] = [];
  for (const item of waiting.sort((a, b) => b.arrival - a.arrival)) {
    if (needed <= balance) break;
    if (left.has(item.tx.txId) || costIn(account, item) === 0n) continue;
    const reason = reasonOf(lacking(addressOf(account), balance, needed));
    for (const refused of withFollowers(item, reason)) {
      if (left.has(refused.tx.txId)) continue;
      left.add(refused.tx.txId);
      unpaid.push(refused);
      needed -= costIn(
        account,
        waiting.find(({ tx }) => tx === refused.tx),
      );
    }
  }
  return unpaid;
}

function costIn(account: Hex, item: Waiting | undefined): bigint {
  if (!item) return 0n;
  const { tx, spend } = item;
  return (tx.from === account ? spend : 0n) + (payerOf(tx) === account ? tx.fee : 0n);
}

/** Code and facts of a verdict that is a refusal. */
function reasonOf(verdict: Verdict<never>): Reason {
  if (verdict.ok) throw new RangeError('no refusal');
  return { code: verdict.code, facts: verdict.facts };
}
