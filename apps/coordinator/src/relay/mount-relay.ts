import { relayPathOf } from '@aitbc/protocol';
import type { FastifyInstance } from 'fastify';
import type { RelayDesk } from './relay-desk.ts';

/** Mounts the relay: every method and path below a provider's address, with a body that nobody reads here. */
export async function mountRelay(app: FastifyInstance, desk: RelayDesk): Promise<void> {
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all(`${relayPathOf(':address')}/*`, (request, reply) => desk.carry(request, reply));
    done();
  });
}
