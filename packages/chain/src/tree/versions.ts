/**
 * Versions of the tree: the head, whose hashes and keys lie in flat arrays, and versions above it that hold only
 * what they change. A version stands on the head or on another version; any number may stand on one.
 *
 *   head      parent none; nothing of its own
 *   open      its chain of parents ends at the head
 *   stale     another version was committed in the place of one it stands on; never used again
 *
 * New keys take the indices behind their parent's, in the order of their bytes, so two versions on one parent may give
 * one index to different keys. Looking something up goes through the changes from the version down to the head:
 * a handful, as long as blocks become final. See docs/spec/chain.md, "Tree".
 */
import { countedRoot, type Hex, keyBytes } from '@aitbc/protocol';
import type { StateKey } from '../entries.ts';
import type { HashPart } from './hash-parts.ts';
import { bytesOfKey, type Gap, type Keys, putKey } from './keys.ts';
import {
  climb,
  copyThrough,
  createHashes,
  hashAt,
  type LevelChange,
  type Levels,
  wordsPerHash,
} from './levels.ts';

/** Writes of a block: the new value of each key. */
export type Writes = ReadonlyMap<StateKey, Uint8Array>;

/** A version with its place. Fields change only when it, or one below it, is committed. */
export interface Version {
  parent: Version | undefined;
  isStale: boolean;
  /** Changed nodes from the parts to the top. */
  changes: readonly LevelChange[];
  /** Its new keys in order, 33 bytes each. */
  newKeys: Uint8Array;
  readonly firstNew: number;
  readonly size: number;
  readonly root: Hex;
}

/** What all versions lie on. */
export interface Ground {
  readonly keys: Keys;
  readonly levels: Levels;
  readonly hashPart: HashPart;
}

/** Versions from this one down, the head left out. Throws RangeError for a stale one. */
export function openVersions(version: Version): Version[] {
  const over: Version[] = [];
  let at = version;
  while (at.parent) {
    over.push(at);
    at = at.parent;
  }
  if (at.isStale) throw new RangeError('this version of the tree stands on one that was given up');
  return over;
}

/** Index of a key in a version. */
export function indexIn({ keys }: Ground, over: readonly Version[], key: Uint8Array) {
  for (const { newKeys, firstNew } of over) {
    const rank = rankOf(newKeys, key);
    if (rank >= 0 && isKeyAt(newKeys, rank, key)) return firstNew + rank;
  }
  return keys.find(key);
}

/** The version that the writes make of another. Changes nothing. */
export function extendVersion(ground: Ground, parent: Version, writes: Writes): Version {
  const over = openVersions(parent);
  const { size: firstNew, root: parentRoot } = parent;
  const same = { parent, isStale: false, changes: [], newKeys: new Uint8Array(0), firstNew };
  if (writes.size === 0) return { ...same, size: firstNew, root: parentRoot };
  const { values, newKeys } = sortWrites({ ground, over, parent, writes });
  const links = linksOf(ground, over, { newKeys, firstNew });
  const size = firstNew + newKeys.length / keyBytes;
  const copyNode = copyThrough(
    ground.levels,
    over.map(({ changes }) => changes),
  );
  const parts = hashParts(ground, [...values, ...links]);
  const changes = climb(parts, size, { levels: ground.levels, copyNode });
  return { ...same, changes, newKeys, size, root: rootOf(changes, size) };
}

/** Root of a tree whose top is among the changes. */
export function rootOf(changes: readonly LevelChange[], size: number): Hex {
  return countedRoot(hashAt(changes.at(-1) as LevelChange, 0), size);
}

/** A part of an entry: what is hashed to its place on level 0. */
interface Part {
  readonly place: number;
  readonly content: Uint8Array;
}

interface NewKeys {
  readonly newKeys: Uint8Array;
  readonly firstNew: number;
}

/** Places of all values; the keys that are new, in order. */
function sortWrites(of: {
  readonly ground: Ground;
  readonly over: readonly Version[];
  readonly parent: Version;
  readonly writes: Writes;
}): { values: Part[]; newKeys: Uint8Array } {
  const { ground, over, parent, writes } = of;
  const values: Part[] = [];
  const fresh: StateKey[] = [];
  for (const [key, content] of writes) {
    const index = indexIn(ground, over, bytesOfKey(key));
    if (index === undefined) fresh.push(key);
    else values.push({ place: 2 * index + 1, content });
  }
  fresh.sort();
  const newKeys = new Uint8Array(fresh.length * keyBytes);
  for (const [rank, key] of fresh.entries()) {
    putKey(key, newKeys, rank * keyBytes);
    const content = writes.get(key) as Uint8Array;
    values.push({ place: 2 * (parent.size + rank) + 1, content });
  }
  return { values, newKeys };
}

/** Links of the new keys and of those before them. */
function linksOf(ground: Ground, over: readonly Version[], { newKeys, firstNew }: NewKeys): Part[] {
  const parts: Part[] = [];
  let last: { index: number; content: Uint8Array } | undefined;
  for (let rank = 0; rank * keyBytes < newKeys.length; rank += 1) {
    const key = newKeys.subarray(rank * keyBytes, (rank + 1) * keyBytes);
    const gap = gapIn(ground, over, key);
    if (last?.index === gap.index) last.content.set(key, keyBytes);
    else parts.push({ place: 2 * gap.index, content: linkContent(gap.key, key) });
    last = { index: gap.index, content: linkContent(key, gap.nextKey) };
    parts.push({ place: 2 * (firstNew + rank), content: last.content });
  }
  return parts;
}

function linkContent(key: Uint8Array, nextKey: Uint8Array | undefined): Uint8Array {
  const content = new Uint8Array(2 * keyBytes);
  putLink(content, key, nextKey);
  return content;
}

/** Writes key ‖ next key; 33 bytes of ff follow the largest key. */
export function putLink(link: Uint8Array, key: Uint8Array, nextKey: Uint8Array | undefined): void {
  link.set(key);
  if (nextKey) link.set(nextKey, keyBytes);
  else link.fill(0xff, keyBytes);
}

/** The gap of a key among the keys of the head and the new ones of all versions. */
function gapIn({ keys }: Ground, over: readonly Version[], key: Uint8Array): Gap {
  let gap = keys.gapOf(key);
  for (const { newKeys, firstNew } of over) gap = narrowed(gap, { newKeys, firstNew }, key);
  return gap;
}

function narrowed(gap: Gap, { newKeys, firstNew }: NewKeys, key: Uint8Array): Gap {
  const rank = rankOf(newKeys, key);
  const below = rank >= 0 ? keyAt(newKeys, rank) : undefined;
  const above = (rank + 1) * keyBytes < newKeys.length ? keyAt(newKeys, rank + 1) : undefined;
  const nextKey = above && (!gap.nextKey || isBelow(above, gap.nextKey)) ? above : gap.nextKey;
  if (below && isBelow(gap.key, below)) return { index: firstNew + rank, key: below, nextKey };
  return { ...gap, nextKey };
}

/** Rank of the last key that is not above `key`, -1 for none. */
function rankOf(sorted: Uint8Array, key: Uint8Array): number {
  let low = 0;
  let high = sorted.length / keyBytes;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(key, sorted, middle)) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function keyAt(sorted: Uint8Array, rank: number): Uint8Array {
  return sorted.subarray(rank * keyBytes, (rank + 1) * keyBytes);
}

function isKeyAt(sorted: Uint8Array, rank: number, key: Uint8Array): boolean {
  return !isBelow(key, sorted, rank) && !isBelow(keyAt(sorted, rank), key);
}

/** True when `key` is below the key at `rank` of `sorted`. */
function isBelow(key: Uint8Array, sorted: Uint8Array, rank = 0): boolean {
  const start = rank * keyBytes;
  for (let byte = 0; byte < keyBytes; byte += 1) {
    const difference = (key[byte] as number) - (sorted[start + byte] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Hashes of parts, in the order of their places. */
function hashParts({ hashPart }: Ground, parts: Part[]): LevelChange {
  parts.sort((a, b) => a.place - b.place);
  const indices = new Uint32Array(parts.length);
  const hashes = createHashes(parts.length);
  for (const [at, { place, content }] of parts.entries()) {
    indices[at] = place;
    hashPart(content, hashes.words, at * wordsPerHash);
  }
  return { ...hashes, indices };
}
