/** `aitbc wallet watch`: an account without its key. */
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Know an account by its address, without its key',
  details:
    'It has a label, a balance and a place in lists; nothing is signed for it. With --shared its members are read from the chain, and their keys in this wallet can approve for it.',
  arguments: [
    { name: 'address', help: 'address ait1…' },
    { name: 'label', help: 'your name for the account' },
  ],
  options: { shared: { flags: '--shared', help: 'it is a shared account' } },
  examples: [
    { line: 'aitbc wallet watch ait1… savings', note: 'a cold account, to see its balance' },
    { line: 'aitbc wallet watch ait1… team --shared', note: 'one that you share with others' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { wallet } = await context.clients();
    const kind = options.shared ? ('shared' as const) : ('watch' as const);
    const account = await wallet.watchAccount({ ...args, kind }, { signal });
    out.result(account, () => `${account.address} is known as ${account.label}.`);
  },
});
