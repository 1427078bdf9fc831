/**
 * Proofs of the state: that an entry stands in it with a value, or that a key does not stand in it at all.
 *
 *   leaf = SHA-256(link ‖ valueHash)   link = SHA-256(key ‖ nextKey)   valueHash = SHA-256(value)
 *
 * `nextKey` is the smallest key above this one. The keys so form a ring from the sentinel (33 zero bytes,
 * leaf 0, empty value) to the end (33 bytes of ff), and a leaf whose key is below and whose next key is above
 * a third one proves that the third is absent. Link and value are hashed apart, so that a new key changes
 * the leaf before it without its value, and absence is proved without any value. A key is the letter of its
 * kind and 32 bytes of id. See docs/spec/chain.md, "Tree".
 */
import { bytesFromHex, concat, sha256 } from '@aitbc/primitives';
import type { Hex } from '../fields.ts';
import { type ListProof, pairHash, verifyListItem } from './hash-list.ts';

/** Bytes of a key. */
export const keyBytes = 33;
/** Key of leaf 0: below all others. */
export const sentinelKey: Hex = '00'.repeat(keyBytes);
/** What follows the largest key. */
export const endKey: Hex = 'ff'.repeat(keyBytes);

/** Proof that an entry stands in the state. Keys are 66 hex digits. */
export interface PresenceProof extends ListProof {
  readonly kind: 'presence';
  readonly nextKey: Hex;
}

/** Proof that a key does not: the leaf below it. */
export interface AbsenceProof extends ListProof {
  readonly kind: 'absence';
  readonly key: Hex;
  readonly nextKey: Hex;
  readonly valueHash: Hex;
}

/** Either. */
export type StateProof = PresenceProof | AbsenceProof;

const keyPattern = /^[a-z][0-9a-f]{64}$/;

/** Key as hex of its 33 bytes, undefined for a text that is no letter with 64 hex digits. */
export function keyHexOf(key: string): Hex | undefined {
  return keyPattern.test(key) ? key.charCodeAt(0).toString(16) + key.slice(1) : undefined;
}

/** Leaf of an entry. */
export function entryLeaf(link: Uint8Array, valueHash: Uint8Array): Uint8Array {
  return pairHash(link, valueHash);
}

/** True when the state with this root holds the value under the key (`a` and 64 hex digits of an account). */
export function verifyPresence(
  root: Hex,
  entry: { readonly key: string; readonly value: Uint8Array },
  proof: PresenceProof,
): boolean {
  const link = linkOf(keyHexOf(entry.key), proof.nextKey);
  return !!link && verifyListItem(root, entryLeaf(link, sha256(entry.value)), proof);
}

/** True when the state with this root has no entry under the key. */
export function verifyAbsence(root: Hex, key: string, proof: AbsenceProof): boolean {
  const sought = keyHexOf(key);
  const link = linkOf(proof.key, proof.nextKey);
  const valueHash = bytesFromHex(proof.valueHash, 32);
  if (!sought || !link || !valueHash) return false;
  if (proof.key >= sought || sought >= proof.nextKey) return false; // hex sorts as its bytes
  return verifyListItem(root, entryLeaf(link, valueHash), proof);
}

function linkOf(key: Hex | undefined, nextKey: Hex): Uint8Array | undefined {
  const [low, high] = [key && bytesFromHex(key, keyBytes), bytesFromHex(nextKey, keyBytes)];
  return low && high ? sha256(concat(low, high)) : undefined;
}
