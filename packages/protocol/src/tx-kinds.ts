/** The kinds of transactions: wire number and body of each. See docs/spec/chain.md, "Transactions". */
import {
  account,
  amount,
  bytes,
  count,
  type Fields,
  hash,
  key,
  list,
  type RecordOf,
  signature,
  text,
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

/** Kinds of transactions: wire number and body. Numbers are never used again. */
export const txKinds = {
  transfer: { number: 1, fields: { to: account, amount, memo: bytes(limits.memoBytes) } },
  vault_deposit: {
    number: 2,
    fields: { amount, allocations: list(allocationFields, limits.vaultAllocations) },
  },
  vault_withdraw: { number: 3, fields: { amount } },
  channel_fund: { number: 4, fields: allocationFields },
  channel_claim: {
    number: 5,
    fields: {
      receiverAuthorizer: key,
      rows: list(claimRowFields, limits.claimRows),
      authorizerSignature: signature,
    },
  },
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
} as const satisfies Record<string, { number: number; fields: Fields }>;

/** Name of a kind. */
export type TxKind = keyof typeof txKinds;

/** Body of a kind. */
export type TxBody<K extends TxKind> = RecordOf<(typeof txKinds)[K]['fields']>;

/** Body of a channel allocation. */
export type Allocation = RecordOf<typeof allocationFields>;

/** One row of a claim. */
export type ClaimRow = RecordOf<typeof claimRowFields>;
