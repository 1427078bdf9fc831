/**
 * The keys of the tree: by index and in the order of their bytes.
 *
 * Bytes of key i stand at 33·i of one slab. The order is a list of chunks, each a sorted run of at most 512
 * indices with the first six bytes of their keys as numbers, so that a search compares numbers in two
 * short arrays and looks at the slab only where six bytes are equal. An insert moves half a chunk.
 *
 * Rejected: a map from text to index and a sorted array (200 bytes for each key, and an insert into a million moves
 * megabytes); a hash table over bytes (whoever can choose keys can make them collide).
 */
import { keyBytes } from '@aitbc/protocol';
import type { StateKey } from '../entries.ts';

const chunkKeysMax = 512;
const prefixBytes = 6; // letter and 40 bits: exact in a number

/** Where a key would stand: the largest key that is not above it, and the smallest above that one. */
export interface Gap {
  readonly index: number;
  readonly key: Uint8Array;
  /** Undefined behind the largest key. */
  readonly nextKey: Uint8Array | undefined;
}

/** Keys by index and in order. */
export interface Keys {
  size(): number;
  /** Index of a key, undefined when it is not there. */
  find(key: Uint8Array): number | undefined;
  keyAt(index: number): Uint8Array;
  /** The gap of a key; itself when it is there. The sentinel must be in, so that there always is one. */
  gapOf(key: Uint8Array): Gap;
  /** For each index that of the next key in order, 0 behind the largest. */
  successors(): Uint32Array;
  /** Appends keys that are not there, 33 bytes each; they take the next indices. */
  append(keys: Uint8Array): void;
}

interface Chunk {
  readonly prefixes: Float64Array;
  readonly indices: Uint32Array;
  count: number;
}

interface Order {
  slab: Uint8Array;
  size: number;
  readonly chunks: Chunk[];
}

/** An empty set of keys. */
export function createKeys(): Keys {
  const order: Order = { slab: new Uint8Array(0), size: 0, chunks: [] };
  const keyAt = (index: number) => order.slab.subarray(index * keyBytes, (index + 1) * keyBytes);
  return {
    size: () => order.size,
    keyAt,
    find(key) {
      const { chunk, at } = placeOf(order, key);
      const index = chunk?.indices[at];
      return index !== undefined && compareAt(order, index, key) === 0 ? index : undefined;
    },
    gapOf(key) {
      const { chunk, at, chunkAt } = placeOf(order, key);
      const index = chunk?.indices[at];
      if (!chunk || index === undefined) throw new RangeError('no key is below this one');
      const follower = at + 1 < chunk.count ? chunk.indices[at + 1] : firstOf(order, chunkAt + 1);
      return {
        index,
        key: keyAt(index),
        nextKey: follower === undefined ? undefined : keyAt(follower),
      };
    },
    successors: () => successorsOf(order),
    append(keys) {
      const from = order.size;
      appendToSlab(order, keys);
      if (from === 0) fillOrder(order);
      else for (let index = from; index < order.size; index += 1) insert(order, index);
    },
  };
}

/** Writes the bytes of a key, a letter and 64 hex digits, to byte `at` of `target`. */
export function putKey(key: StateKey, target: Uint8Array, at: number): void {
  target[at] = key.charCodeAt(0);
  for (let byte = 1; byte < keyBytes; byte += 1) {
    target[at + byte] = (digitOf(key, 2 * byte - 1) << 4) | digitOf(key, 2 * byte);
  }
}

/** Bytes of a key. */
export function bytesOfKey(key: StateKey): Uint8Array {
  const bytes = new Uint8Array(keyBytes);
  putKey(key, bytes, 0);
  return bytes;
}

/** Value of a lower-case hex digit. */
function digitOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 0x40 ? code - 0x30 : code - 0x57;
}

function successorsOf({ chunks, size }: Order): Uint32Array {
  const successors = new Uint32Array(size);
  for (const [chunkAt, { indices, count }] of chunks.entries()) {
    const behind = chunks[chunkAt + 1]?.indices[0] ?? 0;
    for (let at = 0; at < count; at += 1) {
      successors[indices[at] as number] = at + 1 < count ? (indices[at + 1] as number) : behind;
    }
  }
  return successors;
}

function appendToSlab(order: Order, keys: Uint8Array): void {
  const used = order.size * keyBytes;
  const needed = used + keys.length;
  if (needed > order.slab.length) {
    const larger = new Uint8Array(Math.max(needed, Math.ceil(order.slab.length * 1.25)));
    larger.set(order.slab.subarray(0, used));
    order.slab = larger;
  }
  order.slab.set(keys, used);
  order.size += keys.length / keyBytes;
}

/** Sorts all keys at once into chunks that are three quarters full. */
function fillOrder(order: Order): void {
  const { slab, size } = order;
  const prefixes = Float64Array.from({ length: size }, (_, at) => prefixOf(slab, at * keyBytes));
  const sorted = Uint32Array.from({ length: size }, (_, index) => index);
  sorted.sort((a, b) => {
    const difference = (prefixes[a] as number) - (prefixes[b] as number);
    return difference || compareAt(order, a, slab.subarray(b * keyBytes, (b + 1) * keyBytes));
  });
  const step = (chunkKeysMax / 4) * 3;
  for (let from = 0; from < size; from += step) {
    const chunk = createChunk();
    for (const index of sorted.subarray(from, from + step)) {
      chunk.indices[chunk.count] = index;
      chunk.prefixes[chunk.count] = prefixes[index] as number;
      chunk.count += 1;
    }
    order.chunks.push(chunk);
  }
}

function createChunk(): Chunk {
  return {
    prefixes: new Float64Array(chunkKeysMax),
    indices: new Uint32Array(chunkKeysMax),
    count: 0,
  };
}

function insert(order: Order, index: number): void {
  const key = order.slab.subarray(index * keyBytes, (index + 1) * keyBytes);
  let { chunk, at, chunkAt } = placeOf(order, key);
  if (!chunk) throw new RangeError('no key is below this one');
  if (chunk.count === chunkKeysMax) {
    split(order, chunkAt);
    ({ chunk, at, chunkAt } = placeOf(order, key));
  }
  const { indices, prefixes, count } = chunk as Chunk;
  indices.copyWithin(at + 2, at + 1, count);
  prefixes.copyWithin(at + 2, at + 1, count);
  indices[at + 1] = index;
  prefixes[at + 1] = prefixOf(key, 0);
  (chunk as Chunk).count += 1;
}

function split({ chunks }: Order, at: number): void {
  const full = chunks[at] as Chunk;
  const upper = createChunk();
  const half = chunkKeysMax / 2;
  upper.indices.set(full.indices.subarray(half));
  upper.prefixes.set(full.prefixes.subarray(half));
  upper.count = chunkKeysMax - half;
  full.count = half;
  chunks.splice(at + 1, 0, upper);
}

function firstOf({ chunks }: Order, at: number): number | undefined {
  return chunks[at]?.indices[0];
}

/** Place of the last key that is not above `key`; no chunk when all are above it. */
function placeOf(
  order: Order,
  key: Uint8Array,
): { chunk: Chunk | undefined; at: number; chunkAt: number } {
  const { chunks } = order;
  const prefix = prefixOf(key, 0);
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(order, chunks[middle] as Chunk, { at: 0, key, prefix })) high = middle;
    else low = middle + 1;
  }
  const chunkAt = low - 1;
  const chunk = chunks[chunkAt];
  if (!chunk) return { chunk, at: 0, chunkAt };
  low = 0;
  high = chunk.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(order, chunk, { at: middle, key, prefix })) high = middle;
    else low = middle + 1;
  }
  return { chunk, at: low - 1, chunkAt };
}

/** True when the key at a place of a chunk is above the sought one. */
function isAbove(
  order: Order,
  chunk: Chunk,
  { at, key, prefix }: { readonly at: number; readonly key: Uint8Array; readonly prefix: number },
): boolean {
  const difference = (chunk.prefixes[at] as number) - prefix;
  if (difference !== 0) return difference > 0;
  return compareAt(order, chunk.indices[at] as number, key) > 0;
}

function compareAt({ slab }: Order, index: number, key: Uint8Array): number {
  const start = index * keyBytes;
  for (let byte = 0; byte < keyBytes; byte += 1) {
    const difference = (slab[start + byte] as number) - (key[byte] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function prefixOf(bytes: Uint8Array, start: number): number {
  let prefix = 0;
  for (let byte = start; byte < start + prefixBytes; byte += 1) {
    prefix = prefix * 256 + (bytes[byte] as number);
  }
  return prefix;
}
