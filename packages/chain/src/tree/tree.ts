/**
 * The state tree: an append-only Merkle tree whose leaves are the entries in the order of their creation.
 *
 * A new key takes the next index for ever; keys that are new in one block are numbered in the order of their
 * bytes, so the order of a map cannot change the root. Leaf 0 is a sentinel. Each leaf commits to its key, to the next
 * key in order and to the hash of its value; so one leaf proves that a key is there, or that none is between two.
 * The root depends on the entries and their order alone and not on how the tree was built.
 *
 * Blocks are executed before they are final, and several may stand on one parent, so the tree has versions: `extend`
 * makes one and changes nothing, `commit` makes one the head and ends all others on the former head. The tree
 * holds keys and hashes and no values.
 *
 * Rejected: a trie over hashed keys (20 to 60 levels for each entry instead of 14 for ten thousand); a persistent
 * tree of nodes (ten times slower: every hash is an object). See docs/spec/chain.md, "Tree".
 */
import { equalBytes, hex } from '@aitbc/primitives';
import { depthOf, endKey, type Hex, keyBytes, keyHexOf, type StateProof } from '@aitbc/protocol';
import type { StateKey } from '../entries.ts';
import { createPartHasher } from './hash-parts.ts';
import { bytesOfKey, createKeys, putKey } from './keys.ts';
import { climb, createHashes, createLevels, wordsPerHash } from './levels.ts';
import {
  extendVersion,
  type Ground,
  indexIn,
  openVersions,
  putLink,
  rootOf,
  type Version,
  type Writes,
} from './versions.ts';

export type { Writes } from './versions.ts';

/** A version of the state. */
export interface TreeVersion {
  readonly root: Hex;
  /** Number of leaves: the entries and the sentinel. */
  readonly size: number;
  /** Index of a key, from 1 on; undefined for an unknown one. Throws RangeError when the version is stale. */
  indexOf(key: StateKey): number | undefined;
  /** Root as it would be after the writes; `extend` and `commit` of the same map right after use the work. */
  rootAfter(writes: Writes): Hex;
}

/** The leaf at an index: what a proof or a snapshot says of it. */
export interface LeafKeys {
  readonly key: Uint8Array;
  readonly nextKey: Uint8Array;
}

/** The state tree. */
export interface StateTree {
  /** The version of the last commit. */
  readonly head: TreeVersion;
  /** The version that the writes make of another. The map must not change afterwards. Throws RangeError when stale. */
  extend(version: TreeVersion, writes: Writes): TreeVersion;
  /** Makes a version the head; its parent must be the head. Writes extend the head first. The new root. */
  commit(next: TreeVersion | Writes): Hex;
  /** `root`, `size`, `indexOf` and `rootAfter` of the head. */
  root(): Hex;
  size(): number;
  indexOf(key: StateKey): number | undefined;
  rootAfter(writes: Writes): Hex;
  /** Proof at the head: that the key is there, or that it is not. Throws RangeError for a text that is no key. */
  proofOf(key: StateKey): StateProof;
  /** Key of a leaf of the head and the one that follows it. Throws RangeError outside the tree. */
  leafAt(index: number): LeafKeys;
  /** Siblings of the path above `index` on a level of the head, 0 for the leaves, from below to the top. */
  siblingsAbove(level: number, index: number): Uint8Array[];
}

interface Tree extends Ground {
  readonly handles: WeakMap<TreeVersion, Version>;
  readonly plans: WeakMap<Version, { writes: Writes; next: TreeVersion }>;
}

/** A tree of entries in the order of their indices, the sentinel left out. Throws RangeError for a key that stands in it twice. */
export function createStateTree(entries: Iterable<readonly [StateKey, Uint8Array]>): StateTree {
  const tree: Tree = {
    keys: createKeys(),
    levels: createLevels(),
    hashPart: createPartHasher(),
    handles: new WeakMap(),
    plans: new WeakMap(),
  };
  let head = handleOf(tree, fill(tree, [...entries]));
  return {
    get head() {
      return head;
    },
    extend: (version, writes) => extend(tree, version, writes),
    commit(next) {
      const version = 'rootAfter' in next ? next : extend(tree, head, next);
      fold(tree, versionOf(tree, head), versionOf(tree, version));
      head = version;
      return head.root;
    },
    root: () => head.root,
    size: () => head.size,
    indexOf: (key) => head.indexOf(key),
    rootAfter: (writes) => head.rootAfter(writes),
    proofOf: (key) => proofOf(tree, key),
    leafAt: (index) => leafAt(tree, index),
    siblingsAbove: (level, index) => siblingsAbove(tree, level, index),
  };
}

function versionOf(tree: Tree, handle: TreeVersion): Version {
  const version = tree.handles.get(handle);
  if (!version) throw new RangeError('this is a version of another tree');
  return version;
}

function handleOf(tree: Tree, version: Version): TreeVersion {
  const handle: TreeVersion = {
    root: version.root,
    size: version.size,
    indexOf: (key) => indexIn(tree, openVersions(version), bytesOfKey(key)),
    rootAfter: (writes) => extend(tree, handle, writes).root,
  };
  tree.handles.set(handle, version);
  return handle;
}

/** Remembers the last extension, so that a block is hashed once. */
function extend(tree: Tree, handle: TreeVersion, writes: Writes): TreeVersion {
  const parent = versionOf(tree, handle);
  const plan = tree.plans.get(parent);
  if (plan?.writes === writes) return plan.next;
  const next = handleOf(tree, extendVersion(tree, parent, writes));
  tree.plans.set(parent, { writes, next });
  return next;
}

/** Puts the changes of a version into the arrays. */
function fold(tree: Tree, head: Version, next: Version): void {
  if (next.parent !== head || head.isStale) {
    throw new RangeError('this version of the tree does not stand on the head');
  }
  tree.keys.append(next.newKeys);
  tree.levels.put(next.changes, next.size);
  tree.plans.delete(head);
  head.isStale = true;
  next.parent = undefined;
  next.changes = [];
  next.newKeys = new Uint8Array(0);
}

/** The first head: the sentinel and all entries, hashed at once. */
function fill(
  { keys, levels, hashPart }: Ground,
  entries: (readonly [StateKey, Uint8Array])[],
): Version {
  const size = entries.length + 1;
  const slab = new Uint8Array(size * keyBytes);
  for (const [at, [key]] of entries.entries()) putKey(key, slab, (at + 1) * keyBytes);
  keys.append(slab);
  const hashes = createHashes(2 * size);
  const link = new Uint8Array(2 * keyBytes);
  for (const [index, next] of keys.successors().entries()) {
    const key = keys.keyAt(index);
    const nextKey = next === 0 ? undefined : keys.keyAt(next);
    if (nextKey && equalBytes(key, nextKey))
      throw new RangeError('a key stands twice in the state');
    putLink(link, key, nextKey);
    const at = 2 * index * wordsPerHash;
    hashPart(link, hashes.words, at);
    hashPart(entries[index - 1]?.[1] ?? noValue, hashes.words, at + wordsPerHash);
  }
  const indices = Uint32Array.from({ length: 2 * size }, (_, place) => place);
  const changes = climb({ ...hashes, indices }, size, { levels, copyNode: levels.copyNode });
  levels.put(changes, size);
  const root = rootOf(changes, size);
  return {
    parent: undefined,
    isStale: false,
    changes: [],
    newKeys: noValue,
    firstNew: 0,
    size,
    root,
  };
}

const noValue = new Uint8Array(0);

function proofOf(tree: Tree, key: StateKey): StateProof {
  const sought = keyHexOf(key);
  if (!sought) throw new RangeError(`"${key}" is no key`);
  const { index, key: found, nextKey } = tree.keys.gapOf(bytesOfKey(key));
  const place = {
    index,
    count: tree.keys.size(),
    siblings: siblingsAbove(tree, 0, index).map(hex),
    nextKey: nextKey ? hex(nextKey) : endKey,
  };
  const own = hex(found);
  if (own === sought) return { kind: 'presence', ...place };
  const valueHash = hex(tree.levels.nodeAt(0, 2 * index + 1));
  return { kind: 'absence', ...place, key: own, valueHash };
}

function leafAt({ keys }: Ground, index: number): LeafKeys {
  if (!(index >= 0 && index < keys.size())) throw new RangeError(`the tree has no leaf ${index}`);
  const key = keys.keyAt(index);
  const { nextKey = new Uint8Array(keyBytes).fill(0xff) } = keys.gapOf(key);
  return { key, nextKey };
}

function siblingsAbove({ keys, levels }: Ground, level: number, index: number): Uint8Array[] {
  const siblings: Uint8Array[] = [];
  let at = index;
  for (let height = level; height < depthOf(keys.size()); height += 1) {
    siblings.push(levels.nodeAt(height + 1, at ^ 1)); // the leaves are level 1 of the hashes
    at >>>= 1;
  }
  return siblings;
}
