/** What a coordinator offers to its web console beside its market: the chain to read, what happens now, and a devnet's switch. */
import { z } from 'zod';
import { zAddress, zCount, zHash, zKey } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';

const none = z.strictObject({});

/** A final block as the live stream tells it. */
export const zLiveBlock = z.object({
  height: zCount,
  hash: zHash,
  timeMs: zCount,
  view: zCount,
  epoch: zCount,
  proposer: zKey,
  txCount: zCount,
  finalMs: zCount.nullable().meta({
    description: 'from the time in its header until this coordinator heard that it is final',
  }),
});

export type LiveBlock = z.infer<typeof zLiveBlock>;

export const consoleEndpoints = {
  console: endpoint({
    method: 'GET',
    path: '/v1/console',
    summary: 'What the web console of this coordinator may reach beside it.',
    access: 'open',
    input: none,
    output: z.object({
      gateway: z.string().nullable().meta({ description: 'the gateway of whoever looks' }),
      devnet: z.boolean().meta({ description: 'a provider may be killed to show what follows' }),
    }),
  }),
  chain: endpoint({
    method: 'POST',
    path: '/v1/chain',
    summary: 'One JSON-RPC call of the chain node; only methods that read and need no token.',
    access: 'open',
    bodyBytes: 65_536,
    input: z.looseObject({ jsonrpc: z.literal('2.0'), method: z.string().max(60) }),
    output: z.looseObject({}),
  }),
  live: endpoint({
    method: 'GET',
    path: '/v1/live',
    summary:
      'Server-sent events: `blocks` as they become final and `market` events as they are stored. Goes on after Last-Event-ID.',
    access: 'open',
    streams: true,
    input: none,
    output: z.unknown(),
  }),
  killProvider: endpoint({
    method: 'POST',
    path: '/v1/devnet/kill',
    summary: 'Kills a provider of a devnet, which starts again after some seconds. Devnets only.',
    access: 'open',
    input: z.strictObject({ provider: zAddress }),
    output: z.object({ killed: z.string(), restartMs: zCount }),
  }),
} as const satisfies EndpointTable;
