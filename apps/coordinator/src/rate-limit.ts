/** One address may send so many POST requests a minute; the answers say how many are left. */

import { AppError } from '@aitbc/protocol';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';

const addressesKept = 10_000;

/** Limits the routes that are mounted after it; the limit is read for every request. */
export async function limitPosts(
  app: FastifyInstance,
  postsPerMinute: () => number,
): Promise<void> {
  app.addHook('onRequest', async ({ socket }) => {
    // Whoever has hung up by now has no address to count for, and hears no answer.
    if (socket.remoteAddress === undefined) throw new AppError('CANCELLED');
  });
  await app.register(rateLimit, {
    max: postsPerMinute,
    timeWindow: 60_000,
    cache: addressesKept,
    enableDraftSpec: true,
    allowList: (request) => request.method !== 'POST',
    errorResponseBuilder: (_request, { ttl }) =>
      new AppError('RATE_LIMITED', { retryAfterSeconds: Math.max(1, Math.ceil(ttl / 1_000)) }),
  });
}
