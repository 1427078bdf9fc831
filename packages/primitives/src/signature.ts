/**
 * Ed25519 signatures, and the one rule of validity.
 *
 * Verifiers disagree on edge cases: low-order keys, non-canonical encodings, cofactored equations. Two
 * versions of Node alone give two answers. So a protocol signature (transaction, vote, voucher, offer,
 * receipt) is valid if and only if libsodium says so, and everything that checks one calls `verify`.
 * The published twelve edge vectors are a test; see docs/spec/wire.md, "Signatures".
 */
import { keypairFromSeed, signDetached, verifyDetached } from '#sodium';
import { hex } from '#text';

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

/** y of the points of low order: order 4, 1, 8, 8, 2, and two spellings above the field prime. */
const lowOrderKeys: readonly string[] = Object.freeze([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/**
 * False for a key that `verify` refuses whatever is signed: wrong length, low order, or a y that is not
 * below the field prime. Whether the point lies on the curve is not asked: such a key signs nothing
 * either, and nobody but the one who chose it is hurt.
 */
export function isSafePublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== publicKeyBytes) return false;
  const masked = Uint8Array.from(publicKey);
  masked[31] = (masked[31] ?? 0) & 0x7f;
  return isBelowPrime(masked) && !lowOrderKeys.includes(hex(masked));
}

/** True for little-endian y < 2^255 - 19, sign bit cleared. */
function isBelowPrime(y: Uint8Array): boolean {
  if (y[31] !== 0x7f || (y[0] ?? 0) < 0xed) return true;
  return !y.subarray(1, 31).every((byte) => byte === 0xff);
}
