/** Keys of a town. They follow from the seed of the run, so that two runs of one seed have equal accounts. */
import { hex, keyPairFromSeed, sha256, utf8 } from '@aitbc/primitives';
import { addressOf } from '@aitbc/protocol';
import type { Keys } from '../contract.ts';

/** Keys with the 32 bytes that they come from, in hex, as key files hold them. */
export interface SeededKeys extends Keys {
  readonly seed: string;
}

/** The keys of a name. `secretKey` is the whole one, 64 bytes. */
export function keysOf(seed: number, name: string): SeededKeys {
  return keysFromSeed(sha256(utf8(`aitbc net ${seed} ${name}`)));
}

/** Keys from 32 bytes. */
export function keysFromSeed(seed: Uint8Array): SeededKeys {
  const { publicKey, secretKey } = keyPairFromSeed(seed);
  const accountId = hex(publicKey);
  return { seed: hex(seed), accountId, address: addressOf(accountId), secretKey: hex(secretKey) };
}
