/** Methods that take, show and price transactions. */
import { z } from 'zod';
import { limits } from '../../limits.ts';
import { zAmount, zBase64, zCount, zHash } from '../../scalars.ts';
import { type RpcTable, rpcMethod } from '../endpoint.ts';
import { zEffect, zTxJson, zTxKind, zTxStatus } from './shapes.ts';

const zTxBytes = zBase64.max(Math.ceil(limits.txSizeBytes / 3) * 4 + 4);

/** A row of `docs/errors.md` with the values of one case. */
const zFault = z.object({
  code: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

export const txRpc = {
  tx_send: rpcMethod({
    summary: 'Checks a signed transaction and takes it into the mempool.',
    changes: 'signed',
    input: z.strictObject({ tx: zTxBytes }),
    output: z.object({ txId: zHash }),
  }),
  tx_sendAndWait: rpcMethod({
    summary: 'Sends and waits until the transaction is final, at most `timeoutMs`.',
    changes: 'signed',
    input: z.strictObject({
      tx: zTxBytes,
      timeoutMs: z.int().positive().max(limits.requestTimeoutMs).default(10_000),
    }),
    output: zTxStatus,
  }),
  tx_get: rpcMethod({
    summary: 'A transaction by its id, waiting or final.',
    input: z.strictObject({ txId: zHash }),
    output: zTxStatus,
  }),
  tx_simulate: rpcMethod({
    summary: 'What a transaction would do now. Takes it signed or unsigned; changes nothing.',
    input: z.strictObject({ tx: zTxBytes, signed: z.boolean().default(false) }),
    output: z.object({
      ok: z.boolean(),
      code: z.string().nullable(),
      message: z.string().nullable(),
      tx: zTxJson,
      effects: z.array(zEffect),
    }),
  }),
  tx_sendBatch: rpcMethod({
    summary:
      'Takes several signed transactions in their order. Each is answered by its id, or by why it was refused; a refusal does not stop the others.',
    changes: 'signed',
    input: z.strictObject({ txs: z.array(zTxBytes).min(1).max(limits.rpcBatch) }),
    output: z.object({
      results: z.array(z.object({ txId: zHash.nullable(), error: zFault.nullable() })),
    }),
  }),
  tx_feeFloor: rpcMethod({
    summary:
      'Smallest fee of a kind in the next block. `rows` for claims, `operations` for batches.',
    input: z.strictObject({
      kind: zTxKind,
      rows: zCount.max(limits.claimRows).optional(),
      operations: zCount.max(limits.batchOperations).optional(),
    }),
    output: z.object({ fee: zAmount }),
  }),
} as const satisfies RpcTable;
