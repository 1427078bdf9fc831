/**
 * Latency of one job against the jobs that wait: `node scripts/bench/growth/queue.mjs [--sizes 100,1000,10000,100000]
 * [--jobs 300] [--rounds 1] [--out FILE]` after a build; needs Redis.
 *
 * The queue is filled up to each size; then one job at a time is enqueued, and the oldest is dispatched and completed, each
 * step durable before the next. Ours is the coordinator's store on SQLite; beside it BullMQ with fsync.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installQueues, queueVersions, startServer } from '../jobs/servers.mjs';
import { machineText } from '../lib/machine.mjs';
import { percentile, spreadOf, spreadText, tableText } from '../lib/statistics.mjs';
import { writeJson } from '../lib/write-json.mjs';

const lot = 500;
const warmUp = 50;
const systems = {
  'aitbc-sqlite': () => import('../jobs/ours.mjs'),
  bullmq: () => import('../jobs/bullmq.mjs'),
};
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,1000,10000,100000' },
    jobs: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '1' },
    out: { type: 'string', default: '' },
  },
});
const sizes = values.sizes.split(',').map(Number);
const folder = mkdtempSync(join(tmpdir(), 'aitbc-queue-'));
const found = {};
installQueues();
try {
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const name of Object.keys(systems)) {
      const list = await measure(name, join(folder, `${name}-${round}`));
      found[name] = [...(found[name] ?? []), list];
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const figures = Object.entries(found).flatMap(([name, rounds]) =>
  [0.5, 0.99].map((share) => ({
    label: `${name}, enqueue + dispatch + complete, p${share * 100}, ms`,
    points: sizes.map((x, at) => ({
      x,
      ...spreadOf(rounds.map((list) => percentile(list[at], share))),
    })),
  })),
);
const rows = sizes.map((x, at) => [
  String(x),
  ...figures.map(({ points }) => spreadText(points[at])),
]);
console.log(tableText([['jobs queued', ...figures.map(({ label }) => label)], ...rows]));
const bullmq = queueVersions().bullmq;
writeJson(values.out, { machine: machineText(), bullmq, panels: figures });

/** For each size the times of single jobs, ms. */
async function measure(name, place) {
  mkdirSync(place);
  const server = await startServer(name, place);
  const { open } = await systems[name]();
  const queue = await open(server.url);
  try {
    let [filled, queued] = [0, 0];
    const list = [];
    for (const size of sizes) {
      for (; queued < size; filled += lot) {
        const count = Math.min(lot, size - queued);
        await queue.enqueue(filled, filled + count);
        queued += count;
      }
      const times = [];
      for (let at = -warmUp; at < Number(values.jobs); at += 1) {
        const begunMs = performance.now();
        await queue.enqueue(filled + lot + at, filled + lot + at + 1);
        await queue.one();
        if (at >= 0) times.push(performance.now() - begunMs);
      }
      filled += lot + Number(values.jobs);
      list.push(times);
      console.log(`${name}, ${size} queued: ${percentile(times, 0.5).toFixed(2)} ms`);
    }
    return list;
  } finally {
    await queue.close();
    await server.stop();
  }
}
