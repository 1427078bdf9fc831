/**
 * Which network a proof is checked for. A signature holds for one genesis document only, so the check is
 * worth as much as the source of the genesis hash: the user's word, a genesis file of this home, and
 * only then the node.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AppError,
  type Genesis,
  type Network,
  networkFromGenesis,
  networkFromHash,
} from '@aitbc/protocol';
import type { Context } from '../context/context.ts';

/** A network and where its genesis hash came from. */
export interface KnownNetwork {
  readonly network: Network;
  readonly source: string;
}

/** The network to check for. Throws CLI_USAGE when nothing says which one it is. */
export async function findNetwork(
  context: Context,
  options: { readonly genesisHash: string | undefined; readonly offline: boolean },
): Promise<KnownNetwork> {
  const { genesisHash, offline } = options;
  if (genesisHash !== undefined) return fromHash(genesisHash);
  const file = genesisFileOf(context);
  if (file !== undefined) return { network: networkOfFile(file), source: file };
  if (offline) {
    const reason =
      'Which network is it? Give --genesis-hash, or a --home with the genesis file of a devnet.';
    throw new AppError('CLI_USAGE', { reason });
  }
  const { node } = await context.clients();
  const { network } = await node.network();
  return { network, source: `the node at ${context.urls.node}` };
}

function fromHash(genesisHash: string): KnownNetwork {
  if (/^[0-9a-f]{64}$/.test(genesisHash)) {
    return { network: networkFromHash('unnamed', genesisHash), source: '--genesis-hash' };
  }
  throw new AppError('CLI_USAGE', { reason: '--genesis-hash must be 64 lower-case hex digits.' });
}

function genesisFileOf({ home, devnet }: Context): string | undefined {
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
