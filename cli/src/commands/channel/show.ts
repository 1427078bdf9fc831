/** `aitbc channel show`: one channel, and the way out of it. */
import { channelFacts, channelView } from '../../channel/channel-text.ts';
import { channelIdArgument, findChannel, signedBy } from '../../channel/find-channels.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'One channel: parties, coins, and the date at which what is free comes back',
  arguments: [channelIdArgument],
  examples: [{ line: 'aitbc channel show <id>', note: 'anybody may look at any channel' }],
  async run(context, { args }) {
    const channel = await findChannel(context, args.channel);
    const signed = await signedBy(context, channel.payer);
    const view = channelView(channel, channel.payer, signed.get(channel.channelId));
    context.out.result(view, () => channelFacts(context.out, view));
  },
});
