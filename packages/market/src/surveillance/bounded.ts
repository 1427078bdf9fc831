/** A map of so many entries: a new one beyond them takes the place of the one that was used longest ago. */
import type { JsonValue } from '@aitbc/primitives';

/** The map. Values are plain JSON. */
export interface Bounded<V> {
  /** Counts as use. */
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  /** The value, made when there is none. Counts as use. */
  open(key: string, make: () => V): V;
  delete(key: string): void;
  /** Does not count as use. */
  entries(): IterableIterator<[string, V]>;
  readonly size: number;
  save(): JsonValue;
}

/** An empty map, or one with what `save` gave. */
export function createBounded<V>(
  max: number,
  saved?: readonly (readonly [string, V])[],
): Bounded<V> {
  const map = new Map<string, V>(saved);
  const set = (key: string, value: V): void => {
    map.delete(key);
    map.set(key, value);
    if (map.size <= max) return;
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  };
  const get = (key: string): V | undefined => {
    const value = map.get(key);
    if (value !== undefined) set(key, value);
    return value;
  };
  return {
    get,
    set,
    open(key, make) {
      const known = get(key);
      if (known !== undefined) return known;
      const made = make();
      set(key, made);
      return made;
    },
    delete: (key) => void map.delete(key),
    entries: () => map.entries(),
    get size() {
      return map.size;
    },
    save: () => [...map] as unknown as JsonValue,
  };
}

/** Adds to the end of a list and takes away from its beginning what is more than `max`. */
export function pushBounded<T>(list: T[], item: T, max: number): void {
  list.push(item);
  if (list.length > max) list.shift();
}
