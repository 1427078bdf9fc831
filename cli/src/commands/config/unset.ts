/** `aitbc config unset`: removes a setting. */
import { defineCommand } from '../../command/define-command.ts';
import { settingNamed, unsetValue } from '../../config/config-file.ts';

export default defineCommand({
  summary: 'Remove a setting from the configuration file',
  arguments: [{ name: 'name', help: 'setting, such as node-url' }],
  examples: [
    { line: 'aitbc config unset node-url', note: 'back to the devnet or the standard port' },
  ],
  async run({ out, configured }, { args: { name } }) {
    const { file } = configured.config;
    const wasSet = unsetValue(file, name);
    // What is no setting may still be removed, if it is there: that is how a misspelt line goes away.
    if (!wasSet) settingNamed(name);
    out.result({ file, name, wasSet }, () =>
      wasSet ? `${name} is no longer in ${file}` : `${name} is not in ${file}`,
    );
  },
});
