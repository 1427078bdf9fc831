/** `aitbc task submit`: hands the result in. */

import { defineCommand } from '../../command/define-command.ts';
import { readTextFile } from '../../context/read-text-file.ts';
import {
  ownTasks,
  stepOptions,
  taskArgument,
  taskIdFrom,
  tellStep,
} from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'Submit the result of a task; the review of its poster begins',
  details:
    'The hash of the result goes on chain, the text to the coordinator: sealed when the specification names keys, else public. If the poster says nothing until the end of the review, the reward is yours.',
  arguments: [taskArgument],
  options: {
    file: { flags: '-f, --file <file>', help: 'the result, as text', required: true },
    ...stepOptions,
  },
  examples: [
    {
      line: 'aitbc task submit 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6 --file result.md',
      note: 'the poster has the time of the review to look at it',
    },
  ],
  async run(context, { args, options }) {
    const taskId = taskIdFrom(args.task);
    const text = readTextFile(options.file);
    const { tasks } = await ownTasks(context, options);
    const done = await tasks.submit(taskId, text, { signal: context.signal });
    await tellStep(context, tasks, done);
  },
});
