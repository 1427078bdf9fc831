/** `aitbc task watch`: what happens to tasks, as it happens. */
import { asAppError, type TaskNews } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { wholeNumber } from '../../command/parse-values.ts';
import { exitText, stepRow } from '../../task/task-text.ts';
import { readTasks } from '../../task/task-tools.ts';
import { accountOption, addressFor } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Steps of your tasks, or of tasks for a skill, as they happen',
  details:
    'Tells what is posted for you, accepted, submitted, disputed, and when a date is near or has passed. Ctrl-C ends it. With --after it goes on behind a number that it printed before.',
  options: {
    account: accountOption,
    skill: { flags: '-s, --skill <skill>', help: 'tasks that ask for this skill, whoever posts' },
    after: { flags: '--after <n>', help: 'begin behind this event', parse: wholeNumber },
    count: { flags: '--count <n>', help: 'end after so many events', parse: wholeNumber },
  },
  examples: [
    { line: 'aitbc task watch', note: 'what concerns your account' },
    { line: 'aitbc task watch --skill translate --json', note: 'work to be had, a line each' },
  ],
  async run(context, { options }) {
    const { out, signal } = context;
    const { skill, after, count = Number.POSITIVE_INFINITY } = options;
    const account = skill === undefined ? await addressFor(context, options.account) : undefined;
    const tasks = await readTasks(context);
    let told = 0;
    try {
      for await (const news of tasks.watch({ account, skill, after }, signal)) {
        out.event(news, () => newsText(news));
        told += 1;
        if (told >= count) return;
      }
    } catch (error) {
      if (!signal.aborted || asAppError(error).code !== 'CANCELLED') throw error;
    }
  },
});

/** Documents change no date. */
const papers: readonly string[] = ['described', 'delivered', 'reasoned'];

function newsText(news: TaskNews): string {
  const { task, atMs, seq } = news;
  const [time = '', step = '', actor = ''] = stepRow(news);
  const title = task.title ?? task.taskId;
  const by = actor === '' ? '' : ` (${actor})`;
  const line = `${time}  ${title}: ${step}${by} (event ${seq})`;
  return papers.includes(news.kind) ? line : `${line}\n  ${exitText(task, atMs)}`;
}
