/** The calls of the gateway that buys canaries, under `/canary`: the same as everybody's, for newcomers only. */
import { AppError, coordinatorEndpoints } from '@aitbc/protocol';
import { type Log, mountEndpoints } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';
import { routeOffers } from '../../market/market.ts';
import type { RouteDeps } from '../../routes.ts';

const { route, report, giveAuditRecord } = coordinatorEndpoints;
const table = { route, report, giveAuditRecord };
const always = 10_000;

/** Mounts them. */
export async function mountCanaries(
  app: FastifyInstance,
  { market, desk: reports, audits }: Pick<RouteDeps, 'market' | 'desk' | 'audits'>,
  log: Log,
): Promise<void> {
  const { canaries, desk } = audits;
  const mount = (scope: FastifyInstance, _options: unknown, done: () => void): void => {
    mountEndpoints(scope, table, {
      log,
      handlers: {
        route(query) {
          const target = canaries.target();
          if (target === undefined) {
            throw new AppError('NO_OFFER', {
              model: query.models[0] ?? '',
              reason: 'nobody is new',
            });
          }
          const only = { only: [target], verifiable: true };
          return routeOffers(market, { ...query, provider: { ...query.provider, ...only } });
        },
        report(input) {
          const { provider } = input.receipt.payload;
          return reports.take(input, canaries.isNewcomer(provider) ? always : undefined);
        },
        giveAuditRecord: async ({ record }) => ({ accepted: await desk.takeRecord(record) }),
      },
    });
    done();
  };
  await app.register(mount, { prefix: '/canary' });
}
