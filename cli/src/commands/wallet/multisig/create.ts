/** `aitbc wallet multisig create`: an account that several share. */
import { hex, randomBytes } from '@aitbc/primitives';
import { accountIdOf, addressOf, multisigIdOf, unwrap } from '@aitbc/protocol';
import { defineCommand } from '../../../command/define-command.ts';
import { positiveInteger } from '../../../command/parse-values.ts';
import { accountOption, chooseAccount } from '../../../wallet/choose-account.ts';
import { membersOf, sendAsMember } from '../../../wallet/shared-account.ts';

export default defineCommand({
  summary: 'Make an account that acts when enough of its members agree',
  details:
    'The account exists on the chain; its address is a hash that nobody has a key for. The account that pays the fee need not be a member. Other members know it with: aitbc wallet watch <address> <label> --shared',
  arguments: [{ name: 'label', help: 'your name for the account' }],
  options: {
    members: {
      flags: '--members <accounts>',
      help: 'two to sixteen addresses or labels, with commas between them',
      required: true,
    },
    threshold: {
      flags: '--threshold <n>',
      help: 'how many of them must agree',
      required: true,
      parse: positiveInteger,
    },
    account: accountOption,
    yes: { flags: '-y, --yes', help: 'do not ask' },
  },
  examples: [
    {
      line: 'aitbc wallet multisig create team --members main,ait1…,ait1… --threshold 2',
      note: 'two of three',
    },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const clients = await context.clients();
    const { wallet, node } = clients;
    const { address: from } = await chooseAccount(context, wallet, options.account);
    const members = await membersOf(context, wallet, options.members);
    const { threshold, yes: isConfirmed } = options;
    const body = { threshold, members, salt: hex(randomBytes(32)) };
    const { network } = await node.network();
    const address = addressOf(multisigIdOf(network, unwrap(accountIdOf(from)), body));
    const wish = { from, kind: 'multisig_create', body, isConfirmed } as const;
    const { sent, line } = await sendAsMember(context, clients, wish);
    const { label } = args;
    await wallet.watchAccount({ address, label, kind: 'shared' }, { signal });
    out.result({ ...sent, label, address }, () => `${line}\n${label} is ${address}`);
  },
});
