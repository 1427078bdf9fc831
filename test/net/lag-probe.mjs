/**
 * Loaded into a daemon with `--import`: writes the delays of its event loop since its start, in milliseconds, one
 * JSON line each time. `own` are the same delays without the time for which the thread was ready and others had the
 * cores: what the daemon itself does to its loop. Our own `/metrics` have no such number on purpose: its timer would
 * wake an idle daemon a hundred times a second.
 */
import { appendFileSync, openSync, readSync } from 'node:fs';
import { createHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const file = process.env.AITBC_LAG_FILE;
const resolution = 10;
const everyMs = 250;

/** Reads for how long the main thread has waited for a core so far, ms; Linux tells, elsewhere it is 0. */
function openWaits() {
  if (process.platform !== 'linux') return () => 0;
  const fd = openSync(`/proc/self/task/${process.pid}/schedstat`);
  const bytes = Buffer.alloc(96);
  return () => {
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    return Number(bytes.toString('latin1', 0, length).split(' ')[1]) / 1e6;
  };
}

if (isMainThread && file) {
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  const own = createHistogram();
  const waitedMs = openWaits();
  let [lastMs, lastWaitedMs] = [performance.now(), waitedMs()];
  const look = () => {
    const [nowMs, nowWaitedMs] = [performance.now(), waitedMs()];
    const lateMs = nowMs - lastMs - resolution - (nowWaitedMs - lastWaitedMs);
    own.record(Math.max(1, Math.round(lateMs * 1e6)));
    [lastMs, lastWaitedMs] = [nowMs, nowWaitedMs];
  };
  setInterval(look, resolution).unref();
  const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);
  const write = () => {
    const all = { p99: ms(delays.percentile(99)), max: ms(delays.max) };
    const ownP99 = own.percentile(99) / 1e6;
    const entry = { atMs: Date.now(), count: delays.count, ...all, ownP99 };
    appendFileSync(file, `${JSON.stringify(entry)}\n`);
  };
  // Never reset: the last line holds the percentiles of the whole life of the daemon.
  setInterval(write, everyMs).unref();
}
