/** `aitbc wallet faucet`: free coins of a devnet. */
import { aitText, amountFromInput } from '../../amounts.ts';
import { awaitFinal } from '../../chain/await-final.ts';
import { defineCommand } from '../../command/define-command.ts';
import { accountOption, addressFor } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Free coins from the faucet of a devnet',
  arguments: [{ name: 'amount', help: 'in AIT; without it the faucet decides', required: false }],
  options: {
    account: accountOption,
    nait: { flags: '--nait', help: 'the amount is in nait' },
  },
  examples: [
    { line: 'aitbc wallet faucet', note: 'as much as the faucet gives' },
    { line: 'aitbc wallet faucet 5 --account main', note: '5 AIT for the account "main"' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const given = args.amount;
    const amount = given === undefined ? undefined : amountFromInput(given, options.nait);
    const address = await addressFor(context, options.account);
    const { node } = await context.clients();
    const wanted = amount === undefined ? {} : { amount: amount.toString() };
    const sent = await node.rpc.dev_faucet({ address, ...wanted }, { signal });
    const { receipt } = await awaitFinal(node, sent.txId, signal);
    const height = receipt?.height ?? null;
    out.result(
      { address, ...sent, height },
      () => `${aitText(sent.amount)} for ${address}, final in block ${height}.`,
    );
  },
});
