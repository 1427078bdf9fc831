/** A light client for one command: what it trusts, and which nodes it asks. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@aitbc/primitives';
import { AppError, type Genesis, networkFromGenesis } from '@aitbc/protocol';
import {
  createLightClient,
  createNodeClient,
  createRpcLightSource,
  type LightClient,
  type LightTrust,
} from '@aitbc/sdk';
import type { Context } from '../context/context.ts';
import { readGenesisFile } from './genesis-file.ts';

/** Part of the unbonding time for which a set of validators is trusted; the rest is room for clocks. */
const trustedTenths = 9;

/** What the user said. */
export interface LightWish {
  readonly genesis: string | undefined;
  /** `height:hash` of a block to begin with. */
  readonly trust: string | undefined;
  readonly also: string | undefined;
}

/** A client, what its trust rests on, and its end. */
export interface OpenLight {
  readonly light: LightClient;
  readonly source: string;
  close(): Promise<void>;
}

/** A light client over the node of the context and those the user names. Throws CLI_USAGE without a genesis document. */
export async function lightClientOf(context: Context, wish: LightWish): Promise<OpenLight> {
  const file = genesisFileOf(context, wish.genesis);
  const genesis = readGenesisFile(file);
  const { node } = await context.clients();
  const urls = (wish.also ?? '')
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  const others = urls.map((url) => ({ url, client: createNodeClient({ url }) }));
  const sources = [
    createRpcLightSource(node, context.urls.node),
    ...others.map(({ url, client }) => createRpcLightSource(client, url)),
  ];
  const light = createLightClient(
    { trust: trustOf(genesis, wish.trust), trustingPeriodMs: trustingPeriodOf(genesis) },
    { sources, clock: systemClock },
  );
  const close = async () => {
    for (const { client } of others) await client.close();
  };
  const source = wish.trust === undefined ? `the genesis document ${file}` : `block ${wish.trust}`;
  return { light, source, close };
}

/** A young chain is trusted from its genesis document; with a short unbonding time only while it is that young. */
function trustingPeriodOf({ params }: Genesis): number {
  return Math.max(1, Math.floor((params.stakeUnbondingMs / 10) * trustedTenths));
}

/** Throws CLI_USAGE for a text that is no `height:hash`. */
function trustOf(genesis: Genesis, named: string | undefined): LightTrust {
  if (named === undefined) return { genesis };
  const [, digits = '', hash = ''] = /^([0-9]{1,15}):([0-9a-f]{64})$/.exec(named) ?? [];
  if (hash === '') {
    const reason = `--trust ${named.slice(0, 90)}: a height, a colon and a block hash of 64 hex digits are needed.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const { epochBlocks } = genesis.params;
  return { network: networkFromGenesis(genesis), epochBlocks, height: Number(digits), hash };
}

function genesisFileOf({ home, devnet }: Context, named: string | undefined): string {
  if (named !== undefined) return named;
  const places = [join(home, 'chain', 'genesis.json'), join(home, 'genesis.json')];
  const found = [...(devnet ? [devnet.genesisFile] : []), ...places].find((file) =>
    existsSync(file),
  );
  if (found) return found;
  const reason =
    'Which chain is to be trusted? Give --genesis <file>, or a --home with the genesis document of a devnet.';
  throw new AppError('CLI_USAGE', { reason });
}
