/** The rules by kind, and what every kind has in common: chain, expiry, form, fee. */
import { amountFromText, amountMax } from '@aitbc/primitives';
import {
  accept,
  type ChainParams,
  feeOf,
  refuse,
  type TxKind,
  txKinds,
  type UnsignedTx,
  type Verdict,
} from '@aitbc/protocol';
import { auditAppeal, auditClose } from './audits/close.ts';
import { auditOpen } from './audits/open.ts';
import { auditorEnroll, auditorLeave } from './audits/roster.ts';
import { auditCommit, auditReveal } from './audits/votes.ts';
import { createBatchRule } from './batch.ts';
import { channelFund, channelRefund, withdrawFinalize, withdrawInit } from './channel.ts';
import { channelClaim } from './claim.ts';
import { evidenceSubmit } from './evidence.ts';
import { paramVote, upgradeSignal } from './governance.ts';
import { checkExpiry } from './lanes.ts';
import { mandateFund, mandateGrant, mandateRevoke, mandateTransfer } from './mandates.ts';
import { createMultisigRules } from './multisig.ts';
import { agentRegister, bondWithdraw, providerRegister, providerUnbond } from './registry.ts';
import type { BlockContext, Rule } from './rule.ts';
import { stakeWithdraw, validatorBond, validatorUnbond, validatorUnjail } from './staking.ts';
import {
  taskAccept,
  taskApprove,
  taskDispute,
  taskExpire,
  taskPost,
  taskResolve,
  taskSubmit,
} from './tasks.ts';
import { transfer, vaultDeposit, vaultWithdraw } from './vault.ts';

const rules: { readonly [K in TxKind]: Rule<K> } = {
  transfer,
  vault_deposit: vaultDeposit,
  vault_withdraw: vaultWithdraw,
  channel_fund: channelFund,
  channel_claim: channelClaim,
  channel_refund: channelRefund,
  withdraw_init: withdrawInit,
  withdraw_finalize: withdrawFinalize,
  agent_register: agentRegister,
  provider_register: providerRegister,
  provider_unbond: providerUnbond,
  bond_withdraw: bondWithdraw,
  batch: createBatchRule((kind) => ruleOf(kind)),
  mandate_grant: mandateGrant,
  mandate_revoke: mandateRevoke,
  mandate_fund: mandateFund,
  mandate_transfer: mandateTransfer,
  task_post: taskPost,
  task_accept: taskAccept,
  task_submit: taskSubmit,
  task_approve: taskApprove,
  task_dispute: taskDispute,
  task_resolve: taskResolve,
  task_expire: taskExpire,
  validator_bond: validatorBond,
  validator_unbond: validatorUnbond,
  stake_withdraw: stakeWithdraw,
  validator_unjail: validatorUnjail,
  evidence_submit: evidenceSubmit,
  param_vote: paramVote,
  upgrade_signal: upgradeSignal,
  auditor_enroll: auditorEnroll,
  auditor_leave: auditorLeave,
  audit_open: auditOpen,
  audit_commit: auditCommit,
  audit_reveal: auditReveal,
  audit_appeal: auditAppeal,
  audit_close: auditClose,
  ...createMultisigRules((kind) => ruleOf(kind)),
};

/** The rule of a kind. The kind and the body of a transaction belong together, which the type cannot say. */
export function ruleOf(kind: TxKind): Rule<TxKind> {
  return rules[kind] as unknown as Rule<TxKind>;
}

/** What a transaction takes from its sender's balance, without the fee, nait. */
export function spendOf(tx: UnsignedTx): bigint {
  return ruleOf(tx.kind).spend?.(tx.body) ?? 0n;
}

/** The amounts of the parameters as numbers: read once for each set of parameters. */
interface FeeAmounts {
  readonly flat: ReadonlyMap<TxKind, bigint>;
  readonly perRow: bigint;
  readonly perOperation: bigint;
}

const feeCache = new WeakMap<ChainParams, FeeAmounts>();

function feesOf(params: ChainParams): FeeAmounts {
  const known = feeCache.get(params);
  if (known) return known;
  // A text that is no amount stands for a fee nobody can pay; `genesisBlock` refuses it before.
  const amountOf = (text: string): bigint => amountFromText(text) ?? amountMax;
  const kinds = Object.keys(txKinds) as TxKind[];
  const flat = new Map(kinds.map((kind) => [kind, amountOf(feeOf(params, kind))]));
  const [perRow, perOperation] = [params.feePerRow, params.feePerOperation].map(amountOf);
  const fees = { flat, perRow: perRow ?? amountMax, perOperation: perOperation ?? amountMax };
  feeCache.set(params, fees);
  return fees;
}

/**
 * Smallest fee of a transaction, nait: the flat fee of its kind, and a part for each row of a claim and each
 * operation of a batch or a proposal.
 */
export function feeFloorOf(params: ChainParams, tx: UnsignedTx): bigint {
  const { flat, perRow, perOperation } = feesOf(params);
  const fee = flat.get(tx.kind) ?? amountMax;
  if (tx.kind === 'channel_claim') return fee + BigInt(tx.body.rows.length) * perRow;
  if (tx.kind === 'batch' || tx.kind === 'multisig_propose') {
    return fee + BigInt(tx.body.operations.length) * perOperation;
  }
  return fee;
}

/**
 * Checks all that can be said without the state; the nait that the sender's balance must hold, without
 * the fee. Refusals: TX_WRONG_CHAIN, TX_EXPIRED, TX_EXPIRY_INVALID, TX_FEE_TOO_LOW, TX_AMOUNT_OVERFLOW and
 * those of the form of each kind.
 */
export function checkForm(
  context: Pick<BlockContext, 'height' | 'network' | 'params'>,
  tx: UnsignedTx,
): Verdict<bigint> {
  const { network, params, height } = context;
  if (tx.chain !== network.chain) {
    return refuse('TX_WRONG_CHAIN', { got: tx.chain, expected: network.chain });
  }
  const inTime = checkExpiry(tx, height);
  if (!inTime.ok) return inTime;
  const expected = feeFloorOf(params, tx);
  if (tx.fee < expected) return refuse('TX_FEE_TOO_LOW', { got: tx.fee, expected });
  const rule = ruleOf(tx.kind);
  const form = rule.form?.(tx.from, tx.body) ?? accept(true);
  if (!form.ok) return form;
  const spend = spendOf(tx);
  return spend + tx.fee > amountMax ? refuse('TX_AMOUNT_OVERFLOW') : accept(spend);
}
