/**
 * Keeps the tasks as the chain has them, step by step, so that nobody has to ask a node for each.
 *
 * What a step does is told by the transaction (`taskAfter`), because blocks hold only what the ledger has applied.
 * The chain itself is asked where the transactions do not tell: for a task that was not seen before, for a step that
 * does not fit the stored state, and for the tasks in proposals of a shared account, whenever its members propose or
 * approve something: what it does then stands in the proposal, not in the approval. Asking gives the newest state, which may
 * be ahead of the block; steps that come later find it done.
 */
import {
  accountIdOf,
  addressOf,
  type ChainTask,
  type Hex,
  type Network,
  type TaskEventKind,
  type TaskStep,
  taskAfter,
  taskIdOf,
  txBodyFromJson,
  unwrap,
  zeroHash,
} from '@aitbc/protocol';
import type { AgentChain } from '../chain/agent-chain.ts';
import type { BlockConsumer } from '../chain/follow-blocks.ts';
import { type FinalOperation, operationsOf } from '../chain/operations.ts';
import type { TaskChange, TaskRows } from '../store/coordination/task-rows.ts';
import type { TaskRow } from '../store/schema.ts';
import { chainTaskOf, taskRowOf } from './task-forms.ts';

/** Parts of it. */
export interface FollowTasksDeps {
  readonly tasks: Pick<TaskRows, 'get' | 'put' | 'propose' | 'proposedBy'>;
  readonly chain: AgentChain;
  network(): Network;
  /** Called with the tasks that have changed, when that is stored. */
  onChange(tasks: readonly TaskRow[]): void;
}

/** What a kind of transactions does to a task, and in which states. */
interface Move {
  readonly event: TaskEventKind;
  readonly states: readonly ChainTask['state'][];
  stepOf(operation: FinalOperation): TaskStep;
}

const proposedMax = 64; // tasks of a shared account that are looked at on an approval
const zeroAddress = addressOf(zeroHash);

const moves: Readonly<Record<string, Move>> = {
  task_accept: {
    event: 'accepted',
    states: ['open'],
    stepOf: ({ from }) => ({ move: 'accept', from }),
  },
  task_submit: {
    event: 'submitted',
    states: ['accepted'],
    stepOf: ({ body, timeMs }) => {
      return { move: 'submit', resultHash: String(body.resultHash), timeMs };
    },
  },
  task_approve: {
    event: 'approved',
    states: ['submitted', 'disputed'],
    stepOf: () => ({ move: 'approve' }),
  },
  task_dispute: {
    event: 'disputed',
    states: ['submitted'],
    stepOf: ({ body, timeMs }) => {
      return { move: 'dispute', reasonHash: String(body.reasonHash), timeMs };
    },
  },
  task_resolve: {
    event: 'resolved',
    states: ['disputed'],
    stepOf: ({ body }) => ({ move: 'resolve', workerShareNait: String(body.workerShareNait) }),
  },
  task_expire: {
    event: 'expired',
    states: ['open', 'accepted', 'submitted', 'disputed'],
    stepOf: () => ({ move: 'expire' }),
  },
};

/** A reader of final blocks that stores tasks. */
export function followTasks(deps: FollowTasksDeps): BlockConsumer {
  return {
    name: 'tasks',
    async onBlock(block) {
      const changes: TaskChange[] = [];
      const seen = new Map<Hex, TaskRow>();
      for (const operation of operationsOf(block)) {
        for (const change of await changesOf(deps, operation, seen)) {
          seen.set(change.task.task_id, change.task);
          changes.push(change);
        }
      }
      if (changes.length === 0) return;
      await deps.tasks.put(changes);
      deps.onChange([...seen.values()]);
    },
  };
}

async function changesOf(
  deps: FollowTasksDeps,
  operation: FinalOperation,
  seen: ReadonlyMap<Hex, TaskRow>,
): Promise<readonly TaskChange[]> {
  const { kind } = operation;
  if (kind === 'task_post') return [postedTask(deps.network(), operation)];
  if (kind === 'multisig_propose') await rememberProposal(deps, operation);
  // A proposal that needs no second member happens at once.
  if (kind === 'multisig_propose' || kind === 'multisig_approve') {
    return await sharedChanges(deps, operation, seen);
  }
  const move = moves[kind];
  const change = move && (await movedTask(deps, { operation, move, seen }));
  return change ? [change] : [];
}

function postedTask(network: Network, operation: FinalOperation): TaskChange {
  const { from, body: json, place, timeMs } = operation;
  const terms = unwrap(txBodyFromJson('task_post', json));
  const taskId = postedId(network, from, json);
  const { worker, arbiter, reward } = json as Record<'worker' | 'arbiter' | 'reward', string>;
  const task: ChainTask = {
    ...{ taskId, poster: from, worker: partyOf(worker), arbiter: partyOf(arbiter), reward },
    ...{ deadlineMs: terms.deadlineMs, reviewMs: terms.reviewMs, specHash: terms.specHash },
    ...{ state: 'open', dueMs: terms.deadlineMs, resultHash: null, reasonHash: null },
    workerShareNait: '0',
  };
  const times = { place, posted_at_ms: timeMs, changed_at_ms: timeMs, changed_place: place };
  return changeOf(taskRowOf(task, times), operation, 'posted');
}

function postedId(network: Network, poster: string, json: FinalOperation['body']): Hex {
  const terms = unwrap(txBodyFromJson('task_post', json));
  return taskIdOf(network, unwrap(accountIdOf(poster)), terms);
}

function partyOf(address: string): string | null {
  return address === zeroAddress ? null : address;
}

async function movedTask(
  deps: FollowTasksDeps,
  {
    operation,
    move,
    seen,
  }: { operation: FinalOperation; move: Move; seen: ReadonlyMap<Hex, TaskRow> },
): Promise<TaskChange | undefined> {
  const taskId = String(operation.body.taskId);
  const known = seen.get(taskId) ?? (await deps.tasks.get(taskId));
  if (known && known.changed_place >= operation.place) return undefined;
  const before = known && chainTaskOf(known);
  const fits = before !== undefined && move.states.includes(before.state);
  const task = fits ? taskAfter(before, move.stepOf(operation)) : await deps.chain.task(taskId);
  if (!task) return undefined;
  return changeOf(rowAfter(known, task, operation), operation, move.event);
}

/** Keeps which tasks a proposal of a shared account is about. */
async function rememberProposal(
  { tasks, network }: FollowTasksDeps,
  { body }: FinalOperation,
): Promise<void> {
  const { multisig, expiresAtMs, operations } = body as {
    multisig: string;
    expiresAtMs: number;
    operations: readonly Pick<FinalOperation, 'kind' | 'body'>[];
  };
  const taskIds = operations.flatMap(({ kind, body: part }) => {
    if (kind === 'task_post') return [postedId(network(), multisig, part)];
    return Object.hasOwn(moves, kind) ? [String(part.taskId)] : [];
  });
  if (taskIds.length > 0) await tasks.propose(multisig, taskIds, expiresAtMs);
}

/** Tasks in proposals of a shared account that are not what they were. */
async function sharedChanges(
  { tasks, chain }: FollowTasksDeps,
  operation: FinalOperation,
  seen: ReadonlyMap<Hex, TaskRow>,
): Promise<readonly TaskChange[]> {
  const changes: TaskChange[] = [];
  for (const taskId of await tasks.proposedBy(String(operation.body.multisig), proposedMax)) {
    const known = seen.get(taskId) ?? (await tasks.get(taskId));
    if (known && known.changed_place >= operation.place) continue;
    const task = await chain.task(taskId);
    if (!task || task.state === known?.state) continue;
    const event = known ? eventOf(task) : 'posted';
    changes.push(changeOf(rowAfter(known, task, operation), operation, event));
  }
  return changes;
}

function eventOf({ state, workerShareNait, reward }: ChainTask): TaskEventKind {
  if (state === 'ended') return workerShareNait === reward ? 'approved' : 'resolved';
  return state === 'open' ? 'posted' : state;
}

function rowAfter(
  known: TaskRow | undefined,
  task: ChainTask,
  { place, timeMs }: FinalOperation,
): TaskRow {
  return taskRowOf(task, {
    place: known?.place ?? place,
    posted_at_ms: known?.posted_at_ms ?? timeMs,
    changed_at_ms: timeMs,
    changed_place: place,
  });
}

function changeOf(
  task: TaskRow,
  { place, timeMs, from, txId }: FinalOperation,
  kind: TaskEventKind,
): TaskChange {
  const step = { task_id: task.task_id, step: `block ${place}`, kind, at_ms: timeMs };
  return { task, step: { ...step, actor: from, tx_id: txId } };
}
