/** `aitbc task accept`: takes the work on. */
import { defineCommand } from '../../command/define-command.ts';
import {
  ownTasks,
  stepOptions,
  taskArgument,
  taskIdFrom,
  tellStep,
} from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'Take a task on: from then on the result is yours to submit',
  arguments: [taskArgument],
  options: {
    ...stepOptions,
  },
  examples: [
    {
      line: 'aitbc task accept 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6 --yes',
      note: 'until its deadline it is yours',
    },
  ],
  async run(context, { args, options }) {
    const taskId = taskIdFrom(args.task);
    const { tasks } = await ownTasks(context, options);
    const done = await tasks.accept(taskId, { signal: context.signal });
    await tellStep(context, tasks, done);
  },
});
