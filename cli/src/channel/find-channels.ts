/** Channels of an account: from the chain, with what the gateway signed in them where it can be asked. */
import { AppError, asAppError, type Hex } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import { listAll } from '../market/list-all.ts';
import {
  type ChainChannel,
  type ChannelView,
  channelView,
  type SignedAway,
} from './channel-text.ts';

/** Argument of commands about one channel. */
export const channelIdArgument = {
  name: 'channel',
  help: 'id of the channel, 64 hex digits (aitbc channel list)',
} as const;

/** An id as typed. Throws CLI_USAGE. */
export function channelIdFrom(text: string): Hex {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new AppError('CLI_USAGE', {
    reason: `"${text.slice(0, 80)}" is no id of a channel: 64 hex digits, as in aitbc channel list.`,
  });
}

/** All channels that the account pays from or is paid by; closed ones only when asked for. */
export async function findChannels(
  context: Context,
  account: string,
  withClosed: boolean,
): Promise<ChannelView[]> {
  const [paying, earning, signed] = await Promise.all([
    channelsOf(context, { payer: account }),
    channelsOf(context, { receiver: account }),
    signedBy(context, account),
  ]);
  const earnedOnly = earning.filter(({ payer }) => payer !== account);
  return [...paying, ...earnedOnly]
    .filter(({ closed }) => withClosed || !closed)
    .map((channel) => channelView(channel, account, signed.get(channel.channelId)));
}

/** One channel. Throws CHANNEL_UNKNOWN. */
export async function findChannel(context: Context, text: string): Promise<ChainChannel> {
  const channelId = channelIdFrom(text);
  const { node } = await context.clients();
  return node.rpc.state_getChannel({ channelId }, { signal: context.signal });
}

async function channelsOf(
  context: Context,
  party: { readonly payer: string } | { readonly receiver: string },
): Promise<ChainChannel[]> {
  const { node } = await context.clients();
  return listAll(async (after) => {
    const query = after === undefined ? party : { ...party, after };
    const page = await node.rpc.state_listChannels(query, { signal: context.signal });
    return { rows: page.channels, next: page.next };
  });
}

/** What the gateway signed, by channel. Nothing where it is away, wants a key, or pays for another account. */
export async function signedBy(
  context: Context,
  account: string,
): Promise<ReadonlyMap<string, SignedAway>> {
  try {
    const { gateway } = await context.clients();
    const { payer, channels } = await gateway.spend({ limit: 1 }, { signal: context.signal });
    if (payer !== account) return new Map();
    return new Map(channels.map((channel) => [channel.channelId, channel]));
  } catch (error) {
    const { code, row } = asAppError(error);
    if (code === 'CANCELLED' || !(row.retryable || tellsNothing.has(code))) throw error;
    return new Map();
  }
}

/** A gateway that wants an API key, or a program in its place: the chain alone speaks then. */
const tellsNothing: ReadonlySet<string> = new Set(['UNAUTHORIZED', 'NOT_FOUND', 'ANSWER_INVALID']);
