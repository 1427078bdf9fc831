/**
 * Tells parties of dates: `due_soon` when a date is near, `overdue` when it has passed and anyone may end the task.
 * The dates are chain time and the watch here is the coordinator's, so the word may come some seconds early or late; the
 * chain alone says when a step is too late. Before `overdue` is said, the chain is asked whether the task still waits.
 */
import type { Clock } from '@aitbc/primitives';
import type { AgentChain } from '../chain/agent-chain.ts';
import type { TaskRows } from '../store/coordination/task-rows.ts';
import type { TaskRow } from '../store/schema.ts';
import { taskRowOf } from './task-forms.ts';
import type { TaskWatch } from './task-watch.ts';

/** Parts of it. */
export interface AlarmDeps {
  readonly tasks: Pick<TaskRows, 'alarms' | 'ring' | 'put'>;
  readonly chain: AgentChain;
  readonly watch: Pick<TaskWatch, 'changed'>;
  readonly clock: Clock;
}

const alarmsAtOnce = 64;

/** Rings what is due now. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export async function ringAlarms(deps: AlarmDeps): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const due = await deps.tasks.alarms(nowMs, alarmsAtOnce);
  for (const task of due) await ringOne(deps, task, nowMs);
  if (due.length > 0) deps.watch.changed(due);
}

async function ringOne({ tasks, chain }: AlarmDeps, task: TaskRow, nowMs: number): Promise<void> {
  const { task_id, due_at_ms: dueMs } = task;
  const isOver = nowMs >= dueMs;
  const known = isOver ? await chain.task(task_id) : undefined;
  if (known && known.state !== task.state && known.dueMs !== dueMs) {
    const changed_place = task.changed_place + 1;
    const times = { place: task.place, posted_at_ms: task.posted_at_ms };
    const changed = { ...times, changed_at_ms: nowMs, changed_place };
    return await tasks.put([{ task: taskRowOf(known, changed) }]);
  }
  const kind = isOver ? 'overdue' : 'due_soon';
  const step = { task_id, step: `${kind} ${dueMs}`, kind, at_ms: nowMs };
  await tasks.ring(task, isOver ? null : dueMs, { ...step, actor: null, tx_id: null });
}
