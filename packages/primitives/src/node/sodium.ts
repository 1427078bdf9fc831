import { hash } from 'node:crypto';
import sodium from 'sodium-native';

/**
 * libsodium for Node (native addon, prebuilt). The answer of `verify` here is the definition of a valid
 * protocol signature; `browser/sodium.ts` is the same library compiled to wasm, and a test runs both
 * over the same edge cases.
 */
export function verifyDetached(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  return sodium.crypto_sign_verify_detached(
    signature as Buffer,
    message as Buffer,
    publicKey as Buffer,
  );
}

/** 64-byte signature over the message by the 64-byte secret key (seed ‖ public key). */
export function signDetached(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const signature = new Uint8Array(sodium.crypto_sign_BYTES);
  sodium.crypto_sign_detached(signature as Buffer, message as Buffer, secretKey as Buffer);
  return signature;
}

/** Public key (32 bytes) and secret key (64 bytes) of a 32-byte seed. */
export function keypairFromSeed(seed: Uint8Array): {
  publicKey: Uint8Array;
  secretKey: Uint8Array;
} {
  const publicKey = new Uint8Array(sodium.crypto_sign_PUBLICKEYBYTES);
  const secretKey = new Uint8Array(sodium.crypto_sign_SECRETKEYBYTES);
  sodium.crypto_sign_seed_keypair(publicKey as Buffer, secretKey as Buffer, seed as Buffer);
  return { publicKey, secretKey };
}

const scratch = new Uint8Array(sodium.crypto_hash_sha256_BYTES);

/** SHA-256 of the bytes. The addon writes into one array and a copy goes out: half the price of a new array for it. */
export function sha256(data: Uint8Array): Uint8Array {
  sodium.crypto_hash_sha256(scratch as Buffer, data as Buffer);
  return scratch.slice();
}

/** SHA-256 of the bytes as lower-case hex, a third of the cost of both steps. */
export function sha256Hex(data: Uint8Array): string {
  return hash('sha256', data, 'hex');
}

/** SHA-256 of the bytes into `digest` (32 bytes): a third of the cost of `sha256`, which allocates. */
export function sha256Into(digest: Uint8Array, data: Uint8Array): void {
  sodium.crypto_hash_sha256(digest as Buffer, data as Buffer);
}

/** Overwrites secret bytes with zeros in a way the engine does not optimise away. */
export function wipe(secret: Uint8Array): void {
  sodium.sodium_memzero(secret as Buffer);
}

/** X25519 public key of an Ed25519 one, undefined for a key that is no point of the prime-order group. */
export function boxKeyOf(publicKey: Uint8Array): Uint8Array | undefined {
  const boxKey = new Uint8Array(sodium.crypto_box_PUBLICKEYBYTES);
  try {
    sodium.crypto_sign_ed25519_pk_to_curve25519(boxKey as Buffer, publicKey as Buffer);
  } catch {
    return undefined; // the binding's only way to say "no such point"
  }
  return boxKey;
}

/** X25519 secret key of an Ed25519 secret key (64 bytes). */
export function boxSecretOf(secretKey: Uint8Array): Uint8Array {
  const boxSecret = new Uint8Array(sodium.crypto_box_SECRETKEYBYTES);
  sodium.crypto_sign_ed25519_sk_to_curve25519(boxSecret as Buffer, secretKey as Buffer);
  return boxSecret;
}

/** Sealed box to an X25519 key: 48 bytes longer than the message. */
export function boxSeal(message: Uint8Array, boxKey: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(message.length + sodium.crypto_box_SEALBYTES);
  sodium.crypto_box_seal(sealed as Buffer, message as Buffer, boxKey as Buffer);
  return sealed;
}

/** The message inside a sealed box, undefined when it was not sealed to these keys. */
export function boxOpen(
  sealed: Uint8Array,
  boxKey: Uint8Array,
  boxSecret: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < sodium.crypto_box_SEALBYTES) return undefined;
  const message = new Uint8Array(sealed.length - sodium.crypto_box_SEALBYTES);
  const opened = sodium.crypto_box_seal_open(
    message as Buffer,
    sealed as Buffer,
    boxKey as Buffer,
    boxSecret as Buffer,
  );
  return opened ? message : undefined;
}
