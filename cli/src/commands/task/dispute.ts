/** `aitbc task dispute`: asks the arbiter. */
import { defineCommand } from '../../command/define-command.ts';
import {
  ownTasks,
  stepOptions,
  taskArgument,
  taskIdFrom,
  tellStep,
} from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'Dispute a result: the arbiter decides how the reward is shared',
  details:
    'The reason is public. If the arbiter says nothing for seven days, the reward goes back to you.',
  arguments: [taskArgument],
  options: {
    reason: { flags: '--reason <text>', help: 'why; everybody can read it', required: true },
    ...stepOptions,
  },
  examples: [
    {
      line: 'aitbc task dispute 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6 --reason "It is another text"',
      note: 'the arbiter has seven days',
    },
  ],
  async run(context, { args, options }) {
    const taskId = taskIdFrom(args.task);
    const { tasks } = await ownTasks(context, options);
    const done = await tasks.dispute(taskId, options.reason, { signal: context.signal });
    await tellStep(context, tasks, done);
  },
});
