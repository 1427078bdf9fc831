/**
 * A list that is always in order, for a hundred thousand items that move all the time.
 *
 * Items stand in chunks of at most 512, so an insert or a removal moves a few kilobytes instead of the
 * whole list. Beside each item stands a number that rises with the order; a place is found by halving
 * over these numbers, which lie side by side in memory, and the order itself is asked only among equal
 * ones. Positions count from 0 over all chunks. Figures: `scripts/bench/route.mjs`.
 *
 * The order must be strict: no two items compare as equal. An item must leave before what it is ordered by
 * changes, and come back after. Rejected: one array (splicing 100 000 pointers costs twenty times as
 * much), balanced trees (a pointer for each step of a walk), comparing items alone (each look is a miss of
 * the cache: three times slower at 100 000).
 */

/** Order of two items: negative, zero or positive. */
export type Order<T> = (a: T, b: T) => number;

/** An ordered list. */
export interface OrderedList<T> {
  insert(item: T): void;
  /** False when it is not there. */
  remove(item: T): boolean;
  /** Number of items for which `isBefore` holds; it must hold for a prefix only. */
  partition(isBefore: (item: T) => boolean): number;
  at(position: number): T | undefined;
  /** Visits items of the positions [from, to) until the visitor answers true; true when it did. */
  scan(range: { from: number; to: number }, visit: (item: T) => boolean): boolean;
  readonly size: number;
}

const chunkItemsMax = 512;

interface Chunk<T> {
  readonly keys: number[];
  readonly items: T[];
}

/** How items are ordered: `keyOf` never falls along the order. */
export interface ListOrder<T> {
  keyOf(item: T): number;
  readonly order: Order<T>;
}

/** An empty list. */
export function createOrderedList<T>({ keyOf, order }: ListOrder<T>): OrderedList<T> {
  const chunks: Chunk<T>[] = [];
  let size = 0;

  /** Chunk and place of an item, or where it would stand. */
  const find = (item: T, key: number) => {
    const isBefore = ({ keys, items }: Chunk<T>, at: number): boolean => {
      const other = keys[at] as number;
      return other < key || (other === key && order(items[at] as T, item) < 0);
    };
    const at = halve(chunks.length, (number) => {
      const chunk = chunks[number] as Chunk<T>;
      return isBefore(chunk, chunk.items.length - 1);
    });
    const chunk = chunks[at];
    const place = chunk ? halve(chunk.items.length, (one) => isBefore(chunk, one)) : 0;
    return { at, chunk, place };
  };
  const split = (at: number, { keys, items }: Chunk<T>): void => {
    const half = chunkItemsMax / 2;
    chunks.splice(at + 1, 0, { keys: keys.splice(half), items: items.splice(half) });
  };

  return {
    insert(item) {
      const key = keyOf(item);
      const found = find(item, key);
      size += 1;
      const at = found.chunk ? found.at : chunks.length - 1;
      const chunk = chunks[at];
      if (!chunk) {
        chunks.push({ keys: [key], items: [item] });
        return;
      }
      const place = found.chunk ? found.place : chunk.items.length;
      chunk.keys.splice(place, 0, key);
      chunk.items.splice(place, 0, item);
      if (chunk.items.length > chunkItemsMax) split(at, chunk);
    },
    remove(item) {
      const { at, chunk, place } = find(item, keyOf(item));
      if (!chunk || chunk.items[place] !== item) return false;
      chunk.keys.splice(place, 1);
      chunk.items.splice(place, 1);
      if (chunk.items.length === 0) chunks.splice(at, 1);
      size -= 1;
      return true;
    },
    partition(isBefore) {
      const at = halve(chunks.length, (number) => {
        const { items } = chunks[number] as Chunk<T>;
        return isBefore(items[items.length - 1] as T);
      });
      const items = chunks[at]?.items;
      if (!items) return size;
      return itemsBefore(chunks, at) + halve(items.length, (place) => isBefore(items[place] as T));
    },
    at(position) {
      const { chunk, offset } = seek(chunks, position);
      return chunks[chunk]?.items[offset];
    },
    scan: (range, visit) => scan(chunks, range, visit),
    get size() {
      return size;
    },
  };
}

/** First of `count` places for which `isBefore` no longer holds. */
function halve(count: number, isBefore: (at: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function itemsBefore(chunks: readonly Chunk<unknown>[], chunk: number): number {
  let items = 0;
  for (let at = 0; at < chunk; at += 1) items += (chunks[at] as Chunk<unknown>).items.length;
  return items;
}

function seek(
  chunks: readonly Chunk<unknown>[],
  position: number,
): { readonly chunk: number; readonly offset: number } {
  let offset = position;
  let chunk = 0;
  for (; chunk < chunks.length; chunk += 1) {
    const { length } = (chunks[chunk] as Chunk<unknown>).items;
    if (offset < length) break;
    offset -= length;
  }
  return { chunk, offset };
}

function scan<T>(
  chunks: readonly Chunk<T>[],
  { from, to }: { from: number; to: number },
  visit: (item: T) => boolean,
): boolean {
  let left = to - from;
  if (left <= 0) return false;
  let { chunk, offset } = seek(chunks, from);
  for (; chunk < chunks.length && left > 0; chunk += 1) {
    const { items } = chunks[chunk] as Chunk<T>;
    for (; offset < items.length && left > 0; offset += 1) {
      if (visit(items[offset] as T)) return true;
      left -= 1;
    }
    offset = 0;
  }
  return false;
}
