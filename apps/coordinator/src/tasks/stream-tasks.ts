/**
 * Server-sent events of tasks: a walk along the numbers of their steps. The number is the id of the event, so a reader
 * that comes back with Last-Event-ID misses nothing and gets nothing twice.
 */
import type { Clock } from '@aitbc/primitives';
import { AppError, limits, type TaskNews } from '@aitbc/protocol';
import { eventText, follow, type StreamTarget } from '../jobs/stream-events.ts';
import type { StepPage, TaskRows } from '../store/coordination/task-rows.ts';
import { listedTaskOf, taskEventOf } from './task-forms.ts';
import type { TaskWatch } from './task-watch.ts';

/** Parts behind the streams. */
export interface TaskStreamDeps {
  readonly tasks: Pick<TaskRows, 'get' | 'steps' | 'seqAt'>;
  readonly watch: TaskWatch;
  readonly clock: Clock;
  /** No other coordinator writes steps. */
  readonly isAlone: boolean;
}

/** Whose news, and from where on. */
export interface TaskStreamQuery {
  readonly account?: string | undefined;
  readonly skill?: string | undefined;
  readonly after?: number | undefined;
}

/** Coordinators that share a database write their steps within that time, so a cursor misses none. */
const settledMs = 2_000;

/** Writes news until the reader goes. Throws BAD_REQUEST, RATE_LIMITED before the first byte. */
export async function streamTasks(
  { tasks, watch, clock, isAlone }: TaskStreamDeps,
  { account, skill, after }: TaskStreamQuery,
  target: StreamTarget,
): Promise<void> {
  if (account === undefined && skill === undefined) {
    throw new AppError('BAD_REQUEST', { reason: 'name an account or a skill to hear of' });
  }
  let last = after ?? tasks.seqAt(clock.nowMs());
  const limit = limits.pageSize;
  const page = (): StepPage => {
    const beforeMs = isAlone ? undefined : clock.nowMs() - settledMs;
    return { account, skill: skill?.toLowerCase(), after: last, beforeMs, limit };
  };
  const subscribe = (poke: () => void) =>
    watch.add(skill === undefined ? account : undefined, poke);
  let isBegun = false;
  await follow(target, { watch, subscribe }, async (write) => {
    // Says where the stream begins: a reader that is cut off before the first step comes back to here.
    if (!isBegun) await write(eventText('ready', {}, last));
    isBegun = true;
    for (let count: number = limit; count === limit && !target.signal.aborted; ) {
      const steps = await tasks.steps(page());
      count = steps.length;
      for (const step of steps) {
        last = step.seq;
        const task = await tasks.get(step.task_id);
        if (!task) continue;
        const news: TaskNews = { ...taskEventOf(step), task: listedTaskOf(task) };
        await write(eventText('task', news, step.seq));
      }
    }
    return false;
  });
}
