/** Answers of a node, for tests. */
import { devnetParams, networkFromHash, type nodeRpc, type OutputOf } from '@aitbc/protocol';
import { sampleGenesisHash } from './sample-proof.ts';

/** Status of the chain of the sample proof; every fee is 1000 nait. */
export function chainStatus(
  genesisHash: string = sampleGenesisHash,
): OutputOf<typeof nodeRpc.chain_status> {
  const network = networkFromHash('test', genesisHash);
  return {
    network: 'test',
    caip2: network.caip2,
    chain: network.chain,
    genesisHash,
    height: 7,
    blockHash: '0b'.repeat(32),
    stateRoot: '0c'.repeat(32),
    timeMs: 1_000,
    waitingTxs: 0,
    validators: [],
    params: devnetParams,
    ...{ epoch: 0, view: 8, role: 'validator', syncing: false, headAgeMs: 40 },
  };
}
