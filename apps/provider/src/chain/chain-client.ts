import type { NodeClient, NodeRpc } from '@aitbc/sdk';

/** The calls of a chain node that a provider makes. */
export interface ChainClient {
  readonly rpc: Pick<
    NodeRpc,
    | 'chain_status'
    | 'state_getAccount'
    | 'state_getAgent'
    | 'state_getChannel'
    | 'state_getProvider'
    | 'state_listChannels'
  >;
  network: NodeClient['network'];
  subscribe: NodeClient['subscribe'];
}
