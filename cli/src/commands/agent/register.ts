/** `aitbc agent register`: an identity card on chain. */
import { registerAgent } from '@aitbc/sdk';
import { buildCard } from '../../agent/build-card.ts';
import { createWalletSender } from '../../agent/wallet-sender.ts';
import { defineCommand } from '../../command/define-command.ts';
import { accountOption, chooseAccount } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Register an account as an agent, with a card that says what it can do',
  details:
    'The chain keeps the hash of the card, the coordinator the card itself, so nobody can change it. Registering again replaces the card. With a key of `aitbc message key` the card also says where letters to the agent are sealed to.',
  options: {
    account: accountOption,
    card: { flags: '--card <file>', help: 'a whole A2A card as JSON, in place of the flags below' },
    name: { flags: '--name <name>', help: 'name of the agent' },
    description: { flags: '--description <text>', help: 'what it is for; default: its name' },
    skills: { flags: '--skills <ids>', help: 'what it can do, with commas between' },
    from: { flags: '--from <ait>', help: 'hint: what a task costs at least' },
    url: { flags: '--url <url>', help: 'where it answers; default: its place at the coordinator' },
    yes: { flags: '-y, --yes', help: 'do not ask' },
  },
  examples: [
    {
      line: 'aitbc agent register --name Ada --skills translate,summarise --from 0.01',
      note: 'a card from what you type',
    },
    { line: 'aitbc agent register --card card.json --yes --json', note: 'with a card of your own' },
  ],
  async run(context, { options }) {
    const clients = await context.clients();
    const { address } = await chooseAccount(context, clients.wallet, options.account);
    const card = buildCard(context, address, options);
    const sender = createWalletSender(context, clients, { address, isConfirmed: options.yes });
    const { coordinator } = clients;
    const { signal } = context;
    const done = await registerAgent({ sender, coordinator }, card, { signal });
    context.out.result(done, () =>
      done.isCardStored
        ? `Registered: ${address}\nOthers find it with: aitbc agent list`
        : `Registered: ${address}\nThe coordinator did not take the card. Try again: aitbc agent card ${address} --give <file>`,
    );
  },
});
