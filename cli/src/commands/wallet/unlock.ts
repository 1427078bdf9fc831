/** `aitbc wallet unlock`: opens an account for signing. */

import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import { readPassword } from '../../context/ask.ts';
import { chooseAccount } from '../../wallet/choose-account.ts';
import { passwordFileOption } from '../../wallet/password-option.ts';

const msPerMinute = 60_000;

export default defineCommand({
  summary: 'Open an account for signing, for a while',
  arguments: [{ name: 'account', help: 'address or label', required: false }],
  options: {
    passwordFile: passwordFileOption,
    minutes: {
      flags: '--minutes <n>',
      help: 'lock again after so many minutes',
      default: '15',
      parse: positiveInteger,
    },
  },
  examples: [
    { line: 'aitbc wallet unlock main --minutes 60', note: 'for an hour; asks for the password' },
  ],
  async run(context, { args, options }) {
    const { out, env, ask, signal } = context;
    const { wallet } = await context.clients();
    const { address, label } = await chooseAccount(context, wallet, args.account);
    const message = `Password of "${label}"`;
    const password = await readPassword({ env, ask, file: options.passwordFile, message });
    const timeoutMs = options.minutes * msPerMinute;
    const account = await wallet.unlock({ address, password, timeoutMs }, { signal });
    out.result(account, () => `${label} (${address}) is open for ${options.minutes} minutes.`);
  },
});
