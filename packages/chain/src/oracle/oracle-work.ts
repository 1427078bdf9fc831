/** The oracle on agents, providers, mandates and tasks. See docs/spec/chain.md, "Kinds". */
import { amountMax } from '@aitbc/primitives';
import {
  channelConfigOf,
  channelIdOf,
  type Hex,
  mandateIdOf,
  type TxBody,
  taskIdOf,
  zeroHash,
} from '@aitbc/protocol';
import type { TaskState, TaskStateName } from '../work-entries.ts';
import { rememberKey } from './oracle-jury.ts';
import { fund } from './oracle-money.ts';
import { endOf, give, known, need, Refused, type Stage, takeVault } from './oracle-state.ts';

/** `provider_register`. */
export function registerProvider(stage: Stage, body: TxBody<'provider_register'>): void {
  const { tables, from, params } = stage;
  need(tables.agent.has(from), 'AGENT_UNKNOWN');
  const before = tables.provider.get(from);
  need(before === undefined || before.unbondDueMs === 0, 'PROVIDER_UNBONDING');
  const bond = (before?.bond ?? 0n) + body.bond;
  need(bond <= amountMax, 'TX_AMOUNT_OVERFLOW');
  need(bond >= BigInt(params.providerBondMin), 'PROVIDER_BOND_LOW');
  const { authorizer, endpoint } = body;
  rememberKey(stage, authorizer);
  tables.provider.set(from, { authorizer, endpoint, bond, unbondDueMs: 0 });
}

/** `provider_unbond`. */
export function unbondProvider({ tables, from, timeMs, params }: Stage): void {
  const before = known(tables.provider.get(from), 'PROVIDER_UNKNOWN');
  need(before.unbondDueMs === 0, 'PROVIDER_UNBONDING');
  need(before.bond > 0n, 'PROVIDER_UNKNOWN');
  tables.provider.set(from, { ...before, unbondDueMs: timeMs + params.unbondingMs });
}

/** `bond_withdraw`. */
export function withdrawBond(stage: Stage, { provider }: TxBody<'bond_withdraw'>): void {
  const before = known(stage.tables.provider.get(provider), 'PROVIDER_UNKNOWN');
  const twoPhasesMs = 2 * (stage.params.auditVoteMs ?? 600_000);
  const endMs = endOf(stage, before.unbondDueMs, twoPhasesMs);
  const isDue = before.unbondDueMs > 0 && stage.timeMs >= endMs;
  need(isDue, 'PROVIDER_BOND_LOCKED');
  stage.tables.provider.set(provider, { ...before, bond: 0n, unbondDueMs: 0 });
  give(stage.tables, provider, { balance: before.bond });
}

/** `mandate_grant`. */
export function grant({ tables, network, from }: Stage, body: TxBody<'mandate_grant'>): void {
  const id = mandateIdOf(network, from, body.subKey);
  const before = tables.mandate.get(id);
  tables.mandate.set(id, {
    ...body,
    owner: from,
    revoked: false,
    spentNait: before?.spentNait ?? 0n,
    windowStartMs: before?.windowStartMs ?? 0,
    windowSpentNait: before?.windowSpentNait ?? 0n,
  });
}

/** `mandate_revoke`. */
export function revoke({ tables, network, from }: Stage, body: TxBody<'mandate_revoke'>): void {
  const id = mandateIdOf(network, from, body.subKey);
  const before = known(tables.mandate.get(id), 'MANDATE_UNKNOWN');
  need(!before.revoked, 'MANDATE_REVOKED');
  tables.mandate.set(id, { ...before, revoked: true });
}

function spendMandate(
  { tables, network, from, height, timeMs }: Stage,
  use: { owner: Hex; bit: number; receiver: Hex; amount: bigint },
): void {
  const id = mandateIdOf(network, use.owner, from);
  const mandate = known(tables.mandate.get(id), 'MANDATE_UNKNOWN');
  need(!mandate.revoked, 'MANDATE_REVOKED');
  need(height <= mandate.expiresAtHeight, 'MANDATE_EXPIRED');
  need((mandate.allows & use.bit) > 0, 'MANDATE_FORBIDDEN');
  const names = mandate.receivers.map(({ receiver }) => receiver);
  need(names.length === 0 || names.includes(use.receiver), 'MANDATE_FORBIDDEN');
  const isNewWindow = timeMs >= mandate.windowStartMs + mandate.windowMs;
  const inWindow = (isNewWindow ? 0n : mandate.windowSpentNait) + use.amount;
  const inAll = mandate.spentNait + use.amount;
  need(use.amount <= mandate.channelMaxNait, 'MANDATE_EXCEEDED');
  need(inWindow <= mandate.windowMaxNait, 'MANDATE_EXCEEDED');
  need(inAll <= mandate.totalMaxNait, 'MANDATE_EXCEEDED');
  tables.mandate.set(id, {
    ...mandate,
    spentNait: inAll,
    windowSpentNait: inWindow,
    windowStartMs: isNewWindow ? timeMs : mandate.windowStartMs,
  });
}

/** `mandate_fund`. */
export function fundByMandate(stage: Stage, body: TxBody<'mandate_fund'>): void {
  const { owner, ...allocation } = body;
  const { receiver, amount } = allocation;
  spendMandate(stage, { owner, bit: 1, receiver, amount });
  const channelId = channelIdOf(stage.network, channelConfigOf(owner, allocation));
  const pending = stage.tables.channel.get(channelId)?.withdrawAmount ?? 0n;
  need(pending === 0n, 'CHANNEL_WITHDRAW_PENDING');
  fund(stage, owner, allocation);
}

/** `mandate_transfer`. */
export function payByMandate(stage: Stage, body: TxBody<'mandate_transfer'>): void {
  const { owner, to, amount } = body;
  spendMandate(stage, { owner, bit: 2, receiver: to, amount });
  takeVault(stage.tables, owner, amount);
  give(stage.tables, to, { balance: amount });
}

/** Form of `task_post`. */
export function taskForm(from: Hex, body: TxBody<'task_post'>): void {
  const { worker, arbiter, reviewMs } = body;
  const isSound =
    reviewMs >= 1_000 &&
    reviewMs <= 2_592_000_000 &&
    worker !== from &&
    arbiter !== from &&
    (arbiter === zeroHash || arbiter !== worker);
  need(isSound, 'TASK_TERMS_INVALID');
  need(body.reward > 0n, 'TX_AMOUNT_ZERO');
}

/** `task_post`. */
export function postTask(stage: Stage, body: TxBody<'task_post'>): void {
  const { tables, network, from, timeMs } = stage;
  const id = taskIdOf(network, from, body);
  need(!tables.task.has(id), 'TASK_EXISTS');
  const spanMs = body.deadlineMs - timeMs;
  need(spanMs > 0 && spanMs <= 90 * 86_400_000, 'TASK_TERMS_INVALID');
  tables.task.set(id, {
    ...body,
    poster: from,
    state: 'open',
    dueMs: body.deadlineMs,
    resultHash: zeroHash,
    reasonHash: zeroHash,
    workerShareNait: 0n,
  });
}

type TaskMove =
  | 'task_accept'
  | 'task_submit'
  | 'task_approve'
  | 'task_dispute'
  | 'task_resolve'
  | 'task_expire';

/** Who may do what in which state. */
const moves: Readonly<Record<Exclude<TaskMove, 'task_expire'>, readonly TaskStateName[]>> = {
  task_accept: ['open'],
  task_submit: ['accepted'],
  task_approve: ['submitted', 'disputed'],
  task_dispute: ['submitted'],
  task_resolve: ['disputed'],
};

function mayMove(task: TaskState, kind: keyof typeof moves, from: Hex): boolean {
  if (kind === 'task_approve' || kind === 'task_dispute') return from === task.poster;
  if (kind === 'task_resolve') return from === task.arbiter;
  if (kind === 'task_submit' || task.worker !== zeroHash) return from === task.worker;
  return from !== task.poster && from !== task.arbiter;
}

/** Every move of a task that was posted. */
export function moveTask<K extends TaskMove>(stage: Stage, kind: K, body: TxBody<K>): void {
  const { tables, from, timeMs } = stage;
  const { taskId, ...rest } = body as { taskId: Hex } & Record<string, unknown>;
  const task = known(tables.task.get(taskId), 'TASK_UNKNOWN');
  if (kind === 'task_expire') {
    need(task.state !== 'ended', 'TASK_STATE_WRONG');
    need(timeMs >= endOf(stage, task.dueMs), 'TASK_EARLY');
    endTask(stage, taskId, task.state === 'submitted' ? task.reward : 0n);
    return;
  }
  const move = kind as keyof typeof moves;
  need(moves[move].includes(task.state), 'TASK_STATE_WRONG');
  need(mayMove(task, move, from), 'TASK_NOT_PARTY');
  need(timeMs < endOf(stage, task.dueMs), 'TASK_LATE');
  if (move === 'task_accept') tables.task.set(taskId, { ...task, state: 'accepted', worker: from });
  if (move === 'task_submit') {
    const resultHash = rest.resultHash as Hex;
    const dueMs = timeMs + task.reviewMs;
    tables.task.set(taskId, { ...task, state: 'submitted', resultHash, dueMs });
  }
  if (move === 'task_approve') endTask(stage, taskId, task.reward);
  if (move === 'task_dispute') dispute(stage, taskId, rest.reasonHash as Hex);
  if (move === 'task_resolve') {
    const share = rest.workerShareNait as bigint;
    need(share <= task.reward, 'TASK_TERMS_INVALID');
    endTask(stage, taskId, share);
  }
}

function dispute({ tables, timeMs }: Stage, taskId: Hex, reasonHash: Hex): void {
  const task = tables.task.get(taskId) as TaskState;
  if (task.arbiter === zeroHash) throw new Refused('TASK_TERMS_INVALID');
  const dueMs = timeMs + 7 * 86_400_000;
  tables.task.set(taskId, { ...task, state: 'disputed', reasonHash, dueMs });
}

function endTask({ tables }: Stage, taskId: Hex, share: bigint): void {
  const task = tables.task.get(taskId) as TaskState;
  tables.task.set(taskId, { ...task, state: 'ended', dueMs: 0, workerShareNait: share });
  if (share > 0n) give(tables, task.worker, { balance: share });
  if (share < task.reward) give(tables, task.poster, { balance: task.reward - share });
}
