/** `aitbc config path`: where the settings are. */
import { existsSync } from 'node:fs';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Where the configuration file is',
  examples: [{ line: 'aitbc config path', note: 'the file, also before it exists' }],
  async run({ out, configured }) {
    const { file } = configured.config;
    out.result({ file, exists: existsSync(file) }, () => file);
  },
});
