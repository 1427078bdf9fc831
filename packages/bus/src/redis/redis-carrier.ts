/**
 * Envelopes through Redis, for development: many processes on one or a few machines, one Redis, no
 * configuration. Nothing trusts it; who runs Redis can drop and repeat messages and see who talks, no more.
 *
 * Streams, not pub/sub: a subscriber that was cut off reads on where it stood, and a publisher knows that Redis
 * has what it wrote. The choice and its limits: docs/adr/0014-bus.md; key names: docs/spec/bus.md.
 */
import { hex } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import type { Redis } from 'ioredis';
import type { Carrier, CarrierSink } from '../carrier.ts';
import { createConnection } from './connection.ts';
import { createReader } from './reader.ts';
import type { RedisCarrierDeps, RedisCarrierOptions } from './types.ts';
import { createWriter } from './writer.ts';

export type { RedisCarrierOptions } from './types.ts';

/** A carrier for one Redis server; connects in `start`. */
export function createRedisCarrier(options: RedisCarrierOptions, deps: RedisCarrierDeps): Carrier {
  const writerClient = createConnection(options, deps);
  const readerClient = createConnection(options, deps);
  const writer = createWriter(writerClient, deps);
  const reader = createReader({ reader: readerClient, writer: writerClient }, deps);
  const prefix = `aitbc:${options.network.genesisHash.slice(0, 16)}`;
  const topicKey = (topic: string) => `${prefix}:topic:${topic}`;
  const inboxKey = (key: string) => `${prefix}:inbox:${key}`;
  const clients = [
    { client: writerClient, onReady: writer.onReady },
    { client: readerClient, onReady: reader.onReady },
  ];
  let sink: CarrierSink | undefined;

  const showState = () => {
    const isWhole = clients.every(({ client }) => client.status === 'ready');
    sink?.onState(isWhole ? 'connected' : 'cut');
  };
  const watch = ({ client, onReady }: (typeof clients)[number]) => {
    client.on('ready', () => {
      runIdOf(client).then(onReady, () => client.disconnect(true)); // cut off again already
      showState();
    });
    client.on('close', showState);
  };
  return {
    async start(newSink) {
      sink = newSink;
      for (const one of clients) watch(one);
      await connectAll(
        clients.map(({ client }) => client),
        options,
      );
      await reader.add(inboxKey(hex(options.keys.publicKey)), (bytes) => newSink.onInbox(bytes));
    },
    async stop() {
      writer.stop();
      await reader.stop();
      writerClient.disconnect();
    },
    join: (topic) => reader.add(topicKey(topic), (bytes) => void sink?.onTopic(topic, bytes)),
    async leave(topic) {
      reader.remove(topicKey(topic));
    },
    broadcast: async (topic, envelope, signal) => writer.push(topicKey(topic), envelope, signal),
    deliver: async (to, envelope, signal) => writer.push(inboxKey(to), envelope, signal),
  };
}

/** Throws AppError UNAVAILABLE; then nothing goes on trying in the background. */
async function connectAll(clients: readonly Redis[], { url }: RedisCarrierOptions): Promise<void> {
  try {
    await Promise.all(clients.map((client) => client.connect()));
  } catch (error) {
    for (const client of clients) client.disconnect();
    const { host } = new URL(url);
    const reason = error instanceof Error ? error.message : 'unknown';
    throw new AppError('UNAVAILABLE', { what: `Redis at ${host}`, reason }, { cause: error });
  }
}

/** Changes whenever Redis is started. */
async function runIdOf(redis: Redis): Promise<string> {
  return /run_id:(\w+)/.exec(await redis.info('server'))?.[1] ?? '';
}
