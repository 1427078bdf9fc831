/** From 24 BIP-39 words to the Ed25519 seed of one account (SLIP-0010). */
import { createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { utf8, wipe } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { generateMnemonic, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { keepSecret, secretBytes } from './secret-bytes.ts';

/** Coin type 1 is "any test network" in SLIP-44; a main network has to register its own number. */
export const derivationPath = "m/44'/1'/0'/0'";

const entropyBits = 256;
const keyBytes = 32; // of a node's 64; the other half is its chain code
const hardened = 0x8000_0000;

/** 24 fresh words. */
export function freshMnemonic(): string {
  return generateMnemonic(wordlist, entropyBits);
}

/** 32-byte seed of the account of these words. Throws WALLET_SECRET_INVALID. */
export async function seedFromMnemonic(mnemonic: string): Promise<Uint8Array> {
  const words = mnemonic.normalize('NFKD').trim().toLowerCase().split(/\s+/).join(' ');
  if (!validateMnemonic(words, wordlist)) {
    throw new AppError('WALLET_SECRET_INVALID', {
      reason: 'the words are not a BIP-39 phrase: check spelling, order and number',
    });
  }
  const master = await masterOf(words);
  try {
    return seedFromMaster(master, derivationPath);
  } finally {
    wipe(master);
  }
}

const pbkdf2Async = promisify(pbkdf2);
const bip39 = { rounds: 2_048, sizeBytes: 64, salt: 'mnemonic' } as const; // without a passphrase

async function masterOf(words: string): Promise<Uint8Array> {
  const { salt, rounds, sizeBytes } = bip39;
  return keepSecret(await pbkdf2Async(words, salt, rounds, sizeBytes, 'sha512'));
}

/**
 * 32-byte seed at a path of hardened steps below a BIP-32 master seed. Written here and not taken from a library,
 * because those leave copies of each key on the way behind, which a test finds in memory.
 */
export function seedFromMaster(master: Uint8Array, path: string): Uint8Array {
  let node = hmac(utf8('ed25519 seed'), master);
  for (const index of stepsOf(path)) {
    const data = secretBytes(1 + keyBytes + 4);
    data.set(node.subarray(0, keyBytes), 1);
    new DataView(data.buffer).setUint32(1 + keyBytes, index);
    const next = hmac(node.subarray(keyBytes), data);
    wipe(data);
    wipe(node);
    node = next;
  }
  const seed = keepSecret(node.subarray(0, keyBytes));
  wipe(node);
  return seed;
}

/** Numbers of the steps. Throws RangeError for a path with a step that is not hardened. */
function stepsOf(path: string): number[] {
  const [root, ...steps] = path.split('/');
  if (root !== 'm') throw new RangeError(`${path} is no path`);
  return steps.map((step) => {
    const index = /^(\d{1,10})'$/.exec(step)?.[1];
    if (index === undefined || Number(index) >= hardened)
      throw new RangeError(`${step} is no step`);
    return Number(index) + hardened;
  });
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return keepSecret(createHmac('sha512', key).update(data).digest());
}
