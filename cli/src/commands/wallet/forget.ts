/** `aitbc wallet forget`: ends the watching of an account. */
import { defineCommand } from '../../command/define-command.ts';
import { chooseAccount } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Forget an account that this wallet has no key for',
  arguments: [{ name: 'account', help: 'address or label' }],
  examples: [{ line: 'aitbc wallet forget savings', note: 'it is no longer listed here' }],
  async run(context, { args }) {
    const { out, signal } = context;
    const { wallet } = await context.clients();
    const { address, label } = await chooseAccount(context, wallet, args.account);
    const forgotten = await wallet.forgetAccount({ address }, { signal });
    out.result(forgotten, () => `${label} (${address}) is forgotten.`);
  },
});
