/** `aitbc config get`: one setting. */
import { defineCommand } from '../../command/define-command.ts';
import { settingNamed } from '../../config/config-file.ts';
import { originOf } from '../../config/origins.ts';

export default defineCommand({
  summary: 'The value of one setting as it holds now',
  arguments: [{ name: 'name', help: 'setting, such as node-url' }],
  examples: [{ line: 'aitbc config get node-url', note: 'which chain node is asked' }],
  async run(context, { args }) {
    const origin = originOf(context, settingNamed(args.name));
    context.out.result(origin, () => origin.value ?? '');
  },
});
