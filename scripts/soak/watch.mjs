/** Looks at every daemon of a soak now and then: memory, heap after a collection, handles, threads, disk. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { diskBytes } from '../bench/lib/machine.mjs';
import { after } from '../bench/lib/processes.mjs';

const everyMs = 10_000;

/** Samples until `stop`, which gives them by the daemon's name. `unitsOf()` tells what was done so far. */
export function watchDaemons({ devnet, heapFolder }, unitsOf) {
  const ending = new AbortController();
  const samples = Object.fromEntries(devnet.names.map((name) => [name, []]));
  const begunMs = performance.now();
  const look = async () => {
    const units = await unitsOf();
    const atHours = (performance.now() - begunMs) / 3_600_000;
    for (const name of devnet.names) {
      const { pid } = devnet.daemon(name);
      const place = { pid, heapFolder, dataDir: join(devnet.home, name) };
      samples[name].push({ atHours, ...units, ...stateOf(place) });
    }
  };
  const run = async () => {
    while (!ending.signal.aborted) {
      await look();
      await after(everyMs, ending.signal);
    }
  };
  const running = run();
  running.catch(() => {}); // told by `stop`
  return {
    async stop() {
      ending.abort();
      await running;
      return samples;
    },
  };
}

/** Open handles of each daemon, now. */
export function countHandles(devnet) {
  return Object.fromEntries(devnet.names.map((name) => [name, handlesOf(devnet.daemon(name).pid)]));
}

const handlesOf = (pid) => readdirSync(`/proc/${pid}/fd`).length;

function stateOf({ pid, heapFolder, dataDir }) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    residentMb: (field('VmRSS') * 1_024) / 1e6,
    ownMb: (field('RssAnon') * 1_024) / 1e6,
    threads: field('Threads'),
    handles: handlesOf(pid),
    diskBytes: diskBytes(dataDir),
    ...heapOf(join(heapFolder, `${pid}.jsonl`)),
  };
}

/** The newest collection; a daemon that has had none yet has no figure. */
function heapOf(file) {
  if (!existsSync(file) || statSync(file).size === 0) return {};
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const { heapUsed, external, resources } = JSON.parse(lines.at(-1));
  return { heapMb: heapUsed / 1e6, outsideMb: external / 1e6, resources };
}
