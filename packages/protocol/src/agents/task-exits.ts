/**
 * The way out of a task: what happens when nobody acts, and who may act before. It says what the ledger does
 * (docs/spec/chain.md, "Tasks") in a form for people and programs; the ledger decides. Dates are chain time.
 */
import type { z } from 'zod';
import type { zTask } from '../endpoints/node/state-shapes.ts';
import { limits } from '../limits.ts';

/** A task as the node shows it. */
export type ChainTask = z.infer<typeof zTask>;

/** State of a task. */
export type TaskState = ChainTask['state'];

/** Who takes part in a task. */
export type TaskRole = 'poster' | 'worker' | 'arbiter' | 'anyone';

/** A step that somebody may take. */
export type TaskMove = 'accept' | 'submit' | 'approve' | 'dispute' | 'resolve' | 'expire';

/** What becomes of the reward when nobody acts. */
export interface TaskExit {
  /** From then on anyone may send `task_expire`. */
  readonly atMs: number;
  /** Who gets the reward then. */
  readonly to: 'poster' | 'worker';
}

/** The dated exit of a task; undefined when it has ended. */
export function taskExit({
  state,
  dueMs,
}: Pick<ChainTask, 'state' | 'dueMs'>): TaskExit | undefined {
  if (state === 'ended') return undefined;
  return { atMs: dueMs, to: state === 'submitted' ? 'worker' : 'poster' };
}

/** Who may do what at a moment of chain time. */
export function taskMoves(
  { state, dueMs, worker, arbiter }: ChainTask,
  nowMs: number,
): { readonly role: TaskRole; readonly move: TaskMove }[] {
  if (state === 'ended') return [];
  if (nowMs >= dueMs) return [{ role: 'anyone', move: 'expire' }];
  if (state === 'open') return [{ role: worker === null ? 'anyone' : 'worker', move: 'accept' }];
  if (state === 'accepted') return [{ role: 'worker', move: 'submit' }];
  if (state === 'disputed') {
    return [
      { role: 'arbiter', move: 'resolve' },
      { role: 'poster', move: 'approve' },
    ];
  }
  const approve = { role: 'poster', move: 'approve' } as const;
  return arbiter === null ? [approve] : [approve, { role: 'poster', move: 'dispute' }];
}

/** A step of a task as a transaction makes it. Times are block times. */
export type TaskStep =
  | { readonly move: 'accept'; readonly from: string }
  | { readonly move: 'submit'; readonly resultHash: string; readonly timeMs: number }
  | { readonly move: 'approve' | 'expire' }
  | { readonly move: 'dispute'; readonly reasonHash: string; readonly timeMs: number }
  | { readonly move: 'resolve'; readonly workerShareNait: string };

/** What becomes of a task by a step that the ledger has taken. Checks nothing: the ledger did. */
export function taskAfter(task: ChainTask, step: TaskStep): ChainTask {
  const { reward } = task;
  switch (step.move) {
    case 'accept':
      return { ...task, state: 'accepted', worker: step.from };
    case 'submit': {
      const dueMs = step.timeMs + task.reviewMs;
      return { ...task, state: 'submitted', dueMs, resultHash: step.resultHash };
    }
    case 'dispute': {
      const dueMs = step.timeMs + limits.taskDisputeMs;
      return { ...task, state: 'disputed', dueMs, reasonHash: step.reasonHash };
    }
    case 'approve':
      return ended(task, reward);
    case 'resolve':
      return ended(task, step.workerShareNait);
    case 'expire':
      return ended(task, task.state === 'submitted' ? reward : '0');
  }
}

function ended(task: ChainTask, workerShareNait: string): ChainTask {
  return { ...task, state: 'ended', dueMs: 0, workerShareNait };
}
