/** What the wallet asks of the chain: which network, what a transaction would do, the next nonce. */
import { base64 } from '@aitbc/primitives';
import type { MultisigProposalJson, Network, nodeRpc, OutputOf } from '@aitbc/protocol';
import { createNodeClient } from '@aitbc/sdk';

/** Outcome of a simulation. */
export type Simulation = Pick<
  OutputOf<typeof nodeRpc.tx_simulate>,
  'ok' | 'code' | 'message' | 'effects'
>;

/** The chain as the wallet sees it. All calls throw UNAVAILABLE or TIMEOUT while the node is away. */
export interface WalletChain {
  network(): Promise<Network>;
  simulate(unsigned: Uint8Array): Promise<Simulation>;
  /** Next nonce of the final state. */
  nonceOf(address: string): Promise<number>;
  /** Threshold and members of a shared account. Throws MULTISIG_UNKNOWN. */
  sharedAccount(address: string): Promise<Shared>;
  /** What its members have proposed, as the node says. Throws MULTISIG_UNKNOWN. */
  proposalsOf(multisig: string): Promise<readonly MultisigProposalJson[]>;
  close(): Promise<void>;
}

type Shared = Pick<OutputOf<typeof nodeRpc.state_getMultisig>, 'threshold' | 'members'>;

/** The chain behind a node's JSON-RPC. */
export function createNodeChain(options: {
  readonly url: string;
  readonly timeoutMs: number;
}): WalletChain {
  const node = createNodeClient(options);
  return {
    network: async () => (await node.network()).network,
    simulate: (unsigned) => node.rpc.tx_simulate({ tx: base64(unsigned), signed: false }),
    nonceOf: async (address) => (await node.rpc.state_getAccount({ address })).nonce,
    sharedAccount: (address) => node.rpc.state_getMultisig({ address }),
    proposalsOf: async (multisig) => (await node.rpc.state_listProposals({ multisig })).proposals,
    close: () => node.close(),
  };
}
