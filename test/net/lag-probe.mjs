/**
 * Loaded into a daemon with `--import`: writes the delays of its event loop since the last writing, in
 * milliseconds, one JSON line each time. Our own `/metrics` have no such number on purpose: its timer would
 * wake an idle daemon a hundred times a second.
 */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const file = process.env.AITBC_LAG_FILE;
const resolution = 10;
const everyMs = 250;

if (isMainThread && file) {
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);
  const write = () => {
    const entry = { atMs: Date.now(), count: delays.count, p99: ms(delays.percentile(99)) };
    appendFileSync(file, `${JSON.stringify({ ...entry, max: ms(delays.max) })}\n`);
  };
  // Never reset: the last line holds the percentiles of the whole life of the daemon.
  setInterval(write, everyMs).unref();
}
