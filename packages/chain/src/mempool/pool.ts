/** The waiting transactions with all their indices: by id, short id, account, last height, and by price. */
import { type Hex, laneOf, type SignedTx } from '@aitbc/protocol';
import { createQueueHeap, type Walk } from './queue-heap.ts';
import {
  type Book,
  createBooks,
  goesFirst,
  insertInto,
  paysMore,
  type Queue,
  queueIdOf,
  removeFrom,
  type Waiting,
} from './waiting.ts';

const shortIdDigits = 16; // 8 bytes, as compact proposals name them

/** How much a mempool may hold. */
export interface MempoolLimits {
  readonly mempoolTxCount: number;
  readonly mempoolSizeBytes: number;
  readonly mempoolPerAccount: number;
}

/** Waiting transactions and their indices. */
export interface Pool {
  get(txId: Hex): Waiting | undefined;
  byShortId(shortId: Hex): readonly Waiting[];
  book(account: Hex): Book | undefined;
  queueOf(tx: SignedTx): Queue | undefined;
  add(tx: SignedTx, spend: bigint): void;
  remove(item: Waiting): void;
  /** Heads of queues, what pays most first; add the successor of each that was taken. */
  best(): Walk<Waiting>;
  /** Ends of queues, what pays least first; add the predecessor of each that shall go. */
  worst(): Walk<Waiting>;
  /** Transactions whose last height is below this one. */
  endedBefore(height: number): Waiting[];
  count(): number;
  sizeBytes(): number;
}

/** An empty pool. */
export function createPool(): Pool {
  const byId = new Map<Hex, Waiting>();
  const byShort = createGroups<string>();
  const byEnd = createGroups<number>();
  const books = createBooks();
  const heads = createQueueHeap<Queue, Waiting>({
    slot: 0,
    frontOf: ({ items }) => items[0] as Waiting,
    before: paysMore,
  });
  const ends = createQueueHeap<Queue, Waiting>({
    slot: 1,
    frontOf: ({ items }) => items[items.length - 1] as Waiting,
    before: goesFirst,
  });
  let sizeBytes = 0;
  let arrivals = 0;

  const place = (queue: Queue, change: () => void): void => {
    const [first] = queue.items;
    const isAlone = queue.items.length <= 1;
    if (queue.items.length === 1) {
      // The last item may leave: an empty queue has no front to be compared by.
      heads.remove(queue);
      ends.remove(queue);
    }
    change();
    if (queue.items.length === 0) return;
    if (isAlone) {
      heads.add(queue);
      ends.add(queue);
      return;
    }
    if (queue.items[0] !== first) heads.moved(queue);
    ends.moved(queue);
  };
  return {
    get: (txId) => byId.get(txId),
    byShortId: (shortId) => byShort.of(shortId),
    book: (account) => books.get(account),
    queueOf: (tx) => books.get(tx.from)?.queues.get(queueIdOf(tx)),
    add(tx, spend) {
      const id = queueIdOf(tx);
      const queue = books.get(tx.from)?.queues.get(id) ?? emptyQueue(tx, id);
      const rate = Number(tx.fee) / tx.bytes.length;
      arrivals += 1;
      const shortId = tx.txId.slice(0, shortIdDigits);
      const item: Waiting = { tx, shortId, spend, rate, arrival: arrivals, queue, reach: rate };
      place(queue, () => insertInto(queue, item));
      books.add(item);
      byId.set(tx.txId, item);
      byShort.add(shortId, item);
      if (tx.validUntil > 0) byEnd.add(tx.validUntil, item);
      sizeBytes += tx.bytes.length;
    },
    remove(item) {
      const { tx, queue } = item;
      place(queue, () => removeFrom(queue, item));
      books.remove(item);
      byId.delete(tx.txId);
      byShort.remove(item.shortId, item);
      if (tx.validUntil > 0) byEnd.remove(tx.validUntil, item);
      sizeBytes -= tx.bytes.length;
    },
    best: () => heads.walk(),
    worst: () => ends.walk(),
    endedBefore: (height) => byEnd.keys().flatMap((end) => (end < height ? byEnd.of(end) : [])),
    count: () => byId.size,
    sizeBytes: () => sizeBytes,
  };
}

function emptyQueue(tx: SignedTx, id: string): Queue {
  return { id, account: tx.from, lane: laneOf(tx), items: [], places: [-1, -1] };
}

/** Items by a key that several may share. One alone, as nearly all short ids have, stands there without a set. */
function createGroups<K>() {
  const groups = new Map<K, Waiting | Set<Waiting>>();
  return {
    of(key: K): readonly Waiting[] {
      const group = groups.get(key);
      if (!group) return [];
      return group instanceof Set ? [...group] : [group];
    },
    keys: (): K[] => [...groups.keys()],
    add(key: K, item: Waiting): void {
      const group = groups.get(key);
      if (!group) groups.set(key, item);
      else if (group instanceof Set) group.add(item);
      else groups.set(key, new Set([group, item]));
    },
    remove(key: K, item: Waiting): void {
      const group = groups.get(key);
      if (group instanceof Set) group.delete(item);
      if (group === item || (group instanceof Set && group.size === 0)) groups.delete(key);
    },
  };
}
