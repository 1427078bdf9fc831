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

/** SHA-256 of the bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  const digest = new Uint8Array(sodium.crypto_hash_sha256_BYTES);
  sodium.crypto_hash_sha256(digest as Buffer, data as Buffer);
  return digest;
}

/** SHA-256 of the bytes into `digest` (32 bytes): a third of the cost of `sha256`, which allocates. */
export function sha256Into(digest: Uint8Array, data: Uint8Array): void {
  sodium.crypto_hash_sha256(digest as Buffer, data as Buffer);
}

/** Overwrites secret bytes with zeros in a way the engine does not optimise away. */
export function wipe(secret: Uint8Array): void {
  sodium.sodium_memzero(secret as Buffer);
}
