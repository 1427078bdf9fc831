/** `aitbc wallet lock`: closes an account. */
import { defineCommand } from '../../command/define-command.ts';
import { chooseAccount } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Close an account and wipe its key from memory',
  arguments: [{ name: 'account', help: 'address or label', required: false }],
  examples: [
    { line: 'aitbc wallet lock main', note: 'nothing can be signed until the next unlock' },
  ],
  async run(context, { args }) {
    const { out, signal } = context;
    const { wallet } = await context.clients();
    const { address, label } = await chooseAccount(context, wallet, args.account);
    const account = await wallet.lock({ address }, { signal });
    out.result(account, () => `${label} (${address}) is locked.`);
  },
});
