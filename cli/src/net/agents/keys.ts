import { bytesFromHex, hex, type KeyPair, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import { addressOf } from '@aitbc/protocol';
import type { Keys } from '../contract.ts';

const seedBytes = 32;

/** The key pair of an account of the town. */
export function keyPairOf({ secretKey }: Keys): KeyPair {
  const seed = bytesFromHex(secretKey.slice(0, 2 * seedBytes), seedBytes);
  if (!seed) throw new RangeError('the town has a key that is none');
  return keyPairFromSeed(seed);
}

/** The 64-byte secret key of an account of the town. */
export function secretKeyOf(keys: Keys): Uint8Array {
  return keyPairOf(keys).secretKey;
}

/** A new account. */
export function newKeys(): Keys {
  const seed = randomBytes(seedBytes);
  const accountId = hex(keyPairFromSeed(seed).publicKey);
  return { accountId, address: addressOf(accountId), secretKey: hex(seed) };
}
