/** `aitbc wallet send`: coins to another account. */
import { amountFromInput } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { accountOption, chooseAccount } from '../../wallet/choose-account.ts';
import { sendCoins } from '../../wallet/send-coins.ts';

export default defineCommand({
  summary: 'Send coins and wait until the payment is final',
  details:
    'The wallet simulates the payment at the node and shows what it would change. On a terminal you are asked before it leaves.',
  arguments: [
    { name: 'to', help: 'address ait1… of the receiver' },
    { name: 'amount', help: 'in AIT, such as 1.5' },
  ],
  options: {
    account: accountOption,
    memo: { flags: '--memo <text>', help: 'up to 64 bytes that everybody can read' },
    nait: { flags: '--nait', help: 'the amount is in nait' },
    yes: { flags: '-y, --yes', help: 'do not ask' },
  },
  examples: [
    { line: 'aitbc wallet send ait1… 1.5', note: 'one and a half AIT' },
    {
      line: 'aitbc wallet send ait1… 2500 --nait --yes --json',
      note: 'nait from a script, without a question',
    },
  ],
  async run(context, { args, options }) {
    const { out } = context;
    const amountNait = amountFromInput(args.amount, options.nait);
    const clients = await context.clients();
    const { address: from } = await chooseAccount(context, clients.wallet, options.account);
    const begunMs = performance.now();
    const { description, effects, status } = await sendCoins(context, clients, {
      from,
      to: args.to,
      amountNait,
      memo: options.memo ?? '',
      isConfirmed: options.yes,
    });
    const ms = Math.round(performance.now() - begunMs);
    const { receipt, blockHash, tx } = status;
    const height = receipt?.height ?? null;
    out.result(
      {
        txId: receipt?.txId ?? tx.txId ?? null,
        height,
        blockHash,
        fee: tx.fee,
        description,
        effects,
      },
      () => `Final in block ${height} after ${ms} ms. Transaction ${receipt?.txId}`,
    );
  },
});
