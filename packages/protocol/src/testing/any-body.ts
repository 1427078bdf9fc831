/** Random bodies of every kind of transactions. */
import { hex, utf8 } from '@aitbc/primitives';
import fc from 'fast-check';
import { limits } from '../limits.ts';
import type { BatchableKind, TxKind } from '../tx-kinds.ts';

/** Random ids, hashes and keys. */
export const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex);
/** Random amounts, nait. */
export const amount = fc.bigInt(0n, 2n ** 64n - 1n);
/** Random nonces, heights and times. */
export const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 }).map(hex);
const text = (bytes: number) =>
  fc.string({ maxLength: bytes / 4, unit: 'grapheme' }).filter((t) => utf8(t).length <= bytes);
const allocation = fc.record({
  receiver: id,
  payerAuthorizer: id,
  receiverAuthorizer: id,
  withdrawDelayMs: count,
  salt: id,
  amount,
});

/** Random bodies for the kinds that may stand in a batch. */
const batchable: Record<BatchableKind, fc.Arbitrary<unknown>> = {
  transfer: fc.record({
    to: id,
    amount,
    memo: fc.uint8Array({ maxLength: limits.memoBytes }).map(hex),
  }),
  vault_deposit: fc.record({ amount, allocations: fc.array(allocation, { maxLength: 16 }) }),
  vault_withdraw: fc.record({ amount }),
  channel_fund: allocation,
  channel_refund: fc.record({
    channelId: id,
    amount,
    refundNonce: count,
    authorizerSignature: signature,
  }),
  withdraw_init: fc.record({ channelId: id, amount }),
  withdraw_finalize: fc.record({ channelId: id }),
  agent_register: fc.record({ name: text(32), endpoint: text(200), cardHash: id }),
  provider_register: fc.record({ authorizer: id, endpoint: text(200), bond: amount }),
  provider_unbond: fc.constant({}),
  bond_withdraw: fc.record({ provider: id }),
  mandate_grant: fc.record({
    subKey: id,
    channelMaxNait: amount,
    windowMaxNait: amount,
    windowMs: count,
    totalMaxNait: amount,
    jobMaxNait: amount,
    receivers: fc.array(fc.record({ receiver: id }), { maxLength: limits.mandateReceivers }),
    models: fc.array(fc.record({ model: text(128) }), { maxLength: limits.mandateModels }),
    allows: fc.nat({ max: 255 }),
    expiresAtHeight: count,
  }),
  mandate_revoke: fc.record({ subKey: id }),
  mandate_fund: fc.record({
    owner: id,
    receiver: id,
    payerAuthorizer: id,
    receiverAuthorizer: id,
    withdrawDelayMs: count,
    salt: id,
    amount,
  }),
  mandate_transfer: fc.record({ owner: id, to: id, amount }),
  task_post: fc.record({
    worker: id,
    arbiter: id,
    reward: amount,
    deadlineMs: count,
    reviewMs: count,
    specHash: id,
    salt: id,
  }),
  task_accept: fc.record({ taskId: id }),
  task_submit: fc.record({ taskId: id, resultHash: id }),
  task_approve: fc.record({ taskId: id }),
  task_dispute: fc.record({ taskId: id, reasonHash: id }),
  task_resolve: fc.record({ taskId: id, workerShareNait: amount }),
  task_expire: fc.record({ taskId: id }),
};

const operation = fc
  .constantFrom(...(Object.keys(batchable) as BatchableKind[]))
  .chain((kind) => batchable[kind].map((body) => ({ kind, body })));

const u8 = fc.nat({ max: 255 });
const sharing = {
  threshold: u8,
  members: fc.array(fc.record({ member: id }), { maxLength: limits.multisigMembers }),
};
const proposalName = fc.record({ multisig: id, proposer: id, slot: u8, proposalId: id });
const decision = fc.oneof(
  operation,
  fc.record(sharing).map((body) => ({ kind: 'multisig_change' as const, body })),
);

/** Random bodies for every kind. */
export const bodies: Record<TxKind, fc.Arbitrary<unknown>> = {
  ...batchable,
  batch: fc.record({ operations: fc.array(operation, { maxLength: 20 }) }),
  channel_claim: fc.record({
    receiverAuthorizer: id,
    rows: fc.array(
      fc.record({
        channelId: id,
        maxClaimable: amount,
        context: id,
        voucherSignature: signature,
        totalClaimed: amount,
      }),
      { maxLength: 100 },
    ),
    authorizerSignature: signature,
  }),
  validator_bond: fc.record({ validator: id, stake: amount, keySignature: signature }),
  validator_unbond: fc.record({ validator: id, amount }),
  stake_withdraw: fc.record({ validator: id }),
  validator_unjail: fc.record({ validator: id }),
  evidence_submit: fc.record({
    validator: id,
    epoch: count,
    view: count,
    firstKind: fc.constantFrom('notarize', 'nullify', 'finalize'),
    firstHash: id,
    firstSignature: signature,
    secondKind: fc.constantFrom('notarize', 'nullify', 'finalize'),
    secondHash: id,
    secondSignature: signature,
  }),
  param_vote: fc.record({ validator: id, name: text(48), value: text(20), untilHeight: count }),
  upgrade_signal: fc.record({ validator: id, version: fc.nat({ max: 65_535 }), height: count }),
  auditor_enroll: fc.record({ digest: id }),
  auditor_leave: fc.record({ digest: id }),
  audit_open: fc.record({
    provider: id,
    recordHash: id,
    deposit: amount,
    receipt: fc.uint8Array({ maxLength: limits.auditReceiptBytes }).map(hex),
  }),
  audit_commit: fc.record({ auditId: id, commitment: id }),
  audit_reveal: fc.record({
    auditId: id,
    verdict: fc.nat({ max: 255 }),
    reportHash: id,
    salt: id,
  }),
  audit_appeal: fc.record({ auditId: id, deposit: amount }),
  audit_close: fc.record({ auditId: id }),
  multisig_create: fc.record({ ...sharing, salt: id }),
  multisig_propose: fc.record({
    multisig: id,
    slot: u8,
    expiresAtMs: count,
    operations: fc.array(decision, { maxLength: limits.multisigOperations }),
  }),
  multisig_approve: proposalName,
  multisig_cancel: proposalName,
  multisig_change: fc.record(sharing),
};
