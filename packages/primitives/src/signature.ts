/**
 * Ed25519 signatures, and the one rule of validity.
 *
 * Verifiers disagree on edge cases: low-order keys, non-canonical encodings, cofactored equations. Two
 * versions of Node alone give two answers. So a protocol signature (transaction, vote, voucher, offer,
 * receipt) is valid if and only if libsodium says so, and everything that checks one calls `verify`.
 * The published twelve edge vectors are a test; see docs/spec/wire.md, "Signatures".
 */
import { keypairFromSeed, signDetached, verifyDetached } from '#sodium';

export const publicKeyBytes = 32;
export const secretKeyBytes = 64;
export const signatureBytes = 64;
export const seedBytes = 32;

/** A key pair; `secretKey` is seed ‖ public key. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** Key pair of a 32-byte seed. */
export function keyPairFromSeed(seed: Uint8Array): KeyPair {
  if (seed.length !== seedBytes) throw new RangeError(`a seed is ${seedBytes} bytes`);
  return keypairFromSeed(seed);
}

/** Signature of 64 bytes over the message. */
export function sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return signDetached(message, secretKey);
}

/** True if and only if libsodium accepts. Wrong lengths are simply not valid. */
export function verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== signatureBytes || publicKey.length !== publicKeyBytes) return false;
  return verifyDetached(signature, message, publicKey);
}
