/** Key files: one line with a 32-byte seed in hex, readable by its owner only. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { bytesFromHex, hex, type KeyPair, keyPairFromSeed, seedBytes } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';

/** A key pair with its public key in hex: the identity of a validator and the id of its account. */
export interface Identity {
  readonly publicKey: Hex;
  readonly keys: KeyPair;
}

/** Identity of a seed. */
export function identityFromSeed(seed: Uint8Array): Identity {
  const keys = keyPairFromSeed(seed);
  return { publicKey: hex(keys.publicKey), keys };
}

/** Reads a key file. Throws AppError CONFIG_INVALID when it is absent, open to others or no seed. */
export function readKeyFile(path: string): Identity {
  const fault = (reason: string) =>
    new AppError('CONFIG_INVALID', { reason: `the key file ${path} ${reason}` });
  if (!existsSync(path)) throw fault('does not exist; --init makes one');
  // On Windows the mode bits say nothing about who may read.
  const openBits = process.platform === 'win32' ? 0 : statSync(path).mode & 0o077;
  if (openBits !== 0) throw fault('may be read by others; chmod 600 it');
  const seed = bytesFromHex(readFileSync(path, 'utf8').trim(), seedBytes);
  if (!seed) throw fault('does not hold 64 hex digits');
  return identityFromSeed(seed);
}

/** Writes a key file; an existing one is never overwritten. */
export function writeKeyFile(path: string, seed: Uint8Array): void {
  writeFileSync(path, `${hex(seed)}\n`, { mode: 0o600, flag: 'wx' });
}
