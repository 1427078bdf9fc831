/** News of tasks from the coordinator's stream. */
import { AppError, type TaskNews, zTaskNews } from '@aitbc/protocol';
import { baseOf, jsonOf } from '../http/client.ts';
import type { Transport } from '../http/transport.ts';
import { followEvents } from './follow-events.ts';
import type { TaskWatchQuery } from './types.ts';

/** Where news come from. */
export interface WatchTasksDeps {
  readonly coordinatorUrl: string;
  readonly transport: Transport;
}

/** News until the signal aborts (CANCELLED). Throws what the coordinator refuses, and ANSWER_INVALID. */
export async function* watchTasks(
  { coordinatorUrl, transport }: WatchTasksDeps,
  { account, skill, after }: TaskWatchQuery,
  signal: AbortSignal,
): AsyncGenerator<TaskNews> {
  const query = new URLSearchParams();
  if (account !== undefined) query.set('account', account);
  if (skill !== undefined) query.set('skill', skill);
  const url = `${baseOf(coordinatorUrl)}/v1/tasks/events?${query}`;
  const lastId = after === undefined ? undefined : String(after);
  for await (const { event, data } of followEvents({ transport, url, lastId, signal })) {
    if (event !== 'task') continue;
    const news = zTaskNews.safeParse(jsonOf(data));
    if (!news.success) {
      const reason = news.error.issues[0]?.message ?? 'unknown';
      throw new AppError('ANSWER_INVALID', { what: coordinatorUrl, reason });
    }
    yield news.data;
  }
}
