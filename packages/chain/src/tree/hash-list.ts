/** Roots of lists by the rule of `hash-list.ts` in the protocol, level by level. See docs/spec/chain.md, "Hash lists". */
import { hex, sha256Into } from '@aitbc/primitives';
import {
  countedRoot,
  depthOf,
  type Hex,
  hashBytes,
  type ListProof,
  zeroHash,
} from '@aitbc/protocol';
import { hashPairs } from './hash-pairs.ts';

/** Root over the hashes of contents, zeros for an empty list. */
export function listRoot(contents: readonly Uint8Array[]): Hex {
  return hashListRoot(hashesOf(contents));
}

/** Hashes of contents: parts of one memory, into which they are hashed. */
function hashesOf(contents: readonly Uint8Array[]): Uint8Array[] {
  const all = new Uint8Array(contents.length * hashBytes);
  return contents.map((content, at) => {
    const digest = all.subarray(at * hashBytes, (at + 1) * hashBytes);
    sha256Into(digest, content);
    return digest;
  });
}

/** Root over leaves that are hashes already. Throws RangeError for a leaf that is not 32 bytes. */
export function hashListRoot(leaves: readonly Uint8Array[]): Hex {
  if (leaves.length === 0) return zeroHash;
  const levels = levelsOf(leaves);
  return countedRoot((levels.at(-1) as Uint8Array).subarray(0, hashBytes), leaves.length);
}

/** Proof of the leaf at `index`; see `verifyListItem`. Throws RangeError outside the list. */
export function proveListItem(leaves: readonly Uint8Array[], index: number): ListProof {
  if (!(index >= 0 && index < leaves.length)) throw new RangeError(`the list has no item ${index}`);
  const levels = levelsOf(leaves);
  const siblings = levels.slice(0, -1).map((level, height) => {
    const at = (Math.floor(index / 2 ** height) ^ 1) * hashBytes;
    return hex(level.subarray(at, at + hashBytes));
  });
  return { index, count: leaves.length, siblings };
}

/** From the leaves to the top; each level but the top is filled up to an even number of hashes. */
function levelsOf(leaves: readonly Uint8Array[]): Uint8Array[] {
  const depth = depthOf(leaves.length);
  let level = new Uint8Array(paddedSize(leaves.length, depth > 0));
  for (const [index, leaf] of leaves.entries()) {
    if (leaf.length !== hashBytes) throw new RangeError(`leaf ${index} has ${leaf.length} bytes`);
    level.set(leaf, index * hashBytes);
  }
  const levels = [level];
  let empty = new Uint8Array(2 * hashBytes);
  for (let height = 1; height <= depth; height += 1) {
    const count = level.length / 2 / hashBytes;
    const above = new Uint8Array(paddedSize(count, height < depth));
    hashPairs(level, above.subarray(0, count * hashBytes));
    const filler = new Uint8Array(2 * hashBytes);
    hashPairs(empty, filler.subarray(0, hashBytes));
    filler.copyWithin(hashBytes, 0, hashBytes);
    if (above.length > count * hashBytes) above.set(filler.subarray(hashBytes), count * hashBytes);
    levels.push(above);
    level = above;
    empty = filler;
  }
  return levels;
}

function paddedSize(count: number, even: boolean): number {
  return (even ? count + (count % 2) : count) * hashBytes;
}
