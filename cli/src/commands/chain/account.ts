/** `aitbc chain account`: what the ledger knows of an address. */
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'Balance, nonce and channels of an address',
  arguments: [{ name: 'address', help: 'ait1…' }],
  examples: [{ line: 'aitbc chain account ait1…', note: 'anybody may look at any account' }],
  async run({ out, clients, signal }, { args }) {
    const { address } = args;
    const { node } = await clients();
    const [account, paying, earning] = await Promise.all([
      node.rpc.state_getAccount({ address }, { signal }),
      node.rpc.state_listChannels({ payer: address }, { signal }),
      node.rpc.state_listChannels({ receiver: address }, { signal }),
    ]);
    const channels = [...paying.channels, ...earning.channels];
    const hasMore = paying.next !== null || earning.next !== null;
    out.result({ ...account, channels, hasMoreChannels: hasMore }, () => {
      const facts = out.table([
        ['address', address],
        ['balance', aitText(account.balance)],
        ['vault', aitText(account.vault)],
        ['nonce', String(account.nonce)],
      ]);
      if (channels.length === 0) return facts;
      const rows = channels.map((channel) => [
        channel.channelId,
        channel.payer === address ? `pays ${channel.receiver}` : `paid by ${channel.payer}`,
        aitText(channel.balance),
        aitText(channel.totalClaimed),
        channel.closed ? 'closed' : channel.withdrawDueMs > 0 ? 'closing' : 'open',
      ]);
      const head = ['channel', 'who', 'balance', 'claimed', 'state'];
      const more = hasMore ? '\nThere are more channels than fit on this page.' : '';
      return `${facts}\n\n${out.table(rows, { head, right: [2, 3] })}${more}`;
    });
  },
});
