/**
 * Hash lists: one rule gives the state root, the root over the transactions and the one over the receipts.
 *
 *   node = SHA-256(left ‖ right)     root = SHA-256(top ‖ count, 32 bytes big-endian)     root of nothing = zeros
 *
 * Leaves are hashes of 32 bytes, filled up with zeros to a power of two. The count fixes the depth, and the
 * root fixes the count, so a checker knows of each hash on a path whether it is a leaf or a node: neither
 * can be taken for the other, and no byte in front of them has to say so. Without it every node is 64 bytes,
 * which the fast hashers want. No content hashes to zeros, so a filler cannot be taken for a leaf; a place
 * at or beyond the count is refused anyway. See docs/spec/chain.md, "Hash lists".
 */
import { bytesFromHex, hex, sha256 } from '@aitbc/primitives';
import type { Hex } from '../fields.ts';

/** Bytes of a hash. */
export const hashBytes = 32;
/** Indices have 32 bits, so no path is longer. */
export const listDepthMax = 32;

/** Where an item stands in a list of `count`, and the siblings on its path, leaf first. */
export interface ListProof {
  readonly index: number;
  readonly count: number;
  readonly siblings: readonly Hex[];
}

/** Number of levels above `count` leaves. */
export function depthOf(count: number): number {
  return count <= 1 ? 0 : listDepthMax - Math.clz32(count - 1);
}

/** Root of a list whose highest node is `top`. */
export function countedRoot(top: Uint8Array, count: number): Hex {
  const bytes = new Uint8Array(2 * hashBytes);
  bytes.set(top);
  new DataView(bytes.buffer).setBigUint64(2 * hashBytes - 8, BigInt(count));
  return hex(sha256(bytes));
}

/** True when the list with this root has the leaf at the place that the proof names. */
export function verifyListItem(root: Hex, leaf: Uint8Array, proof: ListProof): boolean {
  const { index, count, siblings } = proof;
  if (!Number.isSafeInteger(count) || count < 1 || count > 2 ** listDepthMax) return false;
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) return false;
  if (siblings.length !== depthOf(count) || leaf.length !== hashBytes) return false;
  let node = leaf;
  let at = index;
  for (const text of siblings) {
    const sibling = bytesFromHex(text, hashBytes);
    if (!sibling) return false;
    node = at % 2 === 0 ? pairHash(node, sibling) : pairHash(sibling, node);
    at = Math.floor(at / 2);
  }
  return countedRoot(node, count) === root;
}

/** Node above two hashes. */
export function pairHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(2 * hashBytes);
  bytes.set(left);
  bytes.set(right, hashBytes);
  return sha256(bytes);
}
