/** `aitbc plugin remove`: takes commands away again. */
import { AppError } from '@aitbc/protocol/errors';
import { defineCommand } from '../../command/define-command.ts';
import { assertCanDecide, pluginNamed, removePlugin } from '../../plugin/add-plugin.ts';

export default defineCommand({
  summary: 'Remove a plugin that was added',
  details:
    'Deletes the copy in the plugin folder, or lets npm remove the package. A folder that was linked stays where it is.',
  arguments: [{ name: 'name', help: 'as aitbc plugin list shows it' }],
  options: { yes: { flags: '-y, --yes', help: 'do not ask' } },
  examples: [{ line: 'aitbc plugin remove greet --yes', note: 'its command is gone' }],
  async run(context, { args, options }) {
    const { ask, out } = context;
    const plugin = await pluginNamed(context, args.name);
    assertCanDecide(ask, options.yes, 'Nothing was removed. Say --yes to remove it.');
    const isWanted = options.yes || (await ask.confirm(`Remove ${plugin.at}?`));
    if (!isWanted) throw new AppError('CANCELLED', {});
    await removePlugin(context, plugin);
    const { name, kind, at } = plugin;
    out.result({ name, kind, at }, () => `${name} is gone`);
  },
});
