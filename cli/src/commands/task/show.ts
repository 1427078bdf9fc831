/** `aitbc task show`: one task, its steps, and who may do what next. */
import { AppError, taskDocumentNames, taskExit, taskMoves } from '@aitbc/protocol';
import type { Tasks } from '@aitbc/sdk';
import { defineCommand } from '../../command/define-command.ts';
import { exitText, movesText, stepRow, taskFacts } from '../../task/task-text.ts';
import { chainNowMs, readTasks, taskArgument, taskIdFrom } from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'One task: its steps, its dates, who may do what next, its documents',
  details:
    'State and dates come from your node, the steps and documents from the coordinator; a document is shown only when its hash is the one on chain. A sealed result is opened with the key of `aitbc message key`.',
  arguments: [taskArgument],
  options: {
    document: {
      flags: '--document <name>',
      help: 'show this document alone',
      choices: taskDocumentNames,
    },
  },
  examples: [
    {
      line: 'aitbc task show 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6',
      note: 'where it stands',
    },
    {
      line: 'aitbc task show 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6 --document result',
      note: 'what the worker delivered',
    },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const taskId = taskIdFrom(args.task);
    const tasks = await readTasks(context);
    if (options.document !== undefined) {
      const text = await documentText(tasks, taskId, { name: options.document, signal });
      out.result({ taskId, document: options.document, text }, () => text);
      return;
    }
    const task = await tasks.onChain(taskId, { signal });
    const { task: listed, events, documents } = await tasks.get(taskId, { signal });
    const nowMs = await chainNowMs(context);
    const shown = { ...listed, ...task };
    const exit = taskExit(task) ?? null;
    const moves = taskMoves(task, nowMs);
    out.result({ task: shown, events, documents, exit, moves }, () =>
      [
        out.table(taskFacts(shown)),
        '',
        out.table(events.map(stepRow), { head: ['time', 'step', 'by'] }),
        '',
        ...movesText(task, nowMs),
        exitText(task, nowMs),
      ].join('\n'),
    );
  },
});

async function documentText(
  tasks: Tasks,
  taskId: string,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<string> {
  if (name === 'spec') return (await tasks.spec(taskId, { signal })).text;
  if (name === 'reason') return await tasks.reason(taskId, { signal });
  const result = await tasks.result(taskId, { signal });
  if (result.text !== undefined) return result.text;
  const reason = 'The result is sealed to keys that are not here (aitbc message key).';
  throw new AppError('CLI_USAGE', { reason });
}
