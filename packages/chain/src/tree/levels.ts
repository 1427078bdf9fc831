/**
 * The hashes of the tree, level by level: level 0 has two parts for each entry (link, value hash), level 1 the leaves, and
 * so on to the top. Each level is one flat array. A set of writes is a list of changed nodes for each level; several
 * of them can lie over the levels without changing them, and one lies over another.
 */
import { depthOf, hashBytes, listDepthMax } from '@aitbc/protocol';
import { hashPairs } from './hash-pairs.ts';

/** Hashes in a row; `words` is the same memory. */
export interface Hashes {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** Changed nodes of one level: rising indices and their hashes. */
export interface LevelChange extends Hashes {
  readonly indices: Uint32Array;
}

/** Copies the hash of a node to word `at` of `target`. */
// biome-ignore lint/complexity/useMaxParams: as copyHash
export type CopyNode = (level: number, index: number, target: Uint32Array, at: number) => void;

/** 32-bit words of a hash. */
export const wordsPerHash = hashBytes / 4;

const scratchHashesMax = 65_536; // a full block touches some 20 000 nodes of a level; only building passes this

/** Room for `count` hashes. */
export function createHashes(count: number): Hashes {
  const bytes = new Uint8Array(count * hashBytes);
  return { bytes, words: new Uint32Array(bytes.buffer) };
}

/** Bytes of one hash, in place. */
export function hashAt({ bytes }: Hashes, at: number): Uint8Array {
  return bytes.subarray(at * hashBytes, (at + 1) * hashBytes);
}

/** Number of levels of a tree with `size` entries. */
export function levelCount(size: number): number {
  return depthOf(size) + 2;
}

/** Nodes of a level that are not empty. */
export function nodesAt(level: number, size: number): number {
  return level === 0 ? 2 * size : Math.ceil(size / 2 ** (level - 1));
}

/** The hashes of all entries. */
export interface Levels {
  readonly copyNode: CopyNode;
  /** Memory for the pairs of one level, used again for the next; of a large level it is not kept. */
  scratch(count: number): Hashes;
  /** Hash of a node; `level` and `index` are inside the padded tree. */
  nodeAt(level: number, index: number): Uint8Array;
  /** Takes changes in, from level 0 to the top of a tree of `size` entries. */
  put(changes: readonly LevelChange[], size: number): void;
}

/** Levels of a tree without entries. */
export function createLevels(): Levels {
  const empties = emptyNodes();
  const levels: Hashes[] = [];
  const used = new Float64Array(listDepthMax + 2);
  let spare = createHashes(0);
  const isEmpty = (level: number, index: number) => index >= (used[level] as number);
  return {
    // biome-ignore lint/complexity/useMaxParams: as copyHash
    copyNode(level, index, target, at) {
      if (isEmpty(level, index)) copyHash(empties.words, level, target, at);
      else copyHash((levels[level] as Hashes).words, index, target, at);
    },
    scratch(count) {
      if (count > scratchHashesMax) return createHashes(count);
      spare = grown(spare, count);
      return spare;
    },
    nodeAt(level, index) {
      if (isEmpty(level, index)) return hashAt(empties, level).slice();
      return hashAt(levels[level] as Hashes, index).slice();
    },
    put(changes, size) {
      for (const [level, change] of changes.entries()) {
        putLevel(levels, level, change);
        used[level] = nodesAt(level, size);
      }
    },
  };
}

/** Empty subtrees of each level; those of level 1 are zeros. */
function emptyNodes(): Hashes {
  const empties = createHashes(listDepthMax + 2);
  const pair = new Uint8Array(2 * hashBytes);
  for (let level = 2; level < listDepthMax + 2; level += 1) {
    const below = hashAt(empties, level - 1);
    pair.set(below);
    pair.set(below, hashBytes);
    hashPairs(pair, hashAt(empties, level));
  }
  return empties;
}

function putLevel(levels: Hashes[], level: number, change: LevelChange): void {
  const { indices, words } = change;
  const needed = (indices.at(-1) ?? -1) + 1;
  if (!levels[level] && needed === indices.length) {
    levels[level] = change;
    return;
  }
  const hashes = grown(levels[level], needed);
  levels[level] = hashes;
  for (let at = 0; at < indices.length; at += 1) {
    copyHash(words, at, hashes.words, (indices[at] as number) * wordsPerHash);
  }
}

/** The hashes with room for `count`; a quarter more than that when it has to grow. */
function grown(hashes: Hashes | undefined, count: number): Hashes {
  const room = (hashes?.bytes.length ?? 0) / hashBytes;
  if (hashes && count <= room) return hashes;
  const larger = createHashes(hashes ? Math.max(count, Math.ceil(room * 1.25)) : count);
  if (hashes) larger.bytes.set(hashes.bytes);
  return larger;
}

// biome-ignore lint/complexity/useMaxParams: called 20 times for each touched entry; an object for it costs more than the copy
function copyHash(from: Uint32Array, index: number, to: Uint32Array, at: number): void {
  const start = index * wordsPerHash;
  for (let word = 0; word < wordsPerHash; word += 1) to[at + word] = from[start + word] as number;
}

/** Nodes seen through changes that lie over the levels, the nearest first. One use: indices of a level only rise. */
export function copyThrough(levels: Levels, over: readonly (readonly LevelChange[])[]): CopyNode {
  if (over.length === 0) return levels.copyNode;
  const cursors = new Uint32Array(over.length);
  let current = -1;
  // biome-ignore lint/complexity/useMaxParams: as copyHash
  return (level, index, target, to) => {
    if (level !== current) cursors.fill(0);
    current = level;
    for (let nearness = 0; nearness < over.length; nearness += 1) {
      const change = over[nearness]?.[level];
      if (!change) continue;
      const at = seek(change.indices, index, cursors[nearness] as number);
      cursors[nearness] = at;
      if (change.indices[at] === index) return copyHash(change.words, at, target, to);
    }
    levels.copyNode(level, index, target, to);
  };
}

/** First place at or after `from` whose index is not below `index`: strides double, then halve. */
function seek(indices: Uint32Array, index: number, from: number): number {
  let low = from;
  let stride = 1;
  while (low + stride < indices.length && (indices[low + stride] as number) < index) {
    low += stride;
    stride *= 2;
  }
  let high = Math.min(low + stride, indices.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((indices[middle] as number) < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** All changed nodes above changed parts, up to the top of a tree of `size` entries. */
export function climb(
  parts: LevelChange,
  size: number,
  { levels, copyNode }: { readonly levels: Levels; readonly copyNode: CopyNode },
): LevelChange[] {
  const changes = [parts];
  for (let level = 0; level + 1 < levelCount(size); level += 1) {
    const below = changes[level] as LevelChange;
    const indices = new Uint32Array(parentCount(below.indices));
    const pairs = levels.scratch(2 * indices.length);
    fillPairs({ indices, words: pairs.words }, below, (index, at) => {
      copyNode(level, index, pairs.words, at);
    });
    const above = createHashes(indices.length);
    hashPairs(pairs.bytes.subarray(0, 2 * above.bytes.length), above.bytes);
    changes.push({ ...above, indices });
  }
  return changes;
}

/** Writes down the parents of changed nodes and what they are the hashes of. */
function fillPairs(
  parents: { readonly indices: Uint32Array; readonly words: Uint32Array },
  { indices, words }: LevelChange,
  copySibling: (index: number, at: number) => void,
): void {
  let slot = 0;
  for (let at = 0; at < indices.length; at += 1) {
    const index = indices[at] as number;
    const side = (index & 1) * wordsPerHash;
    const place = 2 * slot * wordsPerHash;
    parents.indices[slot] = index >>> 1;
    slot += 1;
    copyHash(words, at, parents.words, place + side);
    if (side === 0 && indices[at + 1] === index + 1) {
      at += 1;
      copyHash(words, at, parents.words, place + wordsPerHash);
    } else copySibling(index ^ 1, place + wordsPerHash - side);
  }
}

function parentCount(indices: Uint32Array): number {
  let count = 0;
  let last = -1;
  for (const index of indices) {
    if (index >>> 1 !== last) count += 1;
    last = index >>> 1;
  }
  return count;
}
