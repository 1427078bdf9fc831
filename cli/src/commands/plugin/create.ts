/** `aitbc plugin create`: the beginning of a plugin of one's own. */
import { relative, resolve } from 'node:path';
import { defineCommand } from '../../command/define-command.ts';
import { createPlugin } from '../../plugin/create-plugin.ts';

export default defineCommand({
  summary: 'Write a new plugin that works: a command and its test',
  arguments: [{ name: 'name', help: 'of its first command: small letters, digits and dashes' }],
  options: { dir: { flags: '--dir <folder>', help: 'where its folder is made (default: here)' } },
  examples: [{ line: 'aitbc plugin create budget', note: 'makes the folder aitbc-plugin-budget' }],
  async run({ out }, { args, options }) {
    const { dir, files } = createPlugin(args.name, resolve(options.dir ?? '.'));
    const folder = relative('.', dir).startsWith('..') ? dir : `./${relative('.', dir)}`;
    const next = [`npm test --prefix ${folder}`, `aitbc plugin add ${folder}`];
    out.result({ dir, files, next }, () =>
      [`${folder} has ${files.join(', ')}. Now:`, ...next.map((line) => `  ${line}`)].join('\n'),
    );
  },
});
