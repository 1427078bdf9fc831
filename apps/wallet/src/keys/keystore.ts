/**
 * The keystore: one encrypted seed. Password → argon2id → XChaCha20-Poly1305 over the 32-byte seed; every
 * other field is authenticated with it, so an exchanged address or weakened parameters do not open. The
 * same JSON lies in the database and in an exported file. See docs/spec/wallet.md, "Keystore".
 *
 * Parameters of a foreign file are bounded before they are used (a file may not ask for a terabyte), and
 * an imported seed is encrypted anew with our own parameters.
 */
import {
  addressFromId,
  bytesFromHex,
  canonicalJson,
  hex,
  type KeyPair,
  keyPairFromSeed,
  randomBytes,
  seedBytes,
  utf8,
  wipe,
} from '@aitbc/primitives';
import { AppError, zAddress } from '@aitbc/protocol';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hashRaw } from '@node-rs/argon2';
import { z } from 'zod';
import { secretBytes } from './secret-bytes.ts';

const saltBytes = 16;
const nonceBytes = 24;
const keyBytes = 32;
const tagBytes = 16;

const hexOf = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));

/** An encrypted seed. */
export const zKeystore = z.strictObject({
  format: z.literal('aitbc-keystore'),
  version: z.literal(1),
  address: zAddress,
  kdf: z.strictObject({
    name: z.literal('argon2id'),
    memoryKib: z.int().min(8).max(1_048_576),
    passes: z.int().min(1).max(10),
    lanes: z.literal(1),
    salt: hexOf(saltBytes),
  }),
  cipher: z.strictObject({
    name: z.literal('xchacha20-poly1305'),
    nonce: hexOf(nonceBytes),
    text: hexOf(seedBytes + tagBytes),
  }),
});
export type Keystore = z.output<typeof zKeystore>;

/** Cost of opening a keystore. */
export interface KdfCost {
  readonly memoryKib: number;
  readonly passes: number;
}

/** Address of a key pair. */
export function addressOfKey(key: KeyPair): string {
  return addressFromId(key.publicKey);
}

/** Encrypts a seed with a fresh salt and nonce. */
export async function sealSeed(
  seed: Uint8Array,
  password: string,
  cost: KdfCost,
): Promise<Keystore> {
  const pair = keyPairFromSeed(seed);
  const head: Head = {
    format: 'aitbc-keystore',
    version: 1,
    address: addressOfKey(pair),
    kdf: { name: 'argon2id', ...cost, lanes: 1, salt: hex(randomBytes(saltBytes)) },
  };
  wipe(pair.secretKey);
  const nonce = randomBytes(nonceBytes);
  const key = await keyOf(password, head.kdf);
  try {
    const output = secretBytes(seedBytes + tagBytes); // the seed stands in it before it is encrypted
    const text = xchacha20poly1305(key, nonce, boundBytes(head)).encrypt(seed, output);
    return {
      ...head,
      cipher: { name: 'xchacha20-poly1305', nonce: hex(nonce), text: hex(text) },
    };
  } finally {
    wipe(key);
  }
}

/** The seed of a keystore. Throws WALLET_PASSWORD_WRONG, also for a file that was tampered with. */
export async function openSeed(keystore: Keystore, password: string): Promise<Uint8Array> {
  const { cipher, ...head } = keystore;
  const key = await keyOf(password, head.kdf);
  try {
    const nonce = bytesOf(cipher.nonce, nonceBytes);
    const text = bytesOf(cipher.text, seedBytes + tagBytes);
    return xchacha20poly1305(key, nonce, boundBytes(head)).decrypt(text, secretBytes(seedBytes));
  } catch (error) {
    throw new AppError('WALLET_PASSWORD_WRONG', { account: head.address }, { cause: error });
  } finally {
    wipe(key);
  }
}

/** A keystore of unknown origin, checked. Throws WALLET_SECRET_INVALID. */
export function keystoreFromJson(json: unknown): Keystore {
  const parsed = zKeystore.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const reason = `it is no keystore of version 1 (${issue?.path.join('.')}: ${issue?.message})`;
  throw new AppError('WALLET_SECRET_INVALID', { reason });
}

type Head = Omit<Keystore, 'cipher'>;

function boundBytes({ format, version, address, kdf }: Head): Uint8Array {
  return utf8(canonicalJson({ format, version, address, kdf }));
}

async function keyOf(password: string, kdf: Keystore['kdf']): Promise<Uint8Array> {
  // argon2id is the library's default algorithm; its enum cannot be named in erasable TypeScript.
  return await hashRaw(utf8(password.normalize('NFKC')), {
    memoryCost: kdf.memoryKib,
    timeCost: kdf.passes,
    parallelism: kdf.lanes,
    outputLen: keyBytes,
    salt: bytesOf(kdf.salt, saltBytes),
  });
}

function bytesOf(text: string, sizeBytes: number): Uint8Array {
  const bytes = bytesFromHex(text, sizeBytes);
  if (!bytes) throw new RangeError(`expected ${sizeBytes} bytes of hex`);
  return bytes;
}
