/** What the wallet asks of the chain: which network, what a transaction would do, the next nonce. */
import { base64 } from '@aitbc/primitives';
import type { Network, nodeRpc, OutputOf } from '@aitbc/protocol';
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
  close(): Promise<void>;
}

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
    close: () => node.close(),
  };
}
