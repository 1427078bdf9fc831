/** From 24 BIP-39 words to the Ed25519 seed of one account (SLIP-0010). */
import { wipe } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { generateMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { HDKey } from 'micro-key-producer/slip10.js';

/** Coin type 1 is "any test network" in SLIP-44; a main network has to register its own number. */
export const derivationPath = "m/44'/1'/0'/0'";

const entropyBits = 256;

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
  const master = await mnemonicToSeed(words);
  try {
    return seedFromMaster(master, derivationPath);
  } finally {
    wipe(master);
  }
}

/** 32-byte seed at a path of hardened steps below a BIP-32 master seed. */
export function seedFromMaster(master: Uint8Array, path: string): Uint8Array {
  return Uint8Array.from(HDKey.fromMasterSeed(master).derive(path).privateKey);
}
