import type { NodeClient, NodeRpc } from '@aitbc/sdk';

/** The calls of a chain node that a provider makes. */
export interface ChainClient {
  readonly rpc: Pick<
    NodeRpc,
    | 'audit_get'
    | 'audit_jurors'
    | 'audits_open'
    | 'chain_status'
    | 'state_getAccount'
    | 'state_getAgent'
    | 'state_getChannel'
    | 'state_getMandate'
    | 'state_getProof'
    | 'state_getProvider'
    | 'state_listChannels'
    | 'tx_get'
    | 'tx_sendAndWait'
  >;
  network: NodeClient['network'];
  subscribe: NodeClient['subscribe'];
}
