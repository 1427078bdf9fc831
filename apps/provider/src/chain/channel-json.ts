/** Channels between the node's JSON, our database and the books. */
import {
  accountIdOf,
  addressOf,
  amountOf,
  type ChannelState,
  unwrap,
  type zChannel,
} from '@aitbc/protocol';
import type { z } from 'zod';

/** A channel as the node shows it. */
export type ChannelJson = z.output<typeof zChannel>;

/** State of a channel from its JSON form. Throws AppError when it is not valid. */
export function channelFromJson(json: ChannelJson): ChannelState {
  return {
    ...json,
    payer: unwrap(accountIdOf(json.payer)),
    receiver: unwrap(accountIdOf(json.receiver)),
    balance: amountOf(json.balance),
    totalClaimed: amountOf(json.totalClaimed),
    withdrawAmount: amountOf(json.withdrawAmount),
  };
}

/** JSON form of a channel. */
export function channelToJson(channel: ChannelState): ChannelJson {
  return {
    ...channel,
    payer: addressOf(channel.payer),
    receiver: addressOf(channel.receiver),
    balance: channel.balance.toString(),
    totalClaimed: channel.totalClaimed.toString(),
    withdrawAmount: channel.withdrawAmount.toString(),
  };
}
