/** One queue in a process of its own: enqueues all jobs, then works them off; prints its figures as one line. */
import { readdirSync, readFileSync } from 'node:fs';

const [name, jobsText, url, serverPid] = process.argv.slice(2);
const jobs = Number(jobsText);
const onTheWay = 500;
const lot = 500;
const ticksPerSecond = 100;

const systems = {
  'aitbc-sqlite': () => import('./ours.mjs'),
  'aitbc-postgres': () => import('./ours.mjs'),
  bullmq: () => import('./bullmq.mjs'),
  'pg-boss': () => import('./pg-boss.mjs'),
  'graphile-worker': () => import('./graphile-worker.mjs'),
};
const { open } = await systems[name]();
const system = await open(url);
const cpuBefore = cpuMs();
const half = Math.floor(jobs / 2);
const singleS = await timed(() =>
  enqueueAll(system, { from: 0, to: half, size: 1, lanes: onTheWay }),
);
const lotsS = await timed(() => enqueueAll(system, { from: half, to: jobs, size: lot, lanes: 2 }));
const queued = memoryMb(process.pid);
const peak = watchMemory();
const workS = await timed(() => system.work(jobs));
const cpuUs = ((cpuMs() - cpuBefore) * 1_000) / jobs;
const figures = {
  single: half / singleS,
  lots: (jobs - half) / lotsS,
  work: jobs / workS,
  through: 1 / (singleS / half + workS / jobs),
  cpuUs,
  queuedMb: queued,
  workMb: peak(),
  ...(serverPid !== '0' && { serverMb: sum(serverTree(), memoryMb) }),
};
await system.close();
console.log(JSON.stringify(figures));
process.exit(0);

async function timed(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

async function enqueueAll({ enqueue }, { from, to, size, lanes }) {
  let next = from;
  const lane = async () => {
    while (next < to) {
      const first = next;
      next = Math.min(to, first + size);
      await enqueue(first, next);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

function watchMemory() {
  let most = 0;
  const look = () => {
    most = Math.max(most, memoryMb(process.pid));
  };
  look();
  const timer = setInterval(look, 200);
  return () => {
    clearInterval(timer);
    look();
    return most;
  };
}

/** CPU of this process and of the server with all its children, ms. */
function cpuMs() {
  const { user, system: kernel } = process.cpuUsage();
  return (user + kernel) / 1_000 + sum(serverTree(), cpuOfMs);
}

function serverTree() {
  if (serverPid === '0') return [];
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const fields = statOf(pid);
    if (fields) parents.set(pid, fields[1]);
  }
  const isBelow = (pid) => pid === serverPid || (parents.has(pid) && isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow);
}

/** Fields of /proc/<pid>/stat after the name: state, parent, … ; undefined for a process that is gone. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined; // it ended while we looked
  }
}

function cpuOfMs(pid) {
  const fields = statOf(pid);
  // 11 to 14: user, kernel, and those of children that have ended.
  return fields ? (sum(fields.slice(11, 15), Number) * 1_000) / ticksPerSecond : 0;
}

function memoryMb(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1_024;
  } catch {
    return 0; // it ended while we looked
  }
}

function sum(items, toNumber) {
  return items.reduce((total, item) => total + toNumber(item), 0);
}
