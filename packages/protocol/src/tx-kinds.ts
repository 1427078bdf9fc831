/** The kinds of transactions: wire number and body of each. See docs/spec/chain.md, "Transactions". */
import { evidenceFields } from './evidence.ts';
import {
  account,
  amount,
  bytes,
  type ChoiceOf,
  choices,
  count,
  type Fields,
  hash,
  type KindTable,
  key,
  list,
  type RecordOf,
  signature,
  text,
  u8,
  u16,
} from './fields.ts';
import { limits } from './limits.ts';

/** The part of a channel's configuration that its payer chooses; the payer is the sender. */
export const allocationFields = {
  receiver: account,
  payerAuthorizer: key,
  receiverAuthorizer: key,
  withdrawDelayMs: count,
  salt: hash,
  amount,
} as const satisfies Fields;

/** One row of a claim: the newest voucher of a channel and how much of it is due in all. */
export const claimRowFields = {
  channelId: hash,
  maxClaimable: amount,
  context: hash,
  voucherSignature: signature,
  totalClaimed: amount,
} as const satisfies Fields;

/** What a task promises, to whom, and until when. */
export const taskTermsFields = {
  worker: account,
  arbiter: account,
  reward: amount,
  deadlineMs: count,
  reviewMs: count,
  specHash: hash,
  salt: hash,
} as const satisfies Fields;

const task = { taskId: hash } as const satisfies Fields;

/** Kinds that may also stand in a batch. Numbers are never used again. */
export const batchableKinds = {
  transfer: { number: 1, fields: { to: account, amount, memo: bytes(limits.memoBytes) } },
  vault_deposit: {
    number: 2,
    fields: { amount, allocations: list(allocationFields, limits.vaultAllocations) },
  },
  vault_withdraw: { number: 3, fields: { amount } },
  channel_fund: { number: 4, fields: allocationFields },
  channel_refund: {
    number: 6,
    fields: { channelId: hash, amount, refundNonce: count, authorizerSignature: signature },
  },
  withdraw_init: { number: 7, fields: { channelId: hash, amount } },
  withdraw_finalize: { number: 8, fields: { channelId: hash } },
  agent_register: {
    number: 9,
    fields: { name: text(limits.nameBytes), endpoint: text(limits.endpointBytes), cardHash: hash },
  },
  provider_register: {
    number: 10,
    fields: { authorizer: key, endpoint: text(limits.endpointBytes), bond: amount },
  },
  provider_unbond: { number: 11, fields: {} },
  bond_withdraw: { number: 12, fields: { provider: account } },
  mandate_grant: {
    number: 14,
    fields: {
      subKey: account,
      channelMaxNait: amount,
      windowMaxNait: amount,
      windowMs: count,
      totalMaxNait: amount,
      jobMaxNait: amount,
      receivers: list({ receiver: account }, limits.mandateReceivers),
      models: list({ model: text(limits.modelNameBytes) }, limits.mandateModels),
      allows: u8,
      expiresAtHeight: count,
    },
  },
  mandate_revoke: { number: 15, fields: { subKey: account } },
  mandate_fund: { number: 16, fields: { owner: account, ...allocationFields } },
  mandate_transfer: { number: 17, fields: { owner: account, to: account, amount } },
  task_post: { number: 18, fields: taskTermsFields },
  task_accept: { number: 19, fields: task },
  task_submit: { number: 20, fields: { ...task, resultHash: hash } },
  task_approve: { number: 21, fields: task },
  task_dispute: { number: 22, fields: { ...task, reasonHash: hash } },
  task_resolve: { number: 23, fields: { ...task, workerShareNait: amount } },
  task_expire: { number: 24, fields: task },
} as const satisfies KindTable;

/** Kinds of audits. They came after the others: a genesis document need not price them. */
export const auditKinds = {
  auditor_enroll: { number: 32, fields: { digest: hash } },
  auditor_leave: { number: 33, fields: { digest: hash } },
  audit_open: {
    number: 34,
    fields: {
      provider: account,
      recordHash: hash,
      deposit: amount,
      receipt: bytes(limits.auditReceiptBytes),
    },
  },
  audit_commit: { number: 35, fields: { auditId: hash, commitment: hash } },
  audit_reveal: {
    number: 36,
    fields: { auditId: hash, verdict: u8, reportHash: hash, salt: hash },
  },
  audit_appeal: { number: 37, fields: { auditId: hash, deposit: amount } },
  audit_close: { number: 38, fields: { auditId: hash } },
} as const satisfies KindTable;

/** Who shares an account, and how many of them must agree. */
const sharingFields = {
  threshold: u8,
  members: list({ member: account }, limits.multisigMembers),
} as const satisfies Fields;

const sharingChange = { multisig_change: { number: 43, fields: sharingFields } } as const;

/** Kinds that a shared account may be made to do: those of batches, and another set of members. */
export const multisigOperationKinds = {
  ...batchableKinds,
  ...sharingChange,
} as const satisfies KindTable;

/** Which proposal: its place, and the hash of what it says. */
const multisigProposal = {
  multisig: account,
  proposer: account,
  slot: u8,
  proposalId: hash,
} as const satisfies Fields;

/** Kinds of shared accounts. They came after the audits: a genesis document need not price them either. */
export const multisigKinds = {
  multisig_create: { number: 39, fields: { ...sharingFields, salt: hash } },
  multisig_propose: {
    number: 40,
    fields: {
      multisig: account,
      slot: u8,
      expiresAtMs: count,
      operations: choices(multisigOperationKinds, limits.multisigOperations),
    },
  },
  multisig_approve: { number: 41, fields: multisigProposal },
  multisig_cancel: { number: 42, fields: multisigProposal },
  ...sharingChange,
} as const satisfies KindTable;

/** Kinds that came after the first genesis documents, which do not price them. */
export const lateKinds = { ...auditKinds, ...multisigKinds } as const satisfies KindTable;

/** Kinds of transactions: wire number and body. Numbers are never used again. */
export const txKinds = {
  ...batchableKinds,
  channel_claim: {
    number: 5,
    fields: {
      receiverAuthorizer: key,
      rows: list(claimRowFields, limits.claimRows),
      authorizerSignature: signature,
    },
  },
  batch: { number: 13, fields: { operations: choices(batchableKinds, limits.batchOperations) } },
  validator_bond: {
    number: 25,
    fields: { validator: key, stake: amount, keySignature: signature },
  },
  validator_unbond: { number: 26, fields: { validator: key, amount } },
  stake_withdraw: { number: 27, fields: { validator: key } },
  validator_unjail: { number: 28, fields: { validator: key } },
  evidence_submit: { number: 29, fields: evidenceFields },
  param_vote: {
    number: 30,
    fields: {
      validator: key,
      name: text(limits.paramNameBytes),
      value: text(limits.paramValueBytes),
      untilHeight: count,
    },
  },
  upgrade_signal: { number: 31, fields: { validator: key, version: u16, height: count } },
  ...lateKinds,
} as const satisfies Record<string, { number: number; fields: Fields }>;

/** Name of a kind. */
export type TxKind = keyof typeof txKinds;

/** Name of a kind of audits. */
export type AuditKind = keyof typeof auditKinds;

/** Name of a kind of shared accounts. */
export type MultisigKind = keyof typeof multisigKinds;

/** Name of a kind that a genesis document need not price. */
export type LateKind = keyof typeof lateKinds;

/** Body of a kind. */
export type TxBody<K extends TxKind> = RecordOf<(typeof txKinds)[K]['fields']>;

/** One operation of a batch. */
export type Operation = ChoiceOf<typeof batchableKinds>;

/** One operation of a proposal. */
export type MultisigOperation = ChoiceOf<typeof multisigOperationKinds>;

/** Name of a kind that may stand in a batch. */
export type BatchableKind = keyof typeof batchableKinds;

/** Body of a channel allocation. */
export type Allocation = RecordOf<typeof allocationFields>;

/** One row of a claim. */
export type ClaimRow = RecordOf<typeof claimRowFields>;
