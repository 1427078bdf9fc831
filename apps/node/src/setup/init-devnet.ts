/** `aitbc-node --init DIR`: the files of a fresh development network with one validator and a faucet. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { naitPerAit, randomBytes, seedBytes } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  type ChainParams,
  devnetName,
  devnetParams,
  type Genesis,
  type Hex,
  networkFromGenesis,
} from '@aitbc/protocol';
import { identityFromSeed, writeKeyFile } from './key-file.ts';

const faucetNait = 1_000_000_000n * naitPerAit;
const stakeNait = 1_000_000n * naitPerAit;

/** Options of `initDevnet`; without seeds the keys are random. */
export interface InitOptions {
  readonly folder: string;
  /** Time of the genesis block, ms since 1970. */
  readonly timeMs: number;
  readonly network?: string;
  readonly params?: ChainParams;
  readonly seeds?: { readonly validator: Uint8Array; readonly faucet: Uint8Array };
}

/** Where the files are and what they describe. */
export interface InitResult {
  readonly genesisFile: string;
  readonly keyFile: string;
  readonly faucetKeyFile: string;
  readonly genesisHash: Hex;
  readonly faucetAddress: string;
}

/** Writes genesis.json, validator.key and faucet.key. Throws AppError CONFIG_INVALID when one is there. */
export function initDevnet(options: InitOptions): InitResult {
  const { folder } = options;
  const { validator, faucet } = options.seeds ?? {
    validator: randomBytes(seedBytes),
    faucet: randomBytes(seedBytes),
  };
  const files = {
    genesisFile: join(folder, 'genesis.json'),
    keyFile: join(folder, 'validator.key'),
    faucetKeyFile: join(folder, 'faucet.key'),
  };
  for (const path of Object.values(files)) {
    if (existsSync(path))
      throw new AppError('CONFIG_INVALID', { reason: `${path} exists already` });
  }
  const faucetAddress = addressOf(identityFromSeed(faucet).publicKey);
  const genesis: Genesis = {
    network: options.network ?? devnetName,
    timeMs: options.timeMs,
    accounts: [{ address: faucetAddress, balance: faucetNait.toString() }],
    validators: [{ publicKey: identityFromSeed(validator).publicKey, stake: stakeNait.toString() }],
    params: options.params ?? devnetParams,
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeKeyFile(files.keyFile, validator);
  writeKeyFile(files.faucetKeyFile, faucet);
  writeFileSync(files.genesisFile, `${JSON.stringify(genesis, null, 2)}\n`, { flag: 'wx' });
  return { ...files, genesisHash: networkFromGenesis(genesis).genesisHash, faucetAddress };
}
