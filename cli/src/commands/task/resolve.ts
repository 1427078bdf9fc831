/** `aitbc task resolve`: the word of the arbiter. */
import { amountFromInput } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import {
  ownTasks,
  stepOptions,
  taskArgument,
  taskIdFrom,
  tellStep,
} from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'Decide a dispute as its arbiter: the share of the worker, the rest to the poster',
  arguments: [taskArgument],
  options: {
    workerShare: {
      flags: '--worker-share <ait>',
      help: 'what the worker gets',
      required: true,
    },
    nait: { flags: '--nait', help: 'the share is in nait' },
    ...stepOptions,
  },
  examples: [
    {
      line: 'aitbc task resolve 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6 --worker-share 0.5',
      note: 'half an AIT to the worker, the rest to the poster',
    },
  ],
  async run(context, { args, options }) {
    const taskId = taskIdFrom(args.task);
    const shareNait = amountFromInput(options.workerShare, options.nait);
    const { tasks } = await ownTasks(context, options);
    const done = await tasks.resolve(taskId, shareNait, { signal: context.signal });
    await tellStep(context, tasks, done);
  },
});
