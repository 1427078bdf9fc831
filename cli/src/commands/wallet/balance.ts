/** `aitbc wallet balance`: coins of an account. */
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { addressFor } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Coins of an account',
  arguments: [
    { name: 'account', help: 'address or label; default as in wallet send', required: false },
  ],
  examples: [
    { line: 'aitbc wallet balance', note: 'the account of this devnet, or the only one' },
    { line: 'aitbc wallet balance savings --json', note: 'for a script; amounts are nait' },
  ],
  async run(context, { args }) {
    const { out, signal } = context;
    const address = await addressFor(context, args.account);
    const { node } = await context.clients();
    const account = await node.rpc.state_getAccount({ address }, { signal });
    out.result(account, () =>
      out.table([
        ['address', address],
        ['balance', aitText(account.balance)],
        ['vault', `${aitText(account.vault)} set aside for channels`],
      ]),
    );
  },
});
