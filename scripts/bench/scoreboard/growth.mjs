/**
 * What nodes hold while they are under load: the heap as their own `/metrics` tell it, resident memory as the kernel
 * does (own pages and those of files apart: the database is a mapped file), the disk of their folders. Of a heap that is collected now and then only long windows can be compared: the median and the least
 * of the first and of the last minute, or of the first and the last quarter of a shorter load.
 */
import { diskBytes, residentPartsMb } from '../lib/machine.mjs';
import { after } from '../lib/processes.mjs';
import { percentile } from '../lib/statistics.mjs';

const windowSecondsMax = 60;
const samplesInWindow = 15;
const megabyte = 1e6;

/** Looks at nodes until `stop`, which gives what was seen of each. */
export function watchGrowth(nodes, seconds) {
  const windowSeconds = Math.min(windowSecondsMax, seconds / 4);
  const ending = new AbortController();
  const begunMs = performance.now();
  const kept = nodes.map(() => []);
  const diskBegin = nodes.map(({ dataDir }) => diskBytes(dataDir));
  const look = async () => {
    const seen = await Promise.all(nodes.map(memoryOf));
    const atSeconds = (performance.now() - begunMs) / 1_000;
    for (const [at, memory] of seen.entries()) kept[at].push({ atSeconds, ...memory });
  };
  const run = async () => {
    while (!ending.signal.aborted) {
      await look();
      await after((windowSeconds * 1_000) / samplesInWindow, ending.signal);
    }
  };
  const running = run();
  running.catch(() => {}); // told by `stop`
  return {
    async stop() {
      ending.abort();
      await running;
      const took = (performance.now() - begunMs) / 1_000;
      const ends = { windowSeconds, took };
      return {
        windowSeconds,
        nodes: nodes.map(({ dataDir }, at) => {
          const [before, now] = [diskBegin[at], diskBytes(dataDir)];
          return {
            ...memoryGrowth(kept[at], ends),
            diskMb: { first: before / megabyte, last: now / megabyte },
            diskBytesPerSecond: (now - before) / took,
          };
        }),
      };
    },
  };
}

function memoryGrowth(samples, { windowSeconds, took }) {
  const first = samples.filter(({ atSeconds }) => atSeconds <= windowSeconds);
  const last = samples.filter(({ atSeconds }) => atSeconds >= took - windowSeconds);
  const change = (name, share) => ({
    first: percentile(first.map(read(name)), share),
    last: percentile(last.map(read(name)), share),
  });
  return {
    heapMb: change('heapMb', 0.5),
    heapLeastMb: change('heapMb', 0),
    rssMb: change('allMb', 0.5),
    ownMb: change('ownMb', 0.5),
    fileMb: change('fileMb', 0.5),
  };
}

const read = (name) => (sample) => sample[name];

async function memoryOf({ url, pid }) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name) => {
    const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`${url}/metrics has no ${name}`);
    return Number(found) / megabyte;
  };
  return { heapMb: value('nodejs_heap_used_bytes'), ...residentPartsMb(pid) };
}
