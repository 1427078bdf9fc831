/** JSON forms of blocks, transactions, accounts and the status of a chain. */
import { z } from 'zod';
import { zCertificate, zHeader, zValidatorSet } from '../../proofs/schemas.ts';
import { zAddress, zAmount, zCount, zHash, zKey } from '../../scalars.ts';
import { type LateKind, lateKinds, type TxKind, txKinds } from '../../tx-kinds.ts';

const kinds = Object.keys(txKinds) as [TxKind, ...TxKind[]];

/** Name of a kind of transactions. */
export const zTxKind = z.enum(kinds);

/** A transaction as APIs show it; `body` follows the field table of its kind. */
export const zTxJson = z.object({
  txId: zHash.optional(),
  kind: zTxKind,
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
  kind: zTxKind,
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

const zFeeLeftOut = zAmount.exactOptional();

/** Fees by kind; those of the late kinds may be left out. */
type FeeShape = {
  readonly [K in TxKind]: K extends LateKind ? typeof zFeeLeftOut : typeof zAmount;
};

const zFees = z.strictObject(
  Object.fromEntries(
    kinds.map((kind) => [kind, Object.hasOwn(lateKinds, kind) ? zFeeLeftOut : zAmount]),
  ) as unknown as FeeShape,
);

/** Parameters of a chain, as in its genesis document; those of audits, catching up and the fees of late kinds may be left out. */
export const zChainParams = z.strictObject({
  fees: zFees,
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
  auditDepositMin: zAmount.exactOptional(),
  auditSlashBps: zCount.max(10_000).exactOptional(),
  auditVoteMs: zCount.min(1).exactOptional(),
  catchUpBeats: zCount.max(1_000).exactOptional(),
});

/** A node votes, or it follows those who do. */
export const zRole = z.enum(['validator', 'follower']);

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
  validators: zValidatorSet,
  params: zChainParams,
  epoch: zCount,
  view: zCount,
  role: zRole,
  syncing: z.boolean().meta({ description: 'blocks are fetched by ranges from other nodes' }),
  headAgeMs: zCount.meta({ description: 'age of the newest block by the clock of the node' }),
});

/** One account's coins before and after a simulated transaction. */
export const zEffect = z.object({
  address: zAddress,
  what: z.enum(['balance', 'vault', 'bond', 'channel', 'stake', 'task', 'audit']),
  id: z.string(),
  before: zAmount,
  after: zAmount,
});
