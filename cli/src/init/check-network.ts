/** The steps that look: is the node there and on the right chain, and is there an engine to sell. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { asAppError, networkFromGenesis } from '@aitbc/protocol';
import { createNodeClient } from '@aitbc/sdk';
import { readGenesisFile } from '../chain/genesis-file.ts';
import type { Context } from '../context/context.ts';
import { chooseChecks, examine } from '../doctor/examine.ts';
import { createLook } from '../doctor/look.ts';
import { thisMachine } from '../doctor/machine.ts';
import { shortHash } from '../wording.ts';
import type { Step } from './types.ts';

const timeoutMs = 5_000;

/** The node, held against the genesis document of the home. */
export async function checkNode(context: Context): Promise<Step> {
  const { signal, home } = context;
  const url = context.urls.node;
  const { transport } = await context.clients();
  try {
    const node = createNodeClient({ url, timeoutMs }, { transport });
    const { network, genesisHash, height } = await node.rpc.chain_status({}, { signal });
    const fault = genesisFault(home, genesisHash);
    if (fault !== undefined) return { id: 'node', state: 'waiting', text: fault };
    return { id: 'node', state: 'kept', text: `${network} answers at ${url}, height ${height}` };
  } catch (error) {
    const { code, message } = asAppError(error);
    if (code === 'CANCELLED' || code === 'CONFIG_INVALID') throw error;
    return { id: 'node', state: 'waiting', text: message };
  }
}

function genesisFault(home: string, genesisHash: string): string | undefined {
  const file = join(home, 'chain', 'genesis.json');
  if (!existsSync(file)) return undefined;
  const own = networkFromGenesis(readGenesisFile(file)).genesisHash;
  if (own === genesisHash) return undefined;
  return `the node is of chain ${shortHash(genesisHash)}, your genesis document of ${shortHash(own)}: name another node or another --home`;
}

/** An engine that a provider could sell, as the doctor looks for it. */
export async function checkEngine(context: Context): Promise<Step> {
  const look = await createLook({ context, machine: thisMachine(), model: undefined });
  const [found] = await examine(look, chooseChecks({ roles: [], only: ['provider-engine'] }));
  if (found?.state === 'ok') return { id: 'engine', state: 'kept', text: found.text };
  return { id: 'engine', state: 'waiting', text: `${found?.text}. ${found?.fix}` };
}
