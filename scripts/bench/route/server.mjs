/**
 * The route call of the coordinator with a market already in its index: the real HTTP stack, schema, handler
 * and decision log, without the hundred thousand sockets. Heartbeats come at the rate of that many providers.
 * Speaks with its parent: tells its URL, then answers each message with what it has used.
 */
import { startRouteServer } from '@aitbc/coordinator/testing/route-server';
import { createMarket } from './market.mjs';

const SLICE_MS = 10;
const BEATS_PER_SLICE_MAX = 500;

const market = createMarket(Number(process.argv[2]));
const builtAtMs = Date.now();
for (const provider of market.providers) market.index.heard(provider, { atMs: builtAtMs });

let owed = 0;
let beats = 0;
let beatenAtMs = builtAtMs;
setInterval(() => {
  const nowMs = Date.now();
  owed += ((nowMs - beatenAtMs) * market.beatsPerSecond) / 1_000;
  beatenAtMs = nowMs;
  for (let beat = 0; beat < BEATS_PER_SLICE_MAX && owed >= 1; beat += 1) {
    market.beat(nowMs);
    owed -= 1;
    beats += 1;
  }
}, SLICE_MS);

const { url } = await startRouteServer(market);
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpuUs: user + system, beats, residentMb: process.memoryUsage().rss / 1e6 });
});
process.on('disconnect', () => process.exit(0));
process.send({ url });
