/** Answers of a node, for tests. */
import {
  networkFromHash,
  type nodeRpc,
  type OutputOf,
  type TxKind,
  txKinds,
} from '@aitbc/protocol';
import { sampleGenesisHash } from './sample-proof.ts';

/** Status of the chain of the sample proof; every fee is 1000 nait. */
export function chainStatus(
  genesisHash: string = sampleGenesisHash,
): OutputOf<typeof nodeRpc.chain_status> {
  const network = networkFromHash('test', genesisHash);
  const kinds = Object.keys(txKinds) as TxKind[];
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
    params: {
      fees: Object.fromEntries(kinds.map((kind) => [kind, '1000'])) as Record<TxKind, string>,
      feePerRow: '100',
      providerBondMin: '1000000000',
      unbondingMs: 1_000,
      faucetMax: '1000000000000',
      heartbeatMs: 1_000,
    },
  };
}
