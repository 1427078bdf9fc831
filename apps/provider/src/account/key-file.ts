/** Key files: a 32-byte seed in hex, readable by the owner of the daemon only. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bytesFromHex, hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import { AppError, type DocumentSigner } from '@aitbc/protocol';

const seedBytes = 32;

/** The key of the file; a new one when the file does not exist. Throws STORE_CORRUPT. */
export function loadKey(path: string): DocumentSigner {
  const seed = bytesFromHex(readOrCreate(path), seedBytes);
  if (!seed) {
    throw new AppError('STORE_CORRUPT', { what: path, reason: 'a key file holds 64 hex digits' });
  }
  const { publicKey, secretKey } = keyPairFromSeed(seed);
  return { publicKey: hex(publicKey), secretKey };
}

/** A token of 32 random bytes for the owner, kept in a file. */
export function loadToken(path: string): string {
  return readOrCreate(path);
}

function readOrCreate(path: string): string {
  const fresh = hex(randomBytes(seedBytes));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${fresh}\n`, { mode: 0o600, flag: 'wx' });
    return fresh;
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error;
    return readFileSync(path, 'utf8').trim();
  }
}
