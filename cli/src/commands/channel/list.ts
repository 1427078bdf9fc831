/** `aitbc channel list`: where the coins of an account lie. */
import { channelHead, channelRight, channelRow } from '../../channel/channel-text.ts';
import { findChannels } from '../../channel/find-channels.ts';
import { defineCommand } from '../../command/define-command.ts';
import { accountOption, addressFor } from '../../wallet/choose-account.ts';

export default defineCommand({
  summary: 'Channels that an account pays from or is paid by',
  details:
    'Free is what the receiver has not claimed. Signed and claimable are known where the gateway that pays from the account answers.',
  options: {
    account: accountOption,
    all: { flags: '--all', help: 'closed ones too' },
  },
  examples: [
    { line: 'aitbc channel list', note: 'how much lies with whom, and when it can come back' },
    { line: 'aitbc channel list --all --json', note: 'also what is over' },
  ],
  async run(context, { options }) {
    const { out } = context;
    const address = await addressFor(context, options.account);
    const channels = await findChannels(context, address, options.all);
    out.result({ address, channels }, () =>
      channels.length === 0
        ? `${address} has no channel${options.all ? '' : ' that is open'}.`
        : out.table(channels.map(channelRow), { head: channelHead, right: channelRight }),
    );
  },
});
