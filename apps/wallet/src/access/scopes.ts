/**
 * What a token may do. The admin token may do everything. A scoped one sees (`read`), unlocks, locks and
 * signs for the accounts it names, signs only the kinds it names, and at most `amountPerDay` nait may
 * leave those accounts by its signatures per UTC day.
 *
 * The cap is an upper bound on loss, so it counts when in doubt: money into the vault counts although
 * only a channel can spend it, and money from the vault into a channel counts again, because the vault
 * may have been filled by somebody else. A signature that is never sent still counts. An approval counts with all
 * that the proposal moves, whoever else has approved it. Only the admin token may agree to other members of a shared
 * account: that hands over all it has, which no amount bounds.
 */
import {
  AppError,
  addressOf,
  amountOf,
  type MultisigOperation,
  type OutputOf,
  type TxBody,
  type TxKind,
  type UnsignedTx,
  type walletEndpoints,
} from '@aitbc/protocol';
import type { ReadTx } from '../read-transaction.ts';

/** Scopes of a token. */
export type WalletScopes = OutputOf<typeof walletEndpoints.listTokens>['tokens'][number]['scopes'];

/** Who calls. */
export interface Caller {
  readonly tokenId: string;
  readonly label: string;
  readonly scopes: WalletScopes;
}

const dayMs = 86_400_000;

/** Number of the UTC day of a time. */
export function dayOf(nowMs: number): number {
  return Math.floor(nowMs / dayMs);
}

type SpendRule<K extends TxKind> = (body: TxBody<K>) => bigint;
const feeOnly = (): bigint => 0n;

const spendRules: { readonly [K in TxKind]: SpendRule<K> } = {
  transfer: ({ amount }) => amount,
  vault_deposit({ amount, allocations }) {
    const allocated = allocations.reduce((sum, row) => sum + row.amount, 0n);
    return allocated > amount ? allocated : amount;
  },
  vault_withdraw: feeOnly,
  channel_fund: ({ amount }) => amount,
  channel_claim: feeOnly,
  channel_refund: feeOnly,
  withdraw_init: feeOnly,
  withdraw_finalize: feeOnly,
  agent_register: feeOnly,
  provider_register: ({ bond }) => bond,
  provider_unbond: feeOnly,
  bond_withdraw: feeOnly,
  batch: ({ operations }) => sumOf(operations),
  mandate_grant: ({ totalMaxNait }) => totalMaxNait,
  mandate_revoke: feeOnly,
  mandate_fund: ({ amount }) => amount,
  mandate_transfer: ({ amount }) => amount,
  task_post: ({ reward }) => reward,
  task_accept: feeOnly,
  task_submit: feeOnly,
  task_approve: feeOnly,
  task_dispute: feeOnly,
  task_resolve: feeOnly,
  task_expire: feeOnly,
  validator_bond: ({ stake }) => stake,
  validator_unbond: feeOnly,
  stake_withdraw: feeOnly,
  validator_unjail: feeOnly,
  evidence_submit: feeOnly,
  param_vote: feeOnly,
  upgrade_signal: feeOnly,
  auditor_enroll: feeOnly,
  auditor_leave: feeOnly,
  audit_open: ({ deposit }) => deposit,
  audit_commit: feeOnly,
  audit_reveal: feeOnly,
  audit_appeal: ({ deposit }) => deposit,
  audit_close: feeOnly,
  multisig_create: feeOnly,
  multisig_propose: ({ operations }) => sumOf(operations),
  multisig_approve: feeOnly,
  multisig_cancel: feeOnly,
  multisig_change: feeOnly,
};

function takenBy({ kind, body }: Pick<UnsignedTx, 'kind' | 'body'>): bigint {
  return (spendRules[kind] as SpendRule<TxKind>)(body);
}

const sumOf = (operations: readonly MultisigOperation[]): bigint =>
  operations.reduce((sum, operation) => sum + takenBy(operation), 0n);

/**
 * What a transaction takes out of reach of its sender and of the shared account that it acts for, fee included
 * unless another pays it, nait.
 */
export function spendOf({ tx, inside }: Pick<ReadTx, 'tx' | 'inside'>): bigint {
  const approved = tx.kind === 'multisig_approve' ? sumOf(inside) : 0n;
  return takenBy(tx) + approved + (tx.sponsored ? 0n : tx.fee);
}

/** Throws WALLET_SCOPE unless the caller is an administrator. */
export function assertAdmin({ scopes }: Caller): void {
  if (!scopes.admin) throw refused('this call needs the admin token');
}

/** Throws WALLET_SCOPE unless the caller may look. */
export function assertReads({ scopes }: Caller): void {
  if (!scopes.admin && !scopes.read) throw refused('it has no scope "read"');
}

/** True when the caller's scopes name the account. */
export function coversAccount({ scopes }: Caller, address: string): boolean {
  return scopes.admin || scopes.accounts.includes(address);
}

/** Throws WALLET_SCOPE unless the caller's scopes name the account. */
export function assertCovers(caller: Caller, address: string): void {
  if (!coversAccount(caller, address)) throw refused(`it does not cover account ${address}`);
}

/** Throws WALLET_SCOPE unless the caller may sign this kind for this account at all. */
export function assertMaySign(caller: Caller, { from, kind }: UnsignedTx): void {
  assertCovers(caller, addressOf(from));
  assertKind(caller, kind);
}

/** Throws WALLET_SCOPE unless the caller may let all of this happen, each operation and to the account it moves. */
export function assertMayCause(caller: Caller, { inside, shared }: ReadTx): void {
  if (shared !== undefined) assertCovers(caller, addressOf(shared));
  for (const { kind } of inside) {
    assertKind(caller, kind);
    if (kind === 'multisig_change' && !caller.scopes.admin) {
      throw refused('only the admin token may agree to other members of a shared account');
    }
  }
}

/** Throws WALLET_SCOPE unless the caller may pay the fee of others' transactions of this kind. */
export function assertMayPayFor(caller: Caller, kind: TxKind): void {
  assertKind(caller, kind);
}

function assertKind({ scopes }: Caller, kind: TxKind): void {
  if (!scopes.admin && !scopes.kinds.includes(kind)) throw refused(`it may not sign a ${kind}`);
}

/** What the caller has spent today once this is added. Throws WALLET_SCOPE above the cap. */
export function spentAfter(caller: Caller, spentNait: bigint, addedNait: bigint): bigint {
  const total = spentNait + addedNait;
  const cap = amountOf(caller.scopes.amountPerDay);
  if (!caller.scopes.admin && total > cap) {
    const left = spentNait > cap ? 0n : cap - spentNait;
    throw refused(`this takes ${addedNait} nait; of ${cap} nait per UTC day ${left} are left`);
  }
  return total;
}

function refused(reason: string): AppError {
  return new AppError('WALLET_SCOPE', { reason });
}
