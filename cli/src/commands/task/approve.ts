/** `aitbc task approve`: pays the worker. */
import { defineCommand } from '../../command/define-command.ts';
import {
  ownTasks,
  stepOptions,
  taskArgument,
  taskIdFrom,
  tellStep,
} from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'Approve a result: the worker gets the reward',
  details: 'Also possible in a dispute, as long as the arbiter has not decided.',
  arguments: [taskArgument],
  options: {
    ...stepOptions,
  },
  examples: [
    {
      line: 'aitbc task approve 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'the reward goes to the worker at once',
    },
  ],
  async run(context, { args, options }) {
    const taskId = taskIdFrom(args.task);
    const { tasks } = await ownTasks(context, options);
    const done = await tasks.approve(taskId, { signal: context.signal });
    await tellStep(context, tasks, done);
  },
});
