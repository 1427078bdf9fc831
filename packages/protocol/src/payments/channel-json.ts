/** Channels as APIs show them: addresses and decimal strings. */
import type { z } from 'zod';
import type { zChannel } from '../endpoints/node-rpc.ts';
import { unwrap } from '../errors.ts';
import { addressOf } from '../fields.ts';
import { accountIdOf, amountOf } from '../scalars.ts';
import type { ChannelState } from './channel.ts';

/** A channel as the node shows it. */
export type ChannelJson = z.output<typeof zChannel>;

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
