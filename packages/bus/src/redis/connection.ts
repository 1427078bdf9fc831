/** A connection to Redis that comes back by itself and never keeps commands back: waiting is our own business. */
import { Redis } from 'ioredis';
import type { RedisCarrierDeps, RedisCarrierOptions } from './types.ts';

const backoffMs = { first: 50, most: 2_000 };
const connectTimeoutMs = 5_000;
/** A server that leaves a command without an answer for so long is taken for dead; reads block for 1 s. */
const silenceMs = 5_000;

/** A client that is not connected yet. Errors of the connection are logged; the state says the rest. */
export function createConnection(
  { url, username, password, caPem }: RedisCarrierOptions,
  { log }: Pick<RedisCarrierDeps, 'log'>,
): Redis {
  const redis = new Redis(url, {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(caPem !== undefined && { tls: { ca: caPem } }),
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    socketTimeout: silenceMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    protocol: 2, // the older form of replies is the same for every server from 5 on
    retryStrategy: (times) => Math.min(backoffMs.first * 2 ** Math.min(times, 10), backoffMs.most),
  });
  redis.on('error', (error: unknown) =>
    log.debug({ err: error }, 'the connection to Redis failed'),
  );
  // ioredis listens to one error of a socket. TLS may report a second one, which would end the process.
  redis.on('connecting', () => setImmediate(() => redis.stream?.on('error', () => {})));
  return redis;
}

/** True for an answer of Redis itself (no permission, out of memory); false when the connection failed. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
