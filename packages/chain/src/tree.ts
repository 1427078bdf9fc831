/**
 * The state tree: an append-only Merkle tree whose leaves are the entries in the order of their creation.
 *
 * A new key takes the next free index for ever; keys that are new in one set of writes are numbered in
 * the order of their bytes, so the order of a map cannot change the root. Content of a leaf: key bytes
 * (letter ‖ id, 33) ‖ value. Each level is one flat array of hashes; a set of writes hashes only the paths
 * above the leaves it touches. The depth follows from the number of leaves, so the root depends on the
 * entries and their order alone and not on how the tree was built.
 *
 * `rootAfter` plans and changes nothing; `commit` of the same map right after uses that plan, so a block
 * is hashed once. The proof says that an entry is there. That one is not there cannot be proved yet.
 *
 * Rejected: a trie over hashed keys (20 to 60 levels for each entry instead of 14 for ten thousand).
 * See docs/spec/chain.md, "Tree".
 */
import { bytesFromHex, hex } from '@aitbc/primitives';
import type { Hex } from '@aitbc/protocol';
import type { StateKey } from './entries.ts';
import {
  type Children,
  createMerkleHasher,
  depthMax,
  depthOf,
  hashBytes,
  type MerkleHasher,
  rootOfPath,
} from './merkle.ts';

/** Proof that an entry stands in the state: its index and the siblings on its path, leaf first. */
export interface StateProof {
  readonly index: number;
  readonly siblings: readonly Hex[];
}

/** Writes of a block. */
export type Writes = ReadonlyMap<StateKey, Uint8Array>;

/** The state tree. */
export interface StateTree {
  /** Root as it would be after the writes. Changes nothing. The map must not change before `commit`. */
  rootAfter(writes: Writes): Hex;
  /** Takes the writes in; the new root. */
  commit(writes: Writes): Hex;
  root(): Hex;
  /** Index of a key, undefined for an unknown one. */
  indexOf(key: StateKey): number | undefined;
  /** Number of entries. */
  size(): number;
  /** Proof of presence, undefined for an unknown key. */
  proofOf(key: StateKey): StateProof | undefined;
}

/** Nodes of one level that a set of writes changes: rising indices and their hashes. */
interface Dirty {
  readonly indices: Uint32Array;
  readonly hashes: Uint8Array;
}

interface Plan {
  readonly writes: Writes;
  readonly newKeys: readonly StateKey[];
  /** From the leaves up to the root. */
  readonly levels: readonly Dirty[];
  readonly root: Hex;
}

interface Base {
  readonly hasher: MerkleHasher;
  readonly indexByKey: Map<StateKey, number>;
  /** Level 0 holds the leaves; each has its nodes up to the last one that is not empty, and spare room. */
  readonly levels: Uint8Array[];
}

/** A tree of entries that are numbered as they come: for a stored state, in the order of its indices. */
export function createStateTree(entries: Iterable<readonly [StateKey, Uint8Array]>): StateTree {
  const base: Base = { hasher: createMerkleHasher(), indexByKey: new Map(), levels: [] };
  let current = hex(base.hasher.empty(0));
  let planned: Plan | undefined;

  const planOf = (writes: Writes): Plan => {
    if (planned?.writes !== writes) planned = planWrites(base, writes);
    return planned;
  };
  const take = (plan: Plan): Hex => {
    for (const key of plan.newKeys) base.indexByKey.set(key, base.indexByKey.size);
    for (const [height, dirty] of plan.levels.entries()) putLevel(base.levels, height, dirty);
    planned = undefined;
    current = plan.root;
    return current;
  };

  const initial = new Map(entries);
  if (initial.size > 0) take(planInOrder(base, initial));

  return {
    rootAfter: (writes) => (writes.size === 0 ? current : planOf(writes).root),
    commit: (writes) => (writes.size === 0 ? current : take(planOf(writes))),
    root: () => current,
    indexOf: (key) => base.indexByKey.get(key),
    size: () => base.indexByKey.size,
    proofOf: (key) => proofOf(base, key),
  };
}

/** True when the tree with this root holds the entry. */
export function verifyStateProof(
  root: Hex,
  key: StateKey,
  entry: { readonly value: Uint8Array; readonly proof: StateProof },
): boolean {
  const { index, siblings } = entry.proof;
  if (siblings.length > depthMax || !Number.isSafeInteger(index)) return false;
  if (index < 0 || index >= 2 ** siblings.length) return false;
  const decoded = siblings.map((sibling) => bytesFromHex(sibling, hashBytes));
  if (!/^[acgp][0-9a-f]{64}$/.test(key) || decoded.includes(undefined)) return false;
  return rootOfPath(leafContent(key, entry.value), index, decoded as Uint8Array[]) === root;
}

function proofOf(base: Base, key: StateKey): StateProof | undefined {
  const index = base.indexByKey.get(key);
  if (index === undefined) return undefined;
  const siblings: Hex[] = [];
  const depth = depthOf(base.indexByKey.size);
  for (let height = 0; height < depth; height += 1) {
    const place = placeOf(base, height, Math.floor(index / 2 ** height) ^ 1);
    siblings.push(hex(place.buffer.subarray(place.offset, place.offset + hashBytes)));
  }
  return { index, siblings };
}

interface Update {
  readonly index: number;
  readonly key: StateKey;
  readonly value: Uint8Array;
}

function planWrites(base: Base, writes: Writes): Plan {
  const newKeys = [...writes.keys()].filter((key) => !base.indexByKey.has(key)).sort();
  const fresh = new Map(newKeys.map((key, at) => [key, base.indexByKey.size + at]));
  const updates: Update[] = [];
  for (const [key, value] of writes) {
    updates.push({ index: base.indexByKey.get(key) ?? (fresh.get(key) as number), key, value });
  }
  updates.sort((a, b) => a.index - b.index);
  return climb(base, { writes, newKeys, updates });
}

function planInOrder(base: Base, writes: Writes): Plan {
  const updates = Array.from(writes, ([key, value], index) => ({ index, key, value }));
  return climb(base, { writes, newKeys: [...writes.keys()], updates });
}

/** Hashes the touched leaves and every node above them. */
function climb(
  base: Base,
  work: Pick<Plan, 'writes' | 'newKeys'> & { readonly updates: readonly Update[] },
): Plan {
  const { writes, newKeys, updates } = work;
  const indices = Uint32Array.from(updates, ({ index }) => index);
  const hashes = new Uint8Array(updates.length * hashBytes);
  let content = new Uint8Array(0);
  let at = 0;
  for (const { key, value } of updates) {
    const sizeBytes = keyBytes + value.length;
    if (content.length !== sizeBytes) content = new Uint8Array(sizeBytes);
    fillLeaf(content, key, value);
    base.hasher.leaf(content, hashes, at);
    at += hashBytes;
  }
  const levels: Dirty[] = [{ indices, hashes }];
  const depth = depthOf(base.indexByKey.size + newKeys.length);
  for (let height = 0; height < depth; height += 1) {
    levels.push(parentsOf(base, levels[height] as Dirty, height));
  }
  const top = levels[depth] as Dirty;
  return { writes, newKeys, levels, root: hex(top.hashes) };
}

/** The dirty nodes one level up; a sibling that is not dirty comes from the tree. */
function parentsOf(base: Base, dirty: Dirty, height: number): Dirty {
  const { indices, hashes } = dirty;
  const most = Math.min(indices.length, ((indices[indices.length - 1] as number) >>> 1) + 1);
  const parents = new Uint32Array(most);
  const above = new Uint8Array(most * hashBytes);
  const pair: Children = { left: hashes, leftOffset: 0, right: hashes, rightOffset: 0 };
  let count = 0;
  for (let at = 0; at < indices.length; at += 1) {
    const index = indices[at] as number;
    const both = index % 2 === 0 && indices[at + 1] === index + 1;
    fillPair(pair, { index, own: hashes, at, both, base, height });
    parents[count] = index >>> 1;
    base.hasher.node(pair, above, count * hashBytes);
    count += 1;
    if (both) at += 1;
  }
  return {
    indices: parents.subarray(0, count),
    hashes: above.subarray(0, count * hashBytes),
  };
}

function fillPair(
  pair: Children,
  from: {
    index: number;
    own: Uint8Array;
    at: number;
    both: boolean;
    base: Base;
    height: number;
  },
): void {
  const { index, own, at, both, base, height } = from;
  const ownOffset = at * hashBytes;
  const sibling = both
    ? { buffer: own, offset: ownOffset + hashBytes }
    : placeOf(base, height, index ^ 1);
  const isLeft = index % 2 === 0;
  pair.left = isLeft ? own : sibling.buffer;
  pair.leftOffset = isLeft ? ownOffset : sibling.offset;
  pair.right = isLeft ? sibling.buffer : own;
  pair.rightOffset = isLeft ? sibling.offset : ownOffset;
}

/** Where the hash of a node stands: in its level, or among the empty subtrees. */
function placeOf(
  base: Base,
  height: number,
  index: number,
): { buffer: Uint8Array; offset: number } {
  const used = Math.ceil(base.indexByKey.size / 2 ** height);
  const level = base.levels[height];
  if (level && index < used) return { buffer: level, offset: index * hashBytes };
  return { buffer: base.hasher.empty(height), offset: 0 };
}

/** Copies dirty nodes into a level, which doubles when it is too short. */
function putLevel(levels: Uint8Array[], height: number, dirty: Dirty): void {
  const { indices, hashes } = dirty;
  const needed = ((indices[indices.length - 1] ?? 0) + 1) * hashBytes;
  let level = levels[height] ?? new Uint8Array(hashBytes);
  if (level.length < needed) {
    const grown = new Uint8Array(Math.max(needed, level.length * 2));
    grown.set(level);
    level = grown;
  }
  levels[height] = level;
  for (let at = 0; at < indices.length; at += 1) {
    const target = (indices[at] as number) * hashBytes;
    const source = at * hashBytes;
    for (let byte = 0; byte < hashBytes; byte += 1) {
      level[target + byte] = hashes[source + byte] as number;
    }
  }
}

const keyBytes = 33;

/** Key bytes ‖ value. */
function leafContent(key: StateKey, value: Uint8Array): Uint8Array {
  const content = new Uint8Array(keyBytes + value.length);
  fillLeaf(content, key, value);
  return content;
}

function fillLeaf(content: Uint8Array, key: StateKey, value: Uint8Array): void {
  content[0] = key.charCodeAt(0);
  for (let at = 1; at < keyBytes; at += 1) {
    content[at] = (digitOf(key, 2 * at - 1) << 4) | digitOf(key, 2 * at);
  }
  content.set(value, keyBytes);
}

/** Value of a lower-case hex digit. */
function digitOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 0x40 ? code - 0x30 : code - 0x57;
}
