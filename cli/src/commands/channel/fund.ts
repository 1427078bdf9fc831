/** `aitbc channel fund`: more coins into a channel that is there. */
import { accountIdOf, amountOf, unwrap } from '@aitbc/protocol';
import { amountFromInput } from '../../amounts.ts';
import { ownerOptions } from '../../chain/sign-as-validator.ts';
import { channelIdArgument, findChannel } from '../../channel/find-channels.ts';
import { sendForChannel } from '../../channel/send-as-payer.ts';
import { defineCommand } from '../../command/define-command.ts';
import { chooseAccount } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Put more coins into a channel that you pay from',
  details:
    'They come from your vault; what the vault lacks comes from the balance in the same transaction. A withdrawal that waits ends with it.',
  arguments: [channelIdArgument, { name: 'amount', help: 'in AIT' }],
  options: { ...ownerOptions, nait: { flags: '--nait', help: 'the amount is in nait' } },
  examples: [{ line: 'aitbc channel fund <id> 0.5', note: 'half an AIT more to spend there' }],
  async run(context, { args, options }) {
    const amount = amountFromInput(args.amount, options.nait);
    const { payerAuthorizer, receiverAuthorizer, withdrawDelayMs, salt, receiver, channelId } =
      await findChannel(context, args.channel);
    const { node, wallet } = await context.clients();
    const { address: from } = await chooseAccount(context, wallet, options.account);
    const { vault } = await node.rpc.state_getAccount(
      { address: from },
      { signal: context.signal },
    );
    const lacking = amount - amountOf(vault);
    const allocation = {
      ...{ receiver: unwrap(accountIdOf(receiver)), payerAuthorizer, receiverAuthorizer },
      ...{ withdrawDelayMs, salt, amount },
    };
    const signing = { from, isConfirmed: options.yes };
    const sent =
      lacking <= 0n
        ? await sendForChannel(context, { ...signing, kind: 'channel_fund', body: allocation })
        : await sendForChannel(context, {
            ...{ ...signing, kind: 'vault_deposit' as const },
            body: { amount: lacking, allocations: [allocation] },
          });
    context.out.result(
      { ...sent, channelId },
      () => `Final in block ${sent.height}. How it stands: aitbc channel show ${channelId}`,
    );
  },
});
