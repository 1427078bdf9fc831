/**
 * Encryption to an account: anybody may write, only the holder of the secret key can read.
 *
 * libsodium's sealed box: a fresh X25519 key pair per message, its shared secret with the receiver's key,
 * XSalsa20-Poly1305 over the text. The receiver's X25519 keys are derived from its Ed25519 account keys, so
 * an address book of account keys is enough. Not even the sender can open what it sealed; who has the
 * receiver's secret key can open everything ever sealed to it. A sealed box says nothing about who wrote
 * it: what has to be bound to a sender is signed outside and names the sender inside (docs/spec/bus.md).
 */
import { boxKeyOf, boxOpen, boxSeal, boxSecretOf } from '#sodium';
import { type KeyPair, publicKeyBytes } from './signature.ts';

/** How much longer a sealed message is than the message itself. */
export const sealBytes = 48;

/** Reads what was sealed to one account. */
export interface SealOpener {
  /** The message, or undefined when it was changed or was sealed to somebody else. */
  open(sealed: Uint8Array): Uint8Array | undefined;
}

/** The message sealed to an account key (32 bytes), or undefined when that key can receive nothing. */
export function sealTo(publicKey: Uint8Array, message: Uint8Array): Uint8Array | undefined {
  if (publicKey.length !== publicKeyBytes) return undefined;
  const boxKey = boxKeyOf(publicKey);
  return boxKey && boxSeal(message, boxKey);
}

/** An opener for the holder of the keys; derives the X25519 pair once. Throws RangeError for no real key pair. */
export function createSealOpener(keys: KeyPair): SealOpener {
  const boxKey = boxKeyOf(keys.publicKey);
  if (!boxKey) throw new RangeError('the public key is no Ed25519 key');
  const boxSecret = boxSecretOf(keys.secretKey);
  return { open: (sealed) => boxOpen(sealed, boxKey, boxSecret) };
}
