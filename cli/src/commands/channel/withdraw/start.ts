/** `aitbc channel withdraw start`: gives notice. */
import { amountFromInput } from '../../../amounts.ts';
import { ownerOptions } from '../../../chain/sign-as-validator.ts';
import { dateText, freeOf } from '../../../channel/channel-text.ts';
import { channelIdArgument, findChannel } from '../../../channel/find-channels.ts';
import { sendForChannel } from '../../../channel/send-as-payer.ts';
import { defineCommand } from '../../../command/define-command.ts';
import { chooseAccount } from '../../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Give notice: what is free comes back after the delay of the channel',
  details:
    'Until then the receiver claims what it earned. Honest providers take no new job on a channel that closes; funding it again ends the withdrawal.',
  arguments: [
    channelIdArgument,
    { name: 'amount', help: 'in AIT; all that is free without it', required: false },
  ],
  options: { ...ownerOptions, nait: { flags: '--nait', help: 'the amount is in nait' } },
  examples: [{ line: 'aitbc channel withdraw start <id>', note: 'all of it; prints the date' }],
  async run(context, { args, options }) {
    const channel = await findChannel(context, args.channel);
    const amount =
      args.amount === undefined ? freeOf(channel) : amountFromInput(args.amount, options.nait);
    const { channelId } = channel;
    const { wallet } = await context.clients();
    const { address: from } = await chooseAccount(context, wallet, options.account);
    const body = { channelId, amount };
    const isConfirmed = options.yes;
    const sent = await sendForChannel(context, { from, kind: 'withdraw_init', body, isConfirmed });
    const { withdrawDueMs, withdrawAmount } = await findChannel(context, channelId);
    context.out.result(
      { ...sent, channelId, withdrawAmount, withdrawDueMs },
      () =>
        `Final in block ${sent.height}. From ${dateText(withdrawDueMs)} on:\n  aitbc channel withdraw finish ${channelId}`,
    );
  },
});
