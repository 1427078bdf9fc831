/** `aitbc wallet export`: the encrypted keystore of an account as a file. */
import { writeFileSync } from 'node:fs';
import { AppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import { assertWritable, fileFault } from '../../context/read-text-file.ts';
import { chooseAccount } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Write the encrypted key of an account into a file',
  details:
    'The file opens with the password of the account, in any wallet: aitbc wallet import. Without the password it costs its thief one run of argon2id for each guess.',
  arguments: [{ name: 'account', help: 'address or label', required: false }],
  options: {
    file: { flags: '--file <path>', help: 'file to write; it must not exist', required: true },
  },
  examples: [
    { line: 'aitbc wallet export main --file main.json', note: 'a copy for another machine' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { file } = options;
    assertWritable(file);
    const { wallet } = await context.clients();
    const { address, label } = await chooseAccount(context, wallet, args.account);
    const { keystore } = await wallet.exportAccount({ address }, { signal });
    const text = `${JSON.stringify(keystore, undefined, 2)}\n`;
    try {
      writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      const reason = `The file ${file} cannot be written: ${fileFault(error)}.`;
      throw new AppError('CLI_USAGE', { reason }, { cause: error });
    }
    out.result({ address, file }, () => `The keystore of ${label} (${address}) is in ${file}.`);
  },
});
