/** `aitbc config set`: writes a setting. */
import { resolve } from 'node:path';
import { defineCommand } from '../../command/define-command.ts';
import { settingNamed, setValue } from '../../config/config-file.ts';
import { type Setting, type SettingName, settings } from '../../config/settings.ts';

export default defineCommand({
  summary: 'Write a setting to the configuration file',
  details: 'Comments and the order of the file stay as they are.',
  arguments: [
    { name: 'name', help: 'setting, such as node-url; aitbc config list shows all' },
    { name: 'value', help: 'its value from now on' },
  ],
  examples: [
    { line: 'aitbc config set node-url http://10.0.0.7:8006', note: 'ask another chain node' },
    { line: 'aitbc config set account savings', note: 'the account that pays' },
  ],
  async run({ out, configured }, { args }) {
    const name = settingNamed(args.name);
    const { file } = configured.config;
    const value = typedValue(name, args.value);
    setValue(file, name, value);
    const variable = configured.env[settings[name].env];
    if (variable) out.note(`${settings[name].env} is set and wins over it.`);
    out.result({ file, name, value }, () => `${name} is ${value} from now on, in ${file}`);
  },
});

/** A path is meant as it is seen from here, not from the folder of the file. */
function typedValue(name: SettingName, text: string): string {
  const { kind }: Setting = settings[name];
  return kind === 'path' && text !== '' ? resolve(text) : text;
}
