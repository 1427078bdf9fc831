/** `aitbc task give`: hands a document in again. */
import { taskDocumentHash, taskDocumentNames } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { readTextFile } from '../../context/read-text-file.ts';
import { readTasks, taskArgument, taskIdFrom } from '../../task/task-tools.ts';

export default defineCommand({
  summary: 'Hand a document of a task in, exactly as it was hashed; anyone may',
  details:
    'For a document that a coordinator does not have: the text must be the very one whose SHA-256 is on chain. `task show --document` of another coordinator does not print it so; its /v1/tasks/<id>/<name> does.',
  arguments: [taskArgument],
  options: {
    name: {
      flags: '--name <name>',
      help: 'which document',
      choices: taskDocumentNames,
      required: true,
    },
    file: { flags: '-f, --file <file>', help: 'the document', required: true },
  },
  examples: [
    {
      line: 'aitbc task give 1e3877346bf3b1ba2528a52fc865dbd8f631c44fc9410237ff1f54e35dd5e1c6 --name spec --file spec.json',
      note: 'for another coordinator',
    },
  ],
  async run(context, { args, options }) {
    const taskId = taskIdFrom(args.task);
    const document = readTextFile(options.file);
    const name = taskDocumentNames.find((one) => one === options.name) ?? 'spec';
    const tasks = await readTasks(context);
    await tasks.giveDocument({ taskId, name, document }, { signal: context.signal });
    const hash = taskDocumentHash(document);
    context.out.result({ taskId, name, hash }, () => `The coordinator has the ${name}.`);
  },
});
