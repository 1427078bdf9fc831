/** The key that signs vouchers: made at the first start, a file that only its owner may read. */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  bytesFromHex,
  hex,
  type KeyPair,
  keyPairFromSeed,
  randomBytes,
  seedBytes,
} from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';

const ownerOnly = 0o600;

/** Key of the file, which is made when there is none. Throws STORE_CORRUPT. */
export function openHotKey(path: string): KeyPair {
  try {
    writeFileSync(path, `${hex(randomBytes(seedBytes))}\n`, { flag: 'wx', mode: ownerOnly });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
  }
  const seed = bytesFromHex(readFileSync(path, 'utf8').trim(), seedBytes);
  if (!seed) throw new AppError('STORE_CORRUPT', { what: path, reason: 'it holds no key' });
  return keyPairFromSeed(seed);
}
