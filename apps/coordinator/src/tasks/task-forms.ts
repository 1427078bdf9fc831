/** A task in its three forms: as the chain shows it, as it is stored, as the coordinator shows it. */
import type {
  ChainTask,
  ListedTask,
  TaskDocumentName,
  TaskEvent,
  TaskEventKind,
} from '@aitbc/protocol';
import type { TaskWithSpec } from '../store/coordination/task-rows.ts';
import type { TaskRow, TaskStepRow } from '../store/schema.ts';

/** When a stored task was posted and last changed. */
export type TaskTimes = Pick<TaskRow, 'place' | 'posted_at_ms' | 'changed_at_ms' | 'changed_place'>;

const soonMs = 3_600_000; // parties are told an hour ahead, or in the last quarter of a shorter time
const soonPart = 4;

/** The row of a task as the chain has it. */
export function taskRowOf(task: ChainTask, times: TaskTimes): TaskRow {
  return {
    task_id: task.taskId,
    poster: task.poster,
    worker: task.worker,
    arbiter: task.arbiter,
    reward: task.reward,
    deadline_ms: task.deadlineMs,
    review_ms: task.reviewMs,
    spec_hash: task.specHash,
    state: task.state,
    due_at_ms: task.dueMs,
    result_hash: task.resultHash,
    reason_hash: task.reasonHash,
    worker_share: task.workerShareNait,
    alarm_at_ms: alarmOf(task, times.changed_at_ms),
    ...times,
  };
}

/** When the parties are first told of the date; null for a task that has ended. */
function alarmOf({ state, dueMs }: ChainTask, changedAtMs: number): number | null {
  if (state === 'ended') return null;
  const left = Math.max(0, dueMs - changedAtMs);
  return dueMs - Math.min(soonMs, Math.floor(left / soonPart));
}

/** The task of a row, as the chain shows it. */
export function chainTaskOf(row: TaskRow): ChainTask {
  return {
    taskId: row.task_id,
    poster: row.poster,
    worker: row.worker,
    arbiter: row.arbiter,
    reward: row.reward,
    deadlineMs: row.deadline_ms,
    reviewMs: row.review_ms,
    specHash: row.spec_hash,
    state: row.state as ChainTask['state'],
    dueMs: row.due_at_ms,
    resultHash: row.result_hash,
    reasonHash: row.reason_hash,
    workerShareNait: row.worker_share,
  };
}

/** A task with what its specification says. */
export function listedTaskOf(row: TaskWithSpec): ListedTask {
  const { title, skill, posted_at_ms: postedAtMs, changed_at_ms: changedAtMs } = row;
  return { ...chainTaskOf(row), title, skill, postedAtMs, changedAtMs };
}

/** A stored step as everybody sees it. */
export function taskEventOf({ seq, task_id, kind, at_ms, actor, tx_id }: TaskStepRow): TaskEvent {
  return {
    ...{ seq, taskId: task_id, kind: kind as TaskEventKind, atMs: at_ms, actor, txId: tx_id },
  };
}

/** The hash that stands on chain for a document of a task. */
export function documentHashOf(task: ChainTask, name: TaskDocumentName): string | null {
  return { spec: task.specHash, result: task.resultHash, reason: task.reasonHash }[name];
}
