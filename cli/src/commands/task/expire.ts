/** `aitbc task expire`: the way out. */
import { defineCommand } from '../../command/define-command.ts';
import {
  ownTasks,
  stepOptions,
  taskArgument,
  taskIdFrom,
  tellStep,
} from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'End a task whose date has passed; anyone may, and it pays whom the date favours',
  details:
    'An open or accepted task goes back to its poster, a submitted one to its worker, a disputed one to its poster.',
  arguments: [taskArgument],
  options: {
    ...stepOptions,
  },
  examples: [
    {
      line: 'aitbc task expire 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'nobody acted in time',
    },
  ],
  async run(context, { args, options }) {
    const taskId = taskIdFrom(args.task);
    const { tasks } = await ownTasks(context, options);
    const done = await tasks.expire(taskId, { signal: context.signal });
    await tellStep(context, tasks, done);
  },
});
