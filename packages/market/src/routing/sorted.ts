/** Arrays that are kept in order: binary search to find a place, one move of memory to insert or remove. */

/** Order of two items: negative, zero or positive. */
export type Order<T> = (a: T, b: T) => number;

/** First position whose item is not before `item`. */
export function lowerBound<T>(items: readonly T[], item: T, order: Order<T>): number {
  return partition(items, (candidate) => order(candidate, item) < 0);
}

/** First position from which `isBefore` no longer holds; it must hold for a prefix only. */
export function partition<T>(items: readonly T[], isBefore: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts an item in its place. */
export function insertSorted<T>(items: T[], item: T, order: Order<T>): void {
  items.splice(lowerBound(items, item, order), 0, item);
}

/** Takes an item out; false when it is not there. */
export function removeSorted<T>(items: T[], item: T, order: Order<T>): boolean {
  const at = lowerBound(items, item, order);
  const found = items[at];
  if (found === undefined || order(found, item) !== 0) return false;
  items.splice(at, 1);
  return true;
}
