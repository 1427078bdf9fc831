/** `aitbc wallet password`: encrypts the key of an account with another password. */
import { defineCommand } from '../../command/define-command.ts';
import { readPassword } from '../../context/ask.ts';
import { chooseAccount } from '../../wallet/choose-account.ts';
import { newPasswordFileOption, passwordFileOption } from '../../wallet/password-option.ts';

export default defineCommand({
  summary: 'Change the password of an account',
  details:
    'Keystores and backups made before still open with the old password: whoever has one and that password has the coins. Then move the coins to a new account.',
  arguments: [{ name: 'account', help: 'address or label', required: false }],
  options: { passwordFile: passwordFileOption, newPasswordFile: newPasswordFileOption },
  examples: [
    {
      line: 'aitbc wallet password main',
      note: 'asks for the old password, and twice for the new',
    },
    {
      line: 'aitbc wallet password main --password-file old.txt --new-password-file new.txt',
      note: 'without a question',
    },
  ],
  async run(context, { args, options }) {
    const { out, env, ask, signal } = context;
    const { wallet } = await context.clients();
    const { address, label } = await chooseAccount(context, wallet, args.account);
    const [file, newFile] = [options.passwordFile, options.newPasswordFile];
    const message = `Password of "${label}"`;
    const password = await readPassword({ env, ask, file, message });
    const newPassword = await readPassword({
      ...{ env, ask, file: newFile, fileOption: '--new-password-file', isNew: true },
      message: `New password for "${label}", at least 8 characters`,
    });
    const account = await wallet.changePassword({ address, password, newPassword }, { signal });
    out.result(account, () => `${label} (${address}) has the new password.`);
  },
});
