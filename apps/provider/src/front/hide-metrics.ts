import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Numbers of the process are for its own machine; to anybody else the path does not exist. */
export function hideMetrics(
  app: FastifyInstance,
  callerOf: (request: FastifyRequest) => string = ({ ip }) => ip,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const isOurs = /^(::ffff:)?127\.|^::1$/.test(callerOf(request));
    if (request.routeOptions.url === '/metrics' && !isOurs) reply.callNotFound();
    else done();
  });
}
