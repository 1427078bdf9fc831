/**
 * Work for another agent: the reward waits on chain while it is done, and comes back when nobody delivers.
 *
 * Under a mandate the reward comes from the owner's vault: what the agent's own account lacks is moved there first, within
 * what the mandate allows. From then on it is the agent's, and counts as spent when the task is posted.
 */
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  asAppError,
  type ChainTask,
  type Hex,
  unwrap,
} from '@aitbc/protocol';
import type { NodeClient } from '../chain/node-client.ts';
import { pause } from '../chain/pause.ts';
import { assertFinal, feeOf, type TxSender } from '../chain/tx-sender.ts';
import type { Tasks } from '../tasks/types.ts';
import type { Budget } from './budget.ts';
import type { AgentCallOptions, HireResult, HireWish } from './types.ts';

/** What hiring needs. */
export interface HireDeps {
  readonly node: Pick<NodeClient, 'rpc' | 'network'>;
  readonly sender: TxSender;
  readonly tasks: Tasks;
  readonly budget: Budget;
  readonly clock: Clock;
  /** Address of who gave a mandate. */
  readonly owner: string | undefined;
}

/** What the account keeps for itself, nait: fees of other steps, and the right to write letters. */
const keptNait = 10_000_000n;
const withinMsDefault = 3_600_000;
const reviewMsDefault = 600_000;
const waitMs = 20_000;
const expireTries = 40;
const expireEveryMs = 500;
/** Steps that the agent sends for a task: post, approve or dispute, expire. */
const stepsOfTask = ['task_post', 'task_approve', 'task_expire'] as const;

/** Posts a task, waits for its result, judges it. Throws what chain and coordinator refuse, and BUDGET_EXCEEDED. */
export async function hire(
  deps: HireDeps,
  wish: HireWish,
  { signal }: AgentCallOptions = {},
): Promise<HireResult> {
  const { tasks, clock } = deps;
  const { spec, rewardNait, worker, arbiter, judge = () => true as const } = wish;
  const { withinMs = withinMsDefault, reviewMs = reviewMsDefault } = wish;
  await fillAccount(deps, rewardNait, signal);
  const deadlineMs = clock.nowMs() + withinMs;
  const terms = { spec, rewardNait, deadlineMs, reviewMs, worker, arbiter };
  const { taskId, document, isDocumentStored } = await tasks.post(terms, { signal });
  if (isDocumentStored === false && document !== undefined) {
    await tasks.giveDocument({ taskId, name: 'spec', document }, { signal });
  }
  const isReached = ({ state, dueMs }: ChainTask) =>
    state === 'submitted' || state === 'ended' || clock.nowMs() > dueMs;
  const task = await tasks.waitFor(taskId, isReached, { signal });
  if (task.state !== 'submitted') return takeBack(deps, taskId, signal);
  const text = await resultOf(tasks, taskId, signal);
  const verdict = text === undefined ? 'no readable result was delivered' : await judge(text);
  const parties = { taskId, worker: task.worker, text };
  if (verdict === true || task.arbiter === null) {
    await tasks.approve(taskId, { signal });
    return { ...parties, outcome: 'approved', paidNait: rewardNait };
  }
  await tasks.dispute(taskId, verdict, { signal });
  return { ...parties, outcome: 'disputed', paidNait: 0n };
}

/** Moves what the account lacks for a reward and its fees out of the owner's vault. */
async function fillAccount(
  { node, sender, owner, budget }: HireDeps,
  rewardNait: bigint,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { address, accountId } = sender.signer;
  const { params } = await node.network();
  const fees = stepsOfTask.reduce((sum, kind) => sum + feeOf(params, kind, {}), 0n);
  const needed = rewardNait + fees;
  const { totalNait, spentNait, heldNait } = budget;
  const available = totalNait - spentNait - heldNait;
  if (needed > available) {
    const left = available > 0n ? available : 0n;
    throw new AppError('BUDGET_EXCEEDED', { needed, scope: 'this agent', available: left });
  }
  if (owner === undefined) return;
  const { balance } = await node.rpc.state_getAccount({ address }, { signal });
  const moveFee = feeOf(params, 'mandate_transfer', {});
  if (BigInt(balance) >= needed + keptNait) return;
  const amount = needed + moveFee + keptNait - BigInt(balance);
  const body = { owner: unwrap(accountIdOf(owner)), to: accountId, amount };
  assertFinal(await sender.send('mandate_transfer', body, { signal, waitMs }), waitMs);
}

/** The result, once its worker has handed it in; undefined when it does not come or does not open. */
async function resultOf(
  tasks: Tasks,
  taskId: Hex,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (let tries = 0; tries < expireTries; tries += 1) {
    try {
      return (await tasks.result(taskId, { signal })).text;
    } catch (error) {
      if (signal?.aborted) throw error;
      await pause(expireEveryMs, signal);
    }
  }
  return undefined;
}

/** The end of a task that nobody delivered: what did not go to the worker is back. */
async function takeBack(
  { tasks, budget }: HireDeps,
  taskId: Hex,
  signal: AbortSignal | undefined,
): Promise<HireResult> {
  for (let tries = 0; (await tasks.onChain(taskId, { signal })).state !== 'ended'; tries += 1) {
    try {
      await tasks.expire(taskId, { signal });
    } catch (error) {
      // the chain's clock may be a little behind, and anyone may have been faster
      const isEarly = ['TASK_EARLY', 'TASK_STATE_WRONG'].includes(asAppError(error).code);
      if (!isEarly || tries >= expireTries) throw error;
      await pause(expireEveryMs, signal);
    }
  }
  const { worker, reward, workerShareNait } = await tasks.onChain(taskId, { signal });
  const paidNait = BigInt(workerShareNait);
  await budget.refund(BigInt(reward) - paidNait);
  return { taskId, outcome: 'expired', worker, text: undefined, paidNait };
}
