/**
 * The route call of the coordinator with a market already in its index: the real HTTP stack, schema, handler
 * and decision log, without the hundred thousand sockets. Heartbeats come at the rate of that many providers.
 * Speaks with its parent: tells its URL, then answers `cpu` with what it has used.
 */
import { systemClock } from '@aitbc/primitives';
import { coordinatorEndpoints } from '@aitbc/protocol';
import { createHttp, createLog, mountEndpoints } from '@aitbc/service';
import { createDecisionLog } from '../../../apps/coordinator/dist/market/decisions/decision-log.js';
import { routeOffers } from '../../../apps/coordinator/dist/market/market.js';
import { createMarket } from './market.mjs';

const SLICE_MS = 10;

const size = Number(process.argv[2]);
const market = createMarket(size);
const log = createLog({ name: 'bench', level: 'silent' });
const store = { newest: () => [], save: () => {}, close: async () => {} };
const decisions = createDecisionLog({ epoch: 'bench' }, store);
const { index, measurements, draw } = market;
const deps = { index, measurements, decisions, clock: systemClock, draw, sessions: undefined };

const builtAtMs = Date.now();
for (const provider of market.providers) index.heard(provider, { atMs: builtAtMs });
let owed = 0;
let beatenAtMs = Date.now();
setInterval(() => {
  const nowMs = Date.now();
  owed += ((nowMs - beatenAtMs) * market.beatsPerSecond) / 1_000;
  beatenAtMs = nowMs;
  for (; owed >= 1; owed -= 1) market.beat(nowMs);
}, SLICE_MS);
setInterval(() => decisions.flush(), 500);

const http = createHttp({ name: 'bench', log });
const { route } = coordinatorEndpoints;
mountEndpoints(
  http.app,
  { route },
  { handlers: { route: (query) => routeOffers(deps, query) }, log },
);
const url = await http.listen({ host: '127.0.0.1', port: 0 });
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuUs: user + system, residentMb: process.memoryUsage().rss / 1e6 });
});
process.on('disconnect', () => process.exit(0));
process.send({ url });
