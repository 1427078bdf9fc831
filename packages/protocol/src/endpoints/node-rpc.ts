/**
 * JSON-RPC 2.0 of the chain node (port 8006), over HTTP POST `/` and WebSocket `/`. Methods stand in one table
 * for each subject in `node/`; the batches of bytes that a WebSocket takes besides are in `node/tx-frames.ts`.
 */
import type { RpcTable } from './endpoint.ts';
import { auditRpc } from './node/audit-rpc.ts';
import { chainRpc } from './node/chain-rpc.ts';
import { multisigRpc } from './node/multisig-rpc.ts';
import { operatorRpc } from './node/operator-rpc.ts';
import { stateRpc } from './node/state-rpc.ts';
import { txRpc } from './node/tx-rpc.ts';

export {
  auditPhases,
  auditResults,
  type ChainAuditJson,
  zAuditSeat,
  zChainAudit,
} from './node/audit-rpc.ts';
export * from './node/mandates.ts';
export {
  type MultisigProposalJson,
  multisigWishOf,
  zMultisig,
  zMultisigProposal,
} from './node/multisig-rpc.ts';
export * from './node/shapes.ts';
export * from './node/socket-rpc.ts';
export * from './node/state-shapes.ts';
export * from './node/tx-frames.ts';

/** Methods of the node. */
export const nodeRpc = {
  ...chainRpc,
  ...txRpc,
  ...stateRpc,
  ...auditRpc,
  ...multisigRpc,
  ...operatorRpc,
} as const satisfies RpcTable;
