/** `aitbc-node --init DIR`: the files of a fresh development network with its validators and a faucet. */
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
  limits,
  networkFromGenesis,
} from '@aitbc/protocol';
import { identityFromSeed, writeKeyFile } from './key-file.ts';

const faucetNait = 1_000_000_000n * naitPerAit;
const stakeNait = 1_000_000n * naitPerAit;

/** Options of `initDevnet`; keys without a seed are random. */
export interface InitOptions {
  readonly folder: string;
  /** Time of the genesis block, ms since 1970. */
  readonly timeMs: number;
  readonly network?: string;
  readonly params?: ChainParams;
  /** One when left out. */
  readonly validators?: number;
  readonly seeds?: {
    readonly validator: Uint8Array;
    readonly faucet: Uint8Array;
    /** Of the second validator and those after it. */
    readonly moreValidators?: readonly Uint8Array[];
  };
}

/** Where the files are and what they describe. */
export interface InitResult {
  readonly genesisFile: string;
  /** Key of the first validator. */
  readonly keyFile: string;
  /** Keys of all validators. */
  readonly keyFiles: readonly string[];
  readonly faucetKeyFile: string;
  readonly genesisHash: Hex;
  readonly faucetAddress: string;
}

/**
 * Writes genesis.json, faucet.key and validator.key, or for several validators validator-1.key and so on.
 * Throws AppError CONFIG_INVALID when one of the files is there, or for a number of validators that cannot be.
 */
export function initDevnet(options: InitOptions): InitResult {
  const { folder } = options;
  const faucet = options.seeds?.faucet ?? randomBytes(seedBytes);
  const validators = validatorSeeds(options);
  const keyFiles = validators.map((_, at) =>
    join(folder, validators.length === 1 ? 'validator.key' : `validator-${at + 1}.key`),
  );
  const genesisFile = join(folder, 'genesis.json');
  const faucetKeyFile = join(folder, 'faucet.key');
  for (const path of [genesisFile, faucetKeyFile, ...keyFiles]) {
    if (existsSync(path))
      throw new AppError('CONFIG_INVALID', { reason: `${path} exists already` });
  }
  const genesis = genesisOf(options, { faucet, validators });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  validators.forEach((seed, at) => {
    writeKeyFile(keyFiles[at] as string, seed);
  });
  writeKeyFile(faucetKeyFile, faucet);
  writeFileSync(genesisFile, `${JSON.stringify(genesis, null, 2)}\n`, { flag: 'wx' });
  return {
    genesisFile,
    keyFile: keyFiles[0] as string,
    keyFiles,
    faucetKeyFile,
    genesisHash: networkFromGenesis(genesis).genesisHash,
    faucetAddress: addressOf(identityFromSeed(faucet).publicKey),
  };
}

function validatorSeeds({ validators = 1, seeds }: InitOptions): Uint8Array[] {
  if (!Number.isSafeInteger(validators) || validators < 1 || validators > limits.validators) {
    const reason = `a chain has 1 to ${limits.validators} validators, not ${validators}`;
    throw new AppError('CONFIG_INVALID', { reason });
  }
  const given = seeds ? [seeds.validator, ...(seeds.moreValidators ?? [])] : [];
  return Array.from({ length: validators }, (_, at) => given[at] ?? randomBytes(seedBytes));
}

function genesisOf(
  { network = devnetName, timeMs, params = devnetParams }: InitOptions,
  seeds: { readonly faucet: Uint8Array; readonly validators: readonly Uint8Array[] },
): Genesis {
  const faucetAddress = addressOf(identityFromSeed(seeds.faucet).publicKey);
  return {
    network,
    timeMs,
    accounts: [{ address: faucetAddress, balance: faucetNait.toString() }],
    validators: seeds.validators.map((seed) => ({
      publicKey: identityFromSeed(seed).publicKey,
      stake: stakeNait.toString(),
    })),
    params,
  };
}
