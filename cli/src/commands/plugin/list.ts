/** `aitbc plugin list`: what was added to aitbc. */
import { defineCommand } from '../../command/define-command.ts';
import type { Out } from '../../context/out.ts';
import { type InstalledPlugin, listPlugins } from '../../plugin/list-plugins.ts';

export default defineCommand({
  summary: 'Plugins, their commands, and what is broken',
  details: 'Every command of every plugin is loaded to see whether it works.',
  examples: [{ line: 'aitbc plugin list', note: 'what was added, and from where' }],
  async run({ out, pluginPlaces }) {
    const plugins = await listPlugins(pluginPlaces);
    out.result({ plugins }, () =>
      plugins.length === 0
        ? 'No plugin yet. Write one with: aitbc plugin create <name>'
        : [
            out.table(plugins.map(rowOf), { head: ['plugin', 'version', 'commands', 'from'] }),
            ...plugins.flatMap((plugin) => brokenLines(plugin, out)),
          ].join('\n'),
    );
  },
});

function rowOf({ name, version, commands, at }: InstalledPlugin): string[] {
  return [name, version ?? '–', commands.join(', ') || '–', at];
}

function brokenLines({ broken }: InstalledPlugin, out: Out): string[] {
  return broken.map(({ file, reason }) => out.style('red', `skipped ${file}: ${reason}`));
}
