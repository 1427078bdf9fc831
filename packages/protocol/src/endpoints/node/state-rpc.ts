/**
 * Methods that read the state. Whatever reads one entry takes `proof: true`: the answer then is that of one
 * certain block and brings the proof that it stands in it. That an entry is absent is told by an error, and
 * proven by `state_getProof`.
 */
import { z } from 'zod';
import { zStateAnswer } from '../../proofs/schemas.ts';
import { zAddress, zAmount, zCount, zHash, zKey } from '../../scalars.ts';
import { type RpcTable, rpcMethod } from '../endpoint.ts';
import { zAccount, zAgent, zChannel, zProvider } from './shapes.ts';
import { zLaneNonce, zMandate, zStateKind, zTask, zValidator } from './state-shapes.ts';

const none = z.strictObject({});
const proofWish = { proof: z.boolean().default(false) };
const proofPart = { proof: zStateAnswer.optional() };

export const stateRpc = {
  state_getAccount: rpcMethod({
    summary: 'Balances and next nonce of an account. An unknown account has zeros.',
    input: z.strictObject({ address: zAddress, ...proofWish }),
    output: zAccount.extend({
      pendingNonce: zCount.meta({ description: 'next nonce after waiting transactions' }),
      ...proofPart,
    }),
  }),
  state_getChannel: rpcMethod({
    summary: 'A channel by its id.',
    input: z.strictObject({ channelId: zHash, ...proofWish }),
    output: zChannel.extend(proofPart),
  }),
  state_listChannels: rpcMethod({
    summary: 'Channels of a payer or of a receiver, open and closed.',
    input: z.strictObject({
      payer: zAddress.optional(),
      receiver: zAddress.optional(),
      after: zHash.optional(),
    }),
    output: z.object({ channels: z.array(zChannel), next: zHash.nullable() }),
  }),
  state_getAgent: rpcMethod({
    summary: 'Identity card of an agent.',
    input: z.strictObject({ address: zAddress, ...proofWish }),
    output: zAgent.extend(proofPart),
  }),
  state_getProvider: rpcMethod({
    summary: 'Registration and bond of a provider.',
    input: z.strictObject({ address: zAddress, ...proofWish }),
    output: zProvider.extend(proofPart),
  }),
  state_listProviders: rpcMethod({
    summary: 'Registered providers.',
    input: z.strictObject({ after: zAddress.optional() }),
    output: z.object({ providers: z.array(zProvider), next: zAddress.nullable() }),
  }),
  state_audit: rpcMethod({
    summary: 'Counts every coin: who owns it, or when it is released and to whom.',
    input: none,
    output: z.object({
      height: zCount,
      supply: zAmount,
      genesisSupply: zAmount,
      balances: zAmount,
      vaults: zAmount,
      channels: zAmount,
      bonds: zAmount,
      stakes: zAmount,
      tasks: zAmount,
      audits: zAmount,
      burned: zAmount,
      problems: z.array(z.string()),
    }),
  }),
  state_getNonce: rpcMethod({
    summary: 'Next nonce of a lane of an account; lane 0 when none is given.',
    input: z.strictObject({
      address: zAddress,
      lane: zCount.max(0xfffe).default(0),
      ...proofWish,
    }),
    output: zLaneNonce.extend(proofPart),
  }),
  state_getMandate: rpcMethod({
    summary: 'What an owner lets another key spend from its vault, and what was spent.',
    input: z.strictObject({ owner: zAddress, subKey: zAddress, ...proofWish }),
    output: zMandate.extend(proofPart),
  }),
  state_listMandates: rpcMethod({
    summary:
      'Mandates that an owner gave, or that a sub-key has. Looks through a part of all mandates: go on until `next` is null.',
    input: z.strictObject({
      owner: zAddress.optional(),
      subKey: zAddress.optional(),
      after: zHash.optional(),
    }),
    output: z.object({ mandates: z.array(zMandate), next: zHash.nullable() }),
  }),
  state_getTask: rpcMethod({
    summary: 'A task by its id.',
    input: z.strictObject({ taskId: zHash, ...proofWish }),
    output: zTask.extend(proofPart),
  }),
  state_getValidator: rpcMethod({
    summary: 'A validator by its key, in the set or not.',
    input: z.strictObject({ validator: zKey, ...proofWish }),
    output: zValidator.extend(proofPart),
  }),
  state_listValidators: rpcMethod({
    summary: 'All validators that ever had a stake, in the order of their keys.',
    input: z.strictObject({ after: zKey.optional() }),
    output: z.object({ validators: z.array(zValidator), next: zKey.nullable() }),
  }),
  state_getProof: rpcMethod({
    summary:
      'Bytes of an entry with the proof that it stands in the state, or the proof that there is none. The entry is named by `key` (letter and 64 hex digits), or by `kind` with `id` or `address`; kinds with one entry need neither.',
    input: z.strictObject({
      key: z.string().max(65).optional(),
      kind: zStateKind.optional(),
      id: zHash.optional(),
      address: zAddress.optional(),
    }),
    output: zStateAnswer,
  }),
} as const satisfies RpcTable;
