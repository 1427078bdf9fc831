/**
 * Routes and heartbeats in one process, each timed on its own: by the clock, and by the processor time of
 * this process (garbage collection included), which other work on the machine does not lengthen.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { linesOf, rankOffers } from '@aitbc/market';
import { createMarket, MODEL } from './market.mjs';

const LIMIT = 5;
const BEATS_PER_CALL = 4;

const SHAPES = [
  { name: 'default' },
  { name: 'default, one price', spread: 1 },
  { name: 'sort price', query: { provider: { sort: 'price' } } },
  { name: 'sort latency', query: { provider: { sort: 'latency' } } },
  { name: 'sort throughput', query: { provider: { sort: 'throughput' } } },
  {
    name: 'many wishes',
    query: {
      provider: {
        max_price: { completion: '150000000' },
        quantizations: ['q8_0', 'f16'],
        preferred_max_latency: 0.1,
      },
      canResume: true,
      contextTokens: 4_000,
    },
  },
  { name: 'rare context', query: { contextTokens: 100_000 } },
  {
    name: 'nobody fits',
    query: { provider: { max_price: { completion: '1' } } },
    expected: 0,
  },
];

/** Measures all shapes, or those that are wanted, at one size; prints a line for each. */
export function measureInProcess(size, calls, wanted = SHAPES.map(({ name }) => name)) {
  console.log(`\n${size} providers of one model, all gauges moving; microseconds`);
  console.log(
    `${' '.repeat(22)} p50 (CPU)  p99 CPU    clock | with log p50  p99 CPU | heartbeat p50  p99 CPU`,
  );
  const shapes = SHAPES.filter(({ name }) => wanted.includes(name));
  return shapes.map((shape) => measureShape(size, calls, shape));
}

function measureShape(size, calls, { name, spread, query = {}, expected = LIMIT }) {
  const memoryBefore = heapMb();
  const nowMs = Date.now(); // stands still: nobody falls silent while the bench works
  const market = createMarket(size, { spread, nowMs });
  const marketMb = heapMb() - memoryBefore;
  const asked = { models: [MODEL], provider: {}, limit: LIMIT, ...query };
  const route = [];
  const logged = [];
  const beats = [];
  for (let call = -calls / 10; call < calls; call += 1) {
    for (let beat = 0; beat < BEATS_PER_CALL; beat += 1) {
      const took = timed(() => market.beat(nowMs));
      if (call >= 0) beats.push(took);
    }
    const facts = { nowMs, draw: market.draw() };
    let ranking;
    const took = timed(() => {
      ranking = rankOffers(market.index, asked, facts);
    });
    const lines = timed(() => linesOf(ranking));
    if (ranking.offers.length !== expected) throw new Error(`${name}: ${ranking.offers.length}`);
    if (call < 0) continue;
    route.push(took);
    logged.push({ wall: took.wall + lines.wall, cpu: took.cpu + lines.cpu });
  }
  const row = {
    ...{ size, shape: name, marketMb: Math.round(marketMb) },
    ...{ routeUs: bothOf(route), withLogUs: bothOf(logged), heartbeatUs: bothOf(beats) },
  };
  print(row);
  return row;
}

function print({ shape, routeUs, withLogUs, heartbeatUs, marketMb }) {
  const text = (value) => value.toFixed(1).padStart(8);
  console.log(
    `${shape.padEnd(22)}${text(routeUs.wall.p50)}${text(routeUs.cpu.p99)}${text(routeUs.wall.p99)} |${text(withLogUs.wall.p50)}${text(withLogUs.cpu.p99)} |${text(heartbeatUs.wall.p50)}${text(heartbeatUs.cpu.p99)}   ${marketMb} MB`,
  );
}

/** Time of the clock and of the processor, µs. */
export function timed(work) {
  const before = process.cpuUsage();
  const startNs = process.hrtime.bigint();
  work();
  const wall = Number(process.hrtime.bigint() - startNs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: user + system };
}

/** Spreads by the clock and by the processor. */
export function bothOf(times) {
  return {
    wall: spreadOf(times.map(({ wall }) => wall)),
    cpu: spreadOf(times.map(({ cpu }) => cpu)),
  };
}

/** Median and tails of times. */
export function spreadOf(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

function heapMb() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed / 1e6;
}
