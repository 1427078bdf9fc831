/** Methods about validators, votes, peers and the node itself. */
import { z } from 'zod';
import { zValidatorSet } from '../../proofs/schemas.ts';
import { zAddress, zAmount, zCount, zHash, zKey } from '../../scalars.ts';
import { type RpcTable, rpcMethod } from '../endpoint.ts';
import { zRole } from './shapes.ts';
import {
  zConviction,
  zParamChange,
  zPeer,
  zProposal,
  zRules,
  zTarget,
  zUpgrade,
  zValidator,
} from './state-shapes.ts';

const none = z.strictObject({});

export const operatorRpc = {
  validators_get: rpcMethod({
    summary:
      'Validator set of an epoch; of the present one, with what each has at stake, when none is given.',
    input: z.strictObject({ epoch: zCount.optional() }),
    output: z.object({
      epoch: zCount,
      firstHeight: zCount,
      lastHeight: zCount,
      validators: z.array(
        zValidatorSet.element.extend({
          state: zValidator.nullable().meta({ description: 'null for another epoch' }),
        }),
      ),
    }),
  }),
  evidence_list: rpcMethod({
    summary:
      'Convictions of validators, newest first, in the blocks from a height downwards. `next` is where to go on.',
    input: z.strictObject({ from: zCount.optional() }),
    output: z.object({ evidence: z.array(zConviction), next: zCount.nullable() }),
  }),
  governance_list: rpcMethod({
    summary:
      'Votes that are open, parameters that were changed or are armed for the next epoch, and the newest upgrade.',
    input: z.strictObject({ after: zHash.optional() }),
    output: z.object({
      height: zCount,
      proposals: z.array(zProposal),
      next: zHash.nullable(),
      changed: z.array(zParamChange),
      armed: z.array(zParamChange),
      upgrade: zUpgrade.nullable(),
    }),
  }),
  mempool_status: rpcMethod({
    summary: 'Waiting transactions.',
    input: none,
    output: z.object({ count: zCount, sizeBytes: zCount }),
  }),
  net_peers: rpcMethod({
    summary: 'Nodes that this one is connected to, and those it tries to reach.',
    input: none,
    output: z.object({
      port: zCount.nullable().meta({ description: 'where it listens; null without a mesh' }),
      peers: z.array(zPeer),
      targets: z.array(zTarget),
    }),
  }),
  consensus_state: rpcMethod({
    summary: 'Where agreement stands on this node.',
    input: none,
    output: z.object({
      self: zKey,
      role: zRole,
      mayVote: z.boolean().meta({ description: 'false while old votes of ours may be unknown' }),
      height: zCount,
      epoch: zCount,
      lastHeight: zCount.meta({ description: 'last height of the epoch' }),
      view: zCount,
      leader: zKey,
      pendingBlocks: zCount,
      peerHeight: zCount,
      syncing: z.boolean(),
      halted: z.boolean(),
      rules: zRules,
    }),
  }),
  dev_faucet: rpcMethod({
    summary: 'Sends coins from the faucet account by a signed transfer. Devnets only.',
    changes: 'node',
    input: z.strictObject({ address: zAddress, amount: zAmount.optional() }),
    output: z.object({ txId: zHash, amount: zAmount }),
  }),
  'rpc.discover': rpcMethod({
    summary: 'This list of methods as an OpenRPC 1.3 document.',
    input: none,
    output: z.looseObject({ openrpc: z.string(), methods: z.array(z.unknown()) }),
  }),
  admin_snapshot: rpcMethod({
    summary: 'Asks for a snapshot of the next block. From this machine only, with the admin token.',
    access: 'admin',
    changes: 'node',
    input: none,
    output: z.object({ height: zCount.meta({ description: 'newest final block now' }) }),
  }),
  admin_stop: rpcMethod({
    summary: 'Stops the node. From this machine only, with the admin token.',
    access: 'admin',
    changes: 'node',
    input: none,
    output: z.object({}),
  }),
} as const satisfies RpcTable;
