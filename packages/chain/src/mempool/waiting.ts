/**
 * What waits, and where: one queue for each lane of an account, in the order of nonces; in the expiring
 * lane one for each transaction, as they have no order. A book for each account knows its queues, what it
 * sponsors, and the sum that all of this would take from its balance.
 */
import {
  contentIdOf,
  expiringLane,
  feePayerOf,
  type Hex,
  laneOf,
  type SignedTx,
} from '@aitbc/protocol';
import type { Placed } from './queue-heap.ts';

/** One waiting transaction. */
export interface Waiting {
  readonly tx: SignedTx;
  /** First 8 bytes of its id, as compact proposals name it. */
  readonly shortId: Hex;
  /** nait that its kind takes from the sender, without the fee. */
  readonly spend: bigint;
  /** nait per byte. */
  readonly rate: number;
  /** Number of its arrival. */
  readonly arrival: number;
  readonly queue: Queue;
  /** Lowest rate from the head of its queue to itself: it comes into a block only after all of them. */
  reach: number;
}

/** Transactions of one lane, by nonce; `items` is never empty while the queue is in a book. */
export interface Queue extends Placed {
  readonly id: string;
  readonly account: Hex;
  readonly lane: number;
  readonly items: Waiting[];
}

/** What waits of one account, and at its cost. */
export interface Book {
  readonly queues: Map<string, Queue>;
  /** Waiting transactions of this account, all lanes. */
  count: number;
  /** Transactions of others whose fee it pays. */
  readonly sponsored: Set<Waiting>;
  /** nait that all of them take from its balance. */
  reserved: bigint;
}

/** Name of the queue of a transaction within its account. */
export function queueIdOf(tx: SignedTx): string {
  const lane = laneOf(tx);
  return lane === expiringLane ? contentIdOf(tx) : `${lane}`;
}

/** Account that pays the fee; a signed transaction has one. */
export function payerOf(tx: SignedTx): Hex {
  return feePayerOf(tx) ?? tx.from;
}

/** The transaction of a queue with a nonce; in the expiring lane its only one. */
export function itemWith(queue: Queue | undefined, nonce: number): Waiting | undefined {
  if (!queue) return undefined;
  const { lane, items } = queue;
  const first = items[0];
  if (lane === expiringLane || !first) return first;
  const item = items[nonce - first.tx.nonce]; // where it is as long as no nonce is missing before it
  return item?.tx.nonce === nonce ? item : items.find(({ tx }) => tx.nonce === nonce);
}

/** The one that may follow in a block, when nothing is missing between. */
export function successorOf(item: Waiting): Waiting | undefined {
  const { items } = item.queue;
  const next = items.length === 1 ? undefined : items[items.indexOf(item) + 1];
  return next?.tx.nonce === item.tx.nonce + 1 ? next : undefined;
}

/** The one before it in its queue. */
export function predecessorOf(item: Waiting): Waiting | undefined {
  return item.queue.items[item.queue.items.indexOf(item) - 1];
}

/** Places a transaction by its nonce and finds the lowest rates anew. */
export function insertInto(queue: Queue, item: Waiting): void {
  const { items } = queue;
  const last = items.at(-1);
  if (!last || last.tx.nonce < item.tx.nonce) {
    item.reach = Math.min(last?.reach ?? item.rate, item.rate);
    items.push(item);
    return;
  }
  const behind = items.findIndex(({ tx }) => tx.nonce > item.tx.nonce);
  items.splice(behind < 0 ? items.length : behind, 0, item);
  refreshReach(queue);
}

/** Takes a transaction out and finds the lowest rates anew. */
export function removeFrom(queue: Queue, item: Waiting): void {
  queue.items.splice(queue.items.indexOf(item), 1);
  refreshReach(queue);
}

function refreshReach({ items }: Queue): void {
  let reach = Number.POSITIVE_INFINITY;
  for (const item of items) {
    reach = Math.min(reach, item.rate);
    item.reach = reach;
  }
}

/** Highest rate first; first come, first served among equals. */
export function paysMore(a: Waiting, b: Waiting): boolean {
  return a.rate === b.rate ? a.arrival < b.arrival : a.rate > b.rate;
}

/** What goes first when there is no room: what a block would take last, the youngest among equals. */
export function goesFirst(a: Waiting, b: Waiting): boolean {
  return a.reach === b.reach ? a.arrival > b.arrival : a.reach < b.reach;
}

/** Books of accounts; an account without anything has none. */
export interface Books {
  get(account: Hex): Book | undefined;
  add(item: Waiting): void;
  /** Takes an item out of both books; the queue is the caller's. */
  remove(item: Waiting): void;
}

/** No books at all. */
export function createBooks(): Books {
  const books = new Map<Hex, Book>();
  const open = (account: Hex): Book => {
    const known = books.get(account);
    if (known) return known;
    const book: Book = { queues: new Map(), count: 0, sponsored: new Set(), reserved: 0n };
    books.set(account, book);
    return book;
  };
  const closeIfEmpty = (account: Hex): void => {
    const book = books.get(account);
    if (book && book.count === 0 && book.sponsored.size === 0) books.delete(account);
  };
  return {
    get: (account) => books.get(account),
    add(item) {
      const { tx, spend, queue } = item;
      const [sender, payer] = [open(tx.from), open(payerOf(tx))];
      sender.queues.set(queue.id, queue);
      sender.count += 1;
      sender.reserved += spend;
      payer.reserved += tx.fee;
      if (payer !== sender) payer.sponsored.add(item);
    },
    remove(item) {
      const { tx, spend, queue } = item;
      const [sender, payer] = [open(tx.from), open(payerOf(tx))];
      if (queue.items.length === 0) sender.queues.delete(queue.id);
      sender.count -= 1;
      sender.reserved -= spend;
      payer.reserved -= tx.fee;
      payer.sponsored.delete(item);
      closeIfEmpty(tx.from);
      closeIfEmpty(payerOf(tx));
    },
  };
}
