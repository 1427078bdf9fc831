/** Subscriptions: methods that only a WebSocket has. */
import { z } from 'zod';
import { type RpcTable, rpcMethod } from '../endpoint.ts';

/** Topics of `subscribe`; the part after the colon is an address, a channel id or a transaction id. */
export const rpcTopics = Object.freeze({
  finalBlocks: 'finalBlocks',
  transactions: 'transactions',
  account: 'account',
  channel: 'channel',
  /** All channels that pay this address. */
  receiver: 'receiver',
  /** All mandates: grants, revocations and spendings. */
  mandates: 'mandates',
  tx: 'tx',
});

/** A notification: method `notify`, these params. A cursor is `height.index`; `subscribe` takes it to resume. */
export const zNotification = z.object({
  subscription: z.string(),
  topic: z.string(),
  cursor: z.string(),
  data: z.unknown(),
});

/** WebSocket-only methods. */
export const nodeSocketRpc = {
  subscribe: rpcMethod({
    summary:
      'Streams a topic: finalBlocks (header, hash), transactions (TxStatus), account:<address> (Account), channel:<id> and receiver:<address> (Channel), mandates (Mandate), tx:<id> (TxStatus).',
    input: z.strictObject({ topic: z.string().max(120), cursor: z.string().max(40).optional() }),
    output: z.object({ subscription: z.string(), cursor: z.string() }),
  }),
  unsubscribe: rpcMethod({
    summary: 'Ends a subscription.',
    input: z.strictObject({ subscription: z.string() }),
    output: z.object({}),
  }),
} as const satisfies RpcTable;
