/** What a buyer has on its disk: changes of its books, folded into the state it starts from. */
import type { Hex } from '@aitbc/protocol';
import { type BuyerChange, type BuyerState, type CallRow, callKey } from '@aitbc/sdk/books';
import type { Disk } from '../../engine/disk.ts';

/** The state of the books on a disk. */
export function readBuyer(disk: Pick<Disk<BuyerChange>, 'records'>): BuyerState {
  const channels = new Map<Hex, NonNullable<BuyerChange['channel']>>();
  const calls = new Map<string, CallRow>();
  let spend: BuyerState['spend'];
  for (const change of disk.records) {
    const { channel, call } = change;
    if (channel) channels.set(channel.channelId, channel);
    if (call) calls.set(callKey(call), call);
    spend = change.spend ?? spend;
  }
  const kept = [...calls.values()].filter(({ status }) => status !== 'refused');
  return { channels: [...channels.values()], calls: kept, spend };
}
