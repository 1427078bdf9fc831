/** The route call alone, with a market that the caller fills: for benches and load tests. */
import type { OfferIndex, RouteQuery } from '@aitbc/market';
import { systemClock } from '@aitbc/primitives';
import { coordinatorEndpoints } from '@aitbc/protocol';
import { createHttp, createLog, mountEndpoints } from '@aitbc/service';
import { createDecisionLog } from '../market/decisions/decision-log.ts';
import { routeOffers } from '../market/market.ts';

/** The market to serve. */
export interface RouteServerDeps {
  readonly index: OfferIndex;
  /** A number in [0, 1). */
  draw(): number;
}

/** Starts the real HTTP stack, schema, handler and decision log on a free port of loopback. */
export async function startRouteServer(
  deps: RouteServerDeps,
): Promise<{ url: string; close(): Promise<void> }> {
  const log = createLog({ name: 'route', level: 'silent' });
  const lines = { newest: () => [], save() {}, close: async () => {} };
  const decisions = createDecisionLog({ epoch: 'test' }, lines);
  const market = { index: deps.index, draw: deps.draw, decisions, clock: systemClock };
  const http = createHttp({ name: 'route', log });
  const { route } = coordinatorEndpoints;
  const handlers = { route: (query: RouteQuery) => routeOffers(market, query) };
  mountEndpoints(http.app, { route }, { handlers, log });
  const url = await http.listen({ host: '127.0.0.1', port: 0 });
  return { url, close: () => http.close() };
}
