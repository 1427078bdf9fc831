/** `aitbc plugin add`: more commands. */
import { AppError } from '@aitbc/protocol/errors';
import { defineCommand } from '../../command/define-command.ts';
import { additionOf, addPlugin } from '../../plugin/add-plugin.ts';

export default defineCommand({
  summary: 'Add commands: a file, a folder, or a package aitbc-plugin-…',
  details:
    'A plugin runs with all your rights: add only what you trust. Packages are installed by npm into <home>/plugins, without running their scripts; a folder with a package.json is linked, so that changes in it count at once. On a terminal you see what comes and are asked.',
  arguments: [{ name: 'what', help: 'path of a file or folder, or name of a package' }],
  options: { yes: { flags: '-y, --yes', help: 'do not ask' } },
  examples: [
    { line: 'aitbc plugin add ./aitbc-plugin-budget', note: 'a plugin that you write yourself' },
    { line: 'aitbc plugin add ./greet.mjs --yes', note: 'one file is one command' },
  ],
  async run(context, { args, options }) {
    const plugin = await addPlugin(context, additionOf(args.what), options.yes);
    if (!plugin) throw new AppError('CANCELLED', {});
    const [first] = plugin.commands;
    context.out.result(plugin, () =>
      first === undefined
        ? `${plugin.name} was added, but none of its commands works: aitbc plugin list`
        : `${plugin.name} was added. Try: aitbc ${first} --help`,
    );
  },
});
