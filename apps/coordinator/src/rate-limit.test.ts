import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { limitPosts } from './rate-limit.ts';

const post = 'POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n';

it('a caller that has hung up has no address to count for, and that is no bug', async () => {
  const app = Fastify();
  const refused = new Promise<unknown>((resolve) => {
    app.setErrorHandler((error: { code?: unknown; message: string }, _request, reply) => {
      resolve(error.code ?? error.message);
      return reply.status(500).send();
    });
  });
  app.addHook('onRequest', ({ socket }, _reply, done) => void socket.once('close', () => done()));
  await limitPosts(app, () => 10);
  app.post('/a', () => ({}));
  await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(post, () => socket.resetAndDestroy());
    expect(await refused).toBe('CANCELLED');
  } finally {
    await app.close();
  }
});
