import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import sodium from 'libsodium-wrappers';
import { hex } from './text.ts';

await sodium.ready;

/** libsodium compiled to wasm: same rules, same answers as the native build. */
export function verifyDetached(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  return sodium.crypto_sign_verify_detached(signature, message, publicKey);
}

export function signDetached(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return sodium.crypto_sign_detached(message, secretKey);
}

export function keypairFromSeed(seed: Uint8Array): {
  publicKey: Uint8Array;
  secretKey: Uint8Array;
} {
  const pair = sodium.crypto_sign_seed_keypair(seed);
  return { publicKey: pair.publicKey, secretKey: pair.privateKey };
}

export function sha256(data: Uint8Array): Uint8Array {
  return nobleSha256(data);
}

export function sha256Hex(data: Uint8Array): string {
  return hex(nobleSha256(data));
}

export function sha256Into(digest: Uint8Array, data: Uint8Array): void {
  digest.set(nobleSha256(data));
}

export function wipe(secret: Uint8Array): void {
  secret.fill(0);
}

export function boxKeyOf(publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return sodium.crypto_sign_ed25519_pk_to_curve25519(publicKey);
  } catch {
    return undefined; // the binding's only way to say "no such point"
  }
}

export function boxSecretOf(secretKey: Uint8Array): Uint8Array {
  return sodium.crypto_sign_ed25519_sk_to_curve25519(secretKey);
}

export function boxSeal(message: Uint8Array, boxKey: Uint8Array): Uint8Array {
  return sodium.crypto_box_seal(message, boxKey);
}

export function boxOpen(
  sealed: Uint8Array,
  boxKey: Uint8Array,
  boxSecret: Uint8Array,
): Uint8Array | undefined {
  try {
    return sodium.crypto_box_seal_open(sealed, boxKey, boxSecret);
  } catch {
    return undefined; // the binding's only way to say "not sealed to these keys"
  }
}
