/**
 * Merkle hashing: one rule for the state tree and for the lists of a block.
 *
 *   leaf = SHA-256(0x00 ‖ content)   node = SHA-256(0x01 ‖ left ‖ right)   empty leaf = 32 zero bytes
 *
 * Leaves are numbered from zero and filled up with empty ones to a power of two, so an empty subtree of each
 * height has one fixed hash. The byte in front keeps a node from passing as a leaf. No content hashes to
 * zeros, so an empty place cannot be taken for a full one. See docs/spec/chain.md, "Tree".
 */
import { hex, sha256, sha256Into } from '@aitbc/primitives';
import { type Hex, zeroHash } from '@aitbc/protocol';

export const hashBytes = 32;
/** Indices have 32 bits, so no path is longer. */
export const depthMax = 32;

/** Hashes leaves and nodes through buffers of its own, so that no call allocates. */
export interface MerkleHasher {
  /** Puts the hash of a leaf with this content at byte `offset` of `target`. */
  leaf(content: Uint8Array, target: Uint8Array, offset: number): void;
  /** Puts the parent of two children at byte `offset` of `target`. */
  node(pair: Children, target: Uint8Array, offset: number): void;
  /** Hash of an empty subtree of `height` levels above its leaves. */
  empty(height: number): Uint8Array;
}

/** Two children as places in buffers. */
export interface Children {
  left: Uint8Array;
  leftOffset: number;
  right: Uint8Array;
  rightOffset: number;
}

/** A hasher. */
export function createMerkleHasher(): MerkleHasher {
  const digest = new Uint8Array(hashBytes);
  const pairBytes = new Uint8Array(1 + 2 * hashBytes);
  pairBytes[0] = 1;
  let leafBytes = new Uint8Array(0);
  const emptyHashes: Uint8Array[] = [new Uint8Array(hashBytes)];

  const hasher: MerkleHasher = {
    leaf(content, target, offset) {
      if (leafBytes.length !== content.length + 1) leafBytes = new Uint8Array(content.length + 1);
      leafBytes.set(content, 1);
      sha256Into(digest, leafBytes);
      target.set(digest, offset);
    },
    node({ left, leftOffset, right, rightOffset }, target, offset) {
      for (let at = 0; at < hashBytes; at += 1) {
        pairBytes[1 + at] = left[leftOffset + at] as number;
        pairBytes[33 + at] = right[rightOffset + at] as number;
      }
      sha256Into(digest, pairBytes);
      target.set(digest, offset);
    },
    empty(height) {
      while (emptyHashes.length <= height) {
        const child = emptyHashes[emptyHashes.length - 1] as Uint8Array;
        const parent = new Uint8Array(hashBytes);
        hasher.node({ left: child, leftOffset: 0, right: child, rightOffset: 0 }, parent, 0);
        emptyHashes.push(parent);
      }
      return emptyHashes[height] as Uint8Array;
    },
  };
  return hasher;
}

/** Number of levels above `size` leaves. */
export function depthOf(size: number): number {
  return size <= 1 ? 0 : 32 - Math.clz32(size - 1);
}

/** Root over a list of contents, zeros for an empty list. */
export function listRoot(contents: readonly Uint8Array[]): Hex {
  if (contents.length === 0) return zeroHash;
  const hasher = createMerkleHasher();
  let level = new Uint8Array(contents.length * hashBytes);
  for (const [index, content] of contents.entries()) hasher.leaf(content, level, index * hashBytes);
  const depth = depthOf(contents.length);
  for (let height = 0; height < depth; height += 1) level = parentsOf(hasher, level, height);
  return hex(level);
}

/** The level above; an odd last node gets the empty subtree of its height as its neighbour. */
function parentsOf(
  hasher: MerkleHasher,
  level: Uint8Array,
  height: number,
): Uint8Array<ArrayBuffer> {
  const size = level.length / hashBytes;
  const above = new Uint8Array(Math.ceil(size / 2) * hashBytes);
  for (let index = 0; index < size; index += 2) {
    const hasRight = index + 1 < size;
    const pair = {
      left: level,
      leftOffset: index * hashBytes,
      right: hasRight ? level : hasher.empty(height),
      rightOffset: hasRight ? (index + 1) * hashBytes : 0,
    };
    hasher.node(pair, above, (index / 2) * hashBytes);
  }
  return above;
}

const emptyPart = new Uint8Array(0);

/** Root that a leaf's content at `index` has with these siblings, leaf first. */
export function rootOfPath(
  content: Uint8Array,
  index: number,
  siblings: readonly Uint8Array[],
): Hex {
  let node = sha256(joined(0, content));
  let at = index;
  for (const sibling of siblings) {
    node = sha256(at % 2 === 0 ? joined(1, node, sibling) : joined(1, sibling, node));
    at = Math.floor(at / 2);
  }
  return hex(node);
}

function joined(tag: number, first: Uint8Array, second: Uint8Array = emptyPart): Uint8Array {
  const bytes = new Uint8Array(1 + first.length + second.length);
  bytes[0] = tag;
  bytes.set(first, 1);
  bytes.set(second, 1 + first.length);
  return bytes;
}
