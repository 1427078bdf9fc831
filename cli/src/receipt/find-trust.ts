/**
 * What the check of a proof begins with: the user's word, the genesis document of this home, and only for a proof without
 * a way to the chain the node. A signature holds for one genesis document, so the check is worth as much as this.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AppError,
  type Genesis,
  type Hex,
  type JobProof,
  type Network,
  networkFromGenesis,
  networkFromHash,
} from '@aitbc/protocol';
import type { ProofTrust } from '@aitbc/sdk';
import { readGenesisFile } from '../chain/genesis-file.ts';
import type { Context } from '../context/context.ts';

/** What the user said. */
export interface TrustWish {
  readonly genesis: string | undefined;
  readonly genesisHash: string | undefined;
  /** `height:hash` */
  readonly trustedBlock: string | undefined;
}

/** A network and where its genesis hash came from. */
export interface KnownNetwork {
  readonly network: Network;
  readonly source: string;
}

/** What is trusted, and how to call it. */
export interface KnownTrust extends KnownNetwork {
  readonly trust: ProofTrust;
  /** The genesis document, where there is one. */
  readonly genesis: Genesis | undefined;
}

/** The beginning of a check without a network. Throws CLI_USAGE when nothing says what to trust. */
export function findTrust(
  context: Context,
  wish: TrustWish,
  { genesisHash }: JobProof,
): KnownTrust {
  const file = genesisFileOf(context, wish);
  const genesis = file === undefined ? undefined : readGenesisFile(file);
  if (wish.trustedBlock !== undefined) {
    const block = blockOf(wish.trustedBlock);
    const network = genesis ? networkFromGenesis(genesis) : networkFromHash('unnamed', genesisHash); // the hash of the block contains it
    const trust = { network, epochBlocks: genesis?.params.epochBlocks, ...block };
    return { trust, genesis, network, source: `block ${block.height}` };
  }
  if (genesis && file !== undefined) {
    return { trust: { genesis }, genesis, network: networkFromGenesis(genesis), source: file };
  }
  if (wish.genesisHash !== undefined) {
    const network = networkOfHash(wish.genesisHash);
    return { trust: { network }, genesis: undefined, network, source: '--genesis-hash' };
  }
  throw usage(
    'Which chain is to be trusted? Give --genesis <file>, --trusted-block <height:hash>, or a --home with the genesis document of a devnet.',
  );
}

/** The network to check for, for a proof without a way to the chain. Throws CLI_USAGE when nothing says which one. */
export async function findNetwork(
  context: Context,
  wish: TrustWish & { readonly offline: boolean },
): Promise<KnownNetwork> {
  const file = genesisFileOf(context, wish);
  if (file !== undefined) return { network: networkOfFile(file), source: file };
  if (wish.genesisHash !== undefined) {
    return { network: networkOfHash(wish.genesisHash), source: '--genesis-hash' };
  }
  if (wish.offline) {
    throw usage(
      'Which network is it? Give --genesis, --genesis-hash, or a --home with the genesis file of a devnet.',
    );
  }
  const { node } = await context.clients();
  const { network } = await node.network();
  return { network, source: `the node at ${context.urls.node}` };
}

/** The file that the user named; the one of the home folder unless the user named a hash. */
function genesisFileOf(
  { home, devnet }: Context,
  { genesis, genesisHash }: TrustWish,
): string | undefined {
  if (genesis !== undefined || genesisHash !== undefined) return genesis;
  const places = [join(home, 'chain', 'genesis.json'), join(home, 'genesis.json')];
  return [...(devnet ? [devnet.genesisFile] : []), ...places].find((file) => existsSync(file));
}

/** The network of a genesis file. Throws CONFIG_INVALID. */
export function networkOfFile(file: string): Network {
  try {
    return networkFromGenesis(JSON.parse(readFileSync(file, 'utf8')) as Genesis);
  } catch (error) {
    const reason = `The genesis file ${file} cannot be used: ${(error as Error).message}.`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
}

function networkOfHash(text: string): Network {
  if (/^[0-9a-f]{64}$/.test(text)) return networkFromHash('unnamed', text);
  throw usage('--genesis-hash must be 64 lower-case hex digits.');
}

/** A block of `height:hash`. Throws CLI_USAGE. */
export function blockOf(text: string): { readonly height: number; readonly hash: Hex } {
  const [, digits = '', hash = ''] = /^([0-9]{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (hash !== '') return { height: Number(digits), hash };
  throw usage(
    `--trusted-block ${text.slice(0, 90)}: a height, a colon and a block hash of 64 hex digits are needed.`,
  );
}

function usage(reason: string): AppError {
  return new AppError('CLI_USAGE', { reason });
}
