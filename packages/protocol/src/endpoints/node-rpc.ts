/** JSON-RPC 2.0 of the chain node (port 8006), over HTTP POST `/` and WebSocket `/`. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { zCertificate, zHeader } from '../proofs/schemas.ts';
import { zAddress, zAmount, zBase64, zCount, zHash, zKey } from '../scalars.ts';
import { type TxKind, txKinds } from '../tx-kinds.ts';
import { type RpcTable, rpcMethod } from './endpoint.ts';

const none = z.strictObject({});
const zTxBytes = zBase64.max(Math.ceil(limits.txSizeBytes / 3) * 4 + 4);
const kinds = Object.keys(txKinds) as [TxKind, ...TxKind[]];

/** A transaction as APIs show it; `body` follows the field table of its kind. */
export const zTxJson = z.object({
  txId: zHash.optional(),
  kind: z.enum(kinds),
  from: zAddress,
  lane: zCount.optional().describe('counter of the nonce; left out for the ordinary one'),
  nonce: zCount,
  validUntil: zCount,
  fee: zAmount,
  sponsored: z.literal(true).optional(),
  payer: zAddress.optional().describe('pays the fee instead of the sender'),
  body: z.record(z.string(), z.unknown()),
});

/** What execution did. `rows` only for claims: paid in full or refused with a code, row by row. */
export const zTxReceipt = z.object({
  txId: zHash,
  height: zCount,
  index: zCount,
  kind: z.enum(kinds),
  from: zAddress,
  fee: zAmount,
  rows: z
    .array(z.object({ channelId: zHash, paid: zAmount, code: z.string().nullable() }))
    .optional(),
});

export const zTxStatus = z.object({
  status: z.enum(['accepted', 'final']),
  tx: zTxJson,
  receipt: zTxReceipt.nullable(),
  blockHash: zHash.nullable(),
});

export const zBlock = z.object({
  hash: zHash,
  header: zHeader,
  txs: z.array(zTxJson),
  receipts: z.array(zTxReceipt),
  certificate: zCertificate.nullable(),
});

/** Balances of an account, nait. `vault` is what it set aside but did not allocate yet. */
export const zAccount = z.object({
  address: zAddress,
  balance: zAmount,
  nonce: zCount,
  vault: zAmount,
});

export const zChannel = z.object({
  channelId: zHash,
  payer: zAddress,
  payerAuthorizer: zKey,
  receiver: zAddress,
  receiverAuthorizer: zKey,
  withdrawDelayMs: zCount,
  salt: zHash,
  balance: zAmount,
  totalClaimed: zAmount,
  withdrawAmount: zAmount,
  withdrawDueMs: zCount,
  refundNonce: zCount,
  closed: z.boolean(),
});

export const zAgent = z.object({
  address: zAddress,
  name: z.string(),
  endpoint: z.string(),
  cardHash: zHash,
});

export const zProvider = z.object({
  address: zAddress,
  authorizer: zKey,
  endpoint: z.string(),
  bond: zAmount,
  unbondDueMs: zCount,
});

/** Parameters of a chain, as in its genesis document. */
export const zChainParams = z.strictObject({
  fees: z.record(z.enum(kinds), zAmount),
  feePerRow: zAmount,
  providerBondMin: zAmount,
  unbondingMs: zCount,
  faucetMax: zAmount,
  heartbeatMs: zCount.min(100),
  epochBlocks: zCount.min(1),
  feePerOperation: zAmount,
  validatorStakeMin: zAmount,
  stakeUnbondingMs: zCount,
  equivocationSlashBps: zCount.max(10_000),
  evidenceRewardBps: zCount.max(10_000),
  missedViewsMax: zCount.min(1),
  jailMs: zCount,
  hopMinMs: zCount.min(1),
  hopMaxMs: zCount.min(1),
  blockSkewMs: zCount,
});

export const zChainStatus = z.object({
  network: z.string(),
  caip2: z.string(),
  chain: zCount,
  genesisHash: zHash,
  height: zCount,
  blockHash: zHash,
  stateRoot: zHash,
  timeMs: zCount,
  waitingTxs: zCount,
  validators: z.array(z.object({ publicKey: zKey, stake: zAmount })),
  params: zChainParams,
});

/** One account's coins before and after a simulated transaction. */
const zEffect = z.object({
  address: zAddress,
  what: z.enum(['balance', 'vault', 'bond', 'channel', 'stake', 'task']),
  id: z.string(),
  before: zAmount,
  after: zAmount,
});

/** Methods of the node. */
export const nodeRpc = {
  chain_status: rpcMethod({
    summary: 'Network, height, validators and parameters.',
    input: none,
    output: zChainStatus,
  }),
  chain_getBlock: rpcMethod({
    summary: 'A final block by height or hash; the newest when neither is given.',
    input: z.strictObject({ height: zCount.optional(), hash: zHash.optional() }),
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
  tx_send: rpcMethod({
    summary: 'Checks a signed transaction and takes it into the mempool.',
    input: z.strictObject({ tx: zTxBytes }),
    output: z.object({ txId: zHash }),
  }),
  tx_sendAndWait: rpcMethod({
    summary: 'Sends and waits until the transaction is final, at most `timeoutMs`.',
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
  state_getAccount: rpcMethod({
    summary: 'Balances and next nonce of an account. An unknown account has zeros.',
    input: z.strictObject({ address: zAddress }),
    output: zAccount.extend({
      pendingNonce: zCount.meta({ description: 'next nonce after waiting transactions' }),
    }),
  }),
  state_getChannel: rpcMethod({
    summary: 'A channel by its id.',
    input: z.strictObject({ channelId: zHash }),
    output: zChannel,
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
    input: z.strictObject({ address: zAddress }),
    output: zAgent,
  }),
  state_getProvider: rpcMethod({
    summary: 'Registration and bond of a provider.',
    input: z.strictObject({ address: zAddress }),
    output: zProvider,
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
      burned: zAmount,
      problems: z.array(z.string()),
    }),
  }),
  mempool_status: rpcMethod({
    summary: 'Waiting transactions.',
    input: none,
    output: z.object({ count: zCount, sizeBytes: zCount }),
  }),
  dev_faucet: rpcMethod({
    summary: 'Sends coins from the faucet account by a signed transfer. Devnets only.',
    input: z.strictObject({ address: zAddress, amount: zAmount.optional() }),
    output: z.object({ txId: zHash, amount: zAmount }),
  }),
} as const satisfies RpcTable;

/** Topics of `subscribe`; the part after the colon is an address, a channel id or a transaction id. */
export const rpcTopics = Object.freeze({
  finalBlocks: 'finalBlocks',
  transactions: 'transactions',
  account: 'account',
  channel: 'channel',
  /** All channels that pay this address. */
  receiver: 'receiver',
  tx: 'tx',
});

/** A notification: method `notify`, these params. A cursor is `height.index`; `subscribe` takes it to resume. */
export const zNotification = z.object({
  subscription: z.string(),
  topic: z.string(),
  cursor: z.string(),
  data: z.unknown(),
});

/** WebSocket-only methods. */
export const nodeSocketRpc = {
  subscribe: rpcMethod({
    summary:
      'Streams a topic: finalBlocks (header, hash), transactions (TxStatus), account:<address> (Account), channel:<id> and receiver:<address> (Channel), tx:<id> (TxStatus).',
    input: z.strictObject({ topic: z.string().max(120), cursor: z.string().max(40).optional() }),
    output: z.object({ subscription: z.string(), cursor: z.string() }),
  }),
  unsubscribe: rpcMethod({
    summary: 'Ends a subscription.',
    input: z.strictObject({ subscription: z.string() }),
    output: z.object({}),
  }),
} as const satisfies RpcTable;
