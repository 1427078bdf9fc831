/** Methods about blocks and what proves them. */
import { z } from 'zod';
import { limits } from '../../limits.ts';
import { zCertificate, zHeader, zLightBundle, zTxAnswer } from '../../proofs/schemas.ts';
import { zCount, zHash } from '../../scalars.ts';
import { type RpcTable, rpcMethod } from '../endpoint.ts';
import { zBlock, zChainStatus } from './shapes.ts';

const none = z.strictObject({});
const zBlockName = z.strictObject({ height: zCount.optional(), hash: zHash.optional() });

export const chainRpc = {
  chain_status: rpcMethod({
    summary: 'Network, height, validators and parameters, and how this node takes part.',
    input: none,
    output: zChainStatus,
  }),
  chain_getBlock: rpcMethod({
    summary: 'A final block by height or hash; the newest when neither is given.',
    input: zBlockName,
    output: zBlock,
  }),
  chain_listBlocks: rpcMethod({
    summary: 'Headers downwards from a height.',
    input: z.strictObject({
      from: zCount.optional(),
      limit: z.int().positive().max(limits.pageSize).default(20),
    }),
    output: z.object({
      blocks: z.array(z.object({ hash: zHash, header: zHeader, txCount: zCount })),
      next: zCount.nullable(),
    }),
  }),
  chain_getHeader: rpcMethod({
    summary: 'Header of a final block by height or hash; the newest when neither is given.',
    input: zBlockName,
    output: z.object({ hash: zHash, header: zHeader }),
  }),
  chain_getCertificate: rpcMethod({
    summary:
      'What makes a block final. It names this block, or a later one that was made final with it; the genesis block has none.',
    input: zBlockName,
    output: zCertificate,
  }),
  chain_getLightBundle: rpcMethod({
    summary:
      'Header, its own certificate and the validators who signed it: what a light client checks. The newest when no height is given.',
    input: z.strictObject({ height: zCount.optional() }),
    output: zLightBundle,
  }),
  chain_getTxProof: rpcMethod({
    summary: 'Proof that a transaction and its receipt stand in a final block.',
    input: z.strictObject({ txId: zHash }),
    output: zTxAnswer,
  }),
} as const satisfies RpcTable;
