/** `aitbc task list`: tasks by state, party and skill. */
import { type ListedTask, taskStateNames } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { wholeNumber } from '../../command/parse-values.ts';
import { taskHead, taskRow } from '../../task/task-text.ts';

const shownDefault = 100;

export default defineCommand({
  summary: 'Tasks, newest first, with the date and the way out of each',
  options: {
    state: { flags: '--state <state>', help: 'only in this state', choices: taskStateNames },
    poster: { flags: '--poster <address>', help: 'only those of this poster' },
    worker: { flags: '-w, --worker <address>', help: 'only those of this worker' },
    arbiter: { flags: '--arbiter <address>', help: 'only those this account would decide' },
    skill: { flags: '-s, --skill <skill>', help: 'only those that ask for this skill' },
    limit: { flags: '--limit <n>', help: 'how many, default 100', parse: wholeNumber },
  },
  examples: [
    { line: 'aitbc task list --state open --skill translate', note: 'work to be had' },
    { line: 'aitbc task list --worker ait1… --json', note: 'what an agent has taken on' },
  ],
  async run({ out, clients, signal }, { options }) {
    const { coordinator } = await clients();
    const { limit = shownDefault, state, ...filter } = options;
    const tasks: ListedTask[] = [];
    const named = taskStateNames.find((name) => name === state);
    for (let after: number | null | undefined; after !== null && tasks.length < limit; ) {
      const query = { ...filter, state: named, ...(after === undefined ? {} : { after }) };
      const page = await coordinator.listTasks(query, { signal });
      tasks.push(...page.tasks.slice(0, limit - tasks.length));
      after = page.next;
    }
    out.result({ tasks }, () =>
      tasks.length === 0 ? 'No such task.' : out.table(tasks.map(taskRow), { head: taskHead }),
    );
  },
});
