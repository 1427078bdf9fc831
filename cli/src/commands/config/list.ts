/** `aitbc config list`: every setting, its value and where it comes from. */
import { defineCommand } from '../../command/define-command.ts';
import { originsOf } from '../../config/origins.ts';

export default defineCommand({
  summary: 'Every setting, its value and where it comes from',
  details:
    'A flag wins over a variable, that over config.toml, that over the devnet of the home folder, that over the standard.',
  examples: [
    { line: 'aitbc config list', note: 'what holds now' },
    { line: 'aitbc config list --json', note: 'the same for a script' },
  ],
  async run(context) {
    const { out, configured } = context;
    const { file, fault } = configured.config;
    if (fault) out.note(out.style('red', fault.message));
    const rows = originsOf(context);
    out.result({ file, settings: rows }, () =>
      out.table(
        rows.map(({ name, value, source }) => [name, value ?? '–', source]),
        { head: ['setting', 'value', 'from'] },
      ),
    );
  },
});
