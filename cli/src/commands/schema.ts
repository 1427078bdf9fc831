/** `aitbc schema`: what a command prints with --json. */
import { findCommand, loadCommand } from '../command/command-tree.ts';
import { defineCommand } from '../command/define-command.ts';
import { nearestWord } from '../command/nearest-word.ts';
import { ownLevel } from '../command/own-commands.ts';
import { usageError } from '../command/usage-error.ts';
import { jsonText } from '../context/out.ts';
import { findPlugins, type PluginPlaces } from '../plugin/plugin-roots.ts';

export default defineCommand({
  summary: 'JSON Schema of what a command prints with --json',
  details:
    'Every JSON value on standard output of that command follows it, an error that of `aitbc schema error`. Without a command: all of them, as in docs/schemas.json.',
  arguments: [
    { name: 'command', help: 'its words, such as wallet send', variadic: true, required: false },
  ],
  examples: [
    { line: 'aitbc schema wallet send', note: 'what a payment tells' },
    { line: 'aitbc schema error', note: 'what any command tells when it fails' },
  ],
  async run({ out, pluginPlaces }, { args }) {
    const name = (args.command ?? []).join(' ');
    const { jsonSchemaOf, outputs, schemaDocument } = await import('../output/outputs.ts');
    const { zErrorOutput } = await import('../output/shapes.ts');
    const own = name === 'error' ? zErrorOutput : outputs[name];
    const shown =
      name === ''
        ? schemaDocument()
        : own
          ? jsonSchemaOf(own)
          : await otherSchema(name, pluginPlaces, Object.keys(outputs));
    out.result(shown, () => jsonText(shown));
  },
});

/** The schema of a plugin's command. Throws CLI_USAGE when there is none. */
async function otherSchema(name: string, places: PluginPlaces, known: readonly string[]) {
  const plugins = findPlugins(places).sources.map(({ root }) => root);
  const found = findCommand({ roots: [...ownLevel().roots, ...plugins] }, name.split(' '));
  if (found.kind === 'command' && found.rest.length === 0) {
    const { output } = await loadCommand(found.file);
    if (output) return output;
    throw usageError(`the plugin of ${name} has no schema`, ['schema']);
  }
  const nearest = nearestWord(name, known);
  const hint = nearest === undefined ? '' : ` (Did you mean ${nearest}?)`;
  throw usageError(`there is no command ${name}${hint}`, ['schema']);
}
