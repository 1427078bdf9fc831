/** One sentence for people about what a transaction does, as a wallet shows it before it signs. */
import { aitFromNait } from '@aitbc/primitives';
import {
  addressOf,
  auditVerdictOf,
  type Hex,
  type MultisigOperation,
  mandateAllows,
  type TxBody,
  type TxKind,
  type UnsignedTx,
  zeroHash,
} from '@aitbc/protocol';

/** Operations of a batch that are told one by one. */
const operationsTold = 8;

type Teller<K extends TxKind> = (body: TxBody<K>) => string;

const ait = (amountNait: bigint): string => `${aitFromNait(amountNait)} AIT`;
const shortId = (id: Hex): string => `${id.slice(0, 12)}…`;
const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Text that a stranger wrote, in quotes and without control or direction characters. */
const quoted = (text: string): string => JSON.stringify(text.replace(/[\p{C}\u2028\u2029]/gu, '�'));

const membersOf = (members: readonly { readonly member: Hex }[]): string =>
  members.map(({ member }) => addressOf(member)).join(', ');

/** The first operations one by one, and how many more there are. */
function told(operations: readonly Told[]): string {
  const rest = operations.length - operationsTold;
  const more = rest > 0 ? ` And ${plural(rest, 'more operation')}.` : '';
  return `${operations.slice(0, operationsTold).map(sentenceOf).join(' ')}${more}`;
}

const tellers: { readonly [K in TxKind]: Teller<K> } = {
  transfer: ({ to, amount, memo }) =>
    `Send ${ait(amount)} to ${addressOf(to)}${memo === '' ? '' : ` with the memo ${memo} (hex)`}.`,
  vault_deposit: ({ amount, allocations }) => {
    if (allocations.length === 0) return `Move ${ait(amount)} from the balance to the vault.`;
    const sum = allocations.reduce((total, row) => total + row.amount, 0n);
    const receivers = [...new Set(allocations.map(({ receiver }) => addressOf(receiver)))];
    const channels = plural(allocations.length, 'channel');
    return `Move ${ait(amount)} to the vault and put ${ait(sum)} into ${channels} for ${receivers.join(', ')}.`;
  },
  vault_withdraw: ({ amount }) => `Move ${ait(amount)} from the vault back to the balance.`,
  channel_fund: ({ amount, receiver, withdrawDelayMs }) =>
    `Put ${ait(amount)} from the vault into a channel for ${addressOf(receiver)}; ` +
    `what it does not earn can be taken back after ${withdrawDelayMs / 1000} s.`,
  channel_claim: ({ rows }) =>
    `Claim what vouchers promise on ${plural(rows.length, 'channel')} for their receivers.`,
  channel_refund: ({ amount, channelId }) =>
    `Give ${ait(amount)} of channel ${shortId(channelId)} back to the payer's vault.`,
  withdraw_init: ({ amount, channelId }) =>
    `Begin to take up to ${ait(amount)} back from channel ${shortId(channelId)}.`,
  withdraw_finalize: ({ channelId }) =>
    `Finish the withdrawal from channel ${shortId(channelId)} to the payer's vault.`,
  agent_register: ({ name, endpoint }) =>
    `Register this account as agent ${quoted(name)} at ${quoted(endpoint)}.`,
  provider_register: ({ bond, endpoint }) =>
    `Register this account as provider at ${quoted(endpoint)} and lock ${ait(bond)} as its bond.`,
  provider_unbond: () => 'Stop being a provider and begin to release the bond.',
  bond_withdraw: ({ provider }) =>
    `Pay the released bond of ${addressOf(provider)} to its balance.`,
  batch: ({ operations }) => `All of these or none: ${told(operations)}`,
  mandate_grant: (grant) => {
    const ways = [
      ...(grant.allows & mandateAllows.channels ? ['into channels'] : []),
      ...(grant.allows & mandateAllows.transfers ? ['by transfers'] : []),
    ];
    const receivers = grant.receivers.map(({ receiver }) => addressOf(receiver));
    const to = receivers.length === 0 ? 'anyone' : receivers.join(', ');
    const names = grant.models.map(({ model }) => quoted(model));
    const models = names.length === 0 ? '' : `, only for ${names.join(', ')}`;
    const job = grant.jobMaxNait === 0n ? '' : `${ait(grant.jobMaxNait)} for a job, `;
    return (
      `Let ${addressOf(grant.subKey)} spend from the vault ${ways.join(' and ')} to ${to}${models}: ${job}` +
      `${ait(grant.channelMaxNait)} at a time, ${ait(grant.windowMaxNait)} in ${grant.windowMs / 1000} s, ` +
      `${ait(grant.totalMaxNait)} in all, until height ${grant.expiresAtHeight}.`
    );
  },
  mandate_revoke: ({ subKey }) => `Take the mandate of ${addressOf(subKey)} back.`,
  mandate_fund: ({ owner, amount, receiver }) =>
    `Put ${ait(amount)} from the vault of ${addressOf(owner)} into a channel for ${addressOf(receiver)}.`,
  mandate_transfer: ({ owner, amount, to }) =>
    `Send ${ait(amount)} from the vault of ${addressOf(owner)} to ${addressOf(to)}.`,
  task_post: ({ worker, arbiter, reward, deadlineMs }) => {
    const by = worker === zeroHash ? 'anyone' : addressOf(worker);
    const judge =
      arbiter === zeroHash ? 'nobody decides a dispute' : `${addressOf(arbiter)} decides a dispute`;
    return `Lock ${ait(reward)} for a task that ${by} may do until ${timeOf(deadlineMs)}; ${judge}.`;
  },
  task_accept: ({ taskId }) => `Accept task ${shortId(taskId)}.`,
  task_submit: ({ taskId, resultHash }) =>
    `Hand in the result ${shortId(resultHash)} of task ${shortId(taskId)}.`,
  task_approve: ({ taskId }) => `Pay the worker of task ${shortId(taskId)} its reward.`,
  task_dispute: ({ taskId }) => `Dispute the result of task ${shortId(taskId)}.`,
  task_resolve: ({ taskId, workerShareNait }) =>
    `Decide task ${shortId(taskId)}: the worker gets ${ait(workerShareNait)}, the poster the rest.`,
  task_expire: ({ taskId }) => `End task ${shortId(taskId)}, whose time is over.`,
  validator_bond: ({ validator, stake }) =>
    `Put ${ait(stake)} behind validator ${shortId(validator)} as its stake.`,
  validator_unbond: ({ validator, amount }) =>
    `Begin to take ${ait(amount)} out of the stake of validator ${shortId(validator)}.`,
  stake_withdraw: ({ validator }) =>
    `Pay the released stake of validator ${shortId(validator)} to its owner.`,
  validator_unjail: ({ validator }) => `Let validator ${shortId(validator)} out of jail.`,
  evidence_submit: ({ validator, epoch, view }) =>
    `Convict validator ${shortId(validator)} of contradicting votes in epoch ${epoch}, view ${view}.`,
  param_vote: ({ validator, name, value }) =>
    `Vote with validator ${shortId(validator)} to set ${quoted(name)} to ${quoted(value)}.`,
  upgrade_signal: ({ validator, version, height }) =>
    `Vote with validator ${shortId(validator)} for version ${version} from height ${height} on.`,
  auditor_enroll: ({ digest }) => `Stand ready to judge audits of the weights ${shortId(digest)}.`,
  auditor_leave: ({ digest }) => `Judge no more audits of the weights ${shortId(digest)}.`,
  audit_open: ({ provider, recordHash, deposit }) =>
    `Accuse ${addressOf(provider)} over the record ${shortId(recordHash)} with a deposit of at most ${ait(deposit)}.`,
  audit_commit: ({ auditId, commitment }) =>
    `Commit to the verdict ${shortId(commitment)} in audit ${shortId(auditId)}.`,
  audit_reveal: ({ auditId, verdict }) =>
    `Reveal the verdict ${auditVerdictOf(verdict) ?? verdict} in audit ${shortId(auditId)}.`,
  audit_appeal: ({ auditId, deposit }) =>
    `Appeal against the verdict of audit ${shortId(auditId)} with a deposit of at most ${ait(deposit)}.`,
  multisig_create: ({ threshold, members }) =>
    `Make an account that acts when ${threshold} of these agree: ${membersOf(members)}.`,
  multisig_propose: ({ multisig, expiresAtMs, operations }) =>
    `Propose until ${timeOf(expiresAtMs)} that ${addressOf(multisig)} does this: ${told(operations)}`,
  multisig_approve: ({ multisig, proposer, proposalId }) =>
    `Approve what ${addressOf(proposer)} proposed as ${shortId(proposalId)} for ${addressOf(multisig)}.`,
  multisig_cancel: ({ multisig, proposer, proposalId }) =>
    `Take back proposal ${shortId(proposalId)} of ${addressOf(proposer)} for ${addressOf(multisig)}, or an approval of it.`,
  multisig_change: ({ threshold, members }) =>
    `From now on ${threshold} of these must agree: ${membersOf(members)}; all open proposals are void.`,
  audit_close: ({ auditId }) => `Take audit ${shortId(auditId)} one step on, as its time is over.`,
};

const [minuteMs, dayMs] = [60_000, 86_400_000];
const lastDay = 2_932_896; // of the year 9999; a time beyond it is shown as a number
const twoDigits = (value: number): string => `${value}`.padStart(2, '0');

/** Date and minute in UTC, counted by hand, as this package has no clock and no calendar. */
function timeOf(timeMs: number): string {
  const day = Math.floor(timeMs / dayMs);
  if (day > lastDay) return `${timeMs} ms`;
  const shifted = day + 719_468; // days since 0000-03-01: so a leap day is the last of its year
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted % 146_097;
  const leaps = Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524);
  const yearOfEra = Math.floor((dayOfEra - leaps - Math.floor(dayOfEra / 146_096)) / 365);
  const yearStart = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - yearStart;
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const minute = Math.floor((timeMs % dayMs) / minuteMs);
  const clock = `${twoDigits(Math.floor(minute / 60))}:${twoDigits(minute % 60)}`;
  return `${year}-${twoDigits(month)}-${twoDigits(dayOfMonth)} ${clock} UTC`;
}

type Told = Pick<UnsignedTx, 'kind' | 'body'>;

function sentenceOf({ kind, body }: Told): string {
  return (tellers[kind] as Teller<TxKind>)(body);
}

/** What a shared account would do, in words: the operations of a proposal in order. */
export function describeOperations(operations: readonly MultisigOperation[]): string {
  return operations.map(sentenceOf).join(' ');
}

/**
 * What a transaction does, in one sentence, with its fee. An approval does not say by itself what it approves: whoever
 * has read the proposal gives its operations.
 */
export function describeTx(
  tx: UnsignedTx & { readonly payer?: Hex },
  approved: readonly MultisigOperation[] = [],
): string {
  const payer = tx.payer === undefined ? 'somebody else' : addressOf(tx.payer);
  const does = approved.length === 0 ? '' : ` It does this: ${describeOperations(approved)}`;
  return `${sentenceOf(tx)}${does} Fee: ${ait(tx.fee)}${tx.sponsored ? `, paid by ${payer}` : ''}.`;
}
