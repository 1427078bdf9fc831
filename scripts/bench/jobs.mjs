/**
 * How many durable jobs go through our queue a second, beside the queues that people pick instead?
 *
 *   node scripts/bench/jobs.mjs [--jobs 100000] [--systems aitbc-sqlite,aitbc-postgres,bullmq,pg-boss,graphile-worker]
 *     [--rounds 1] [--slow-jobs 20000] [--out docs/bench/jobs.json]
 *
 * All durable: fsync before the acknowledgement. Every system is one process. It enqueues half of the jobs one by one, with
 * 500 on their way (they come from different buyers), and half in lots of 500 (a batch); then all wait; then it
 * works with up to 500 jobs in hand and an empty task until none is left: what is measured is the queue. "Through
 * all" is a job that came alone: enqueue, dispatch, complete. Every system stores the same order; those that can
 * (all but graphile-worker) store and keep the same result. Ours runs the coordinator's store with the rules of a
 * job's life. pg-boss completes in lots of 250, which it can and its own worker does not. Redis has appendonly with
 * `appendfsync always`; PostgreSQL 15 is as installed. CPU is that of the process and of its server. pg-boss and
 * graphile-worker get `--slow-jobs` at most, because a million would take them hours.
 *
 * The machine's cores are shared with whatever else runs: compare ratios of one run. Needs `npm run build`,
 * PostgreSQL and Redis; the peers are installed into scripts/bench/jobs/peers at the first run.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installQueues, startServer } from './jobs/servers.mjs';
import { machineText } from './lib/machine.mjs';
import { withCleanup } from './lib/processes.mjs';
import { numberText, spreadOf, spreadText, tableText } from './lib/statistics.mjs';

const names = ['aitbc-sqlite', 'aitbc-postgres', 'bullmq', 'pg-boss', 'graphile-worker'];
const slow = new Set(['pg-boss', 'graphile-worker']);
const ours = new Set(['aitbc-sqlite', 'aitbc-postgres']);
const program = fileURLToPath(new URL('jobs/run-system.mjs', import.meta.url));
const baseline = 'bullmq';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '100000' },
    systems: { type: 'string', default: names.join(',') },
    rounds: { type: 'string', default: '1' },
    'slow-jobs': { type: 'string', default: '20000' },
    out: { type: 'string', default: '' },
  },
});
const wanted = values.systems.split(',');
for (const name of wanted) {
  if (!names.includes(name)) throw new Error(`no system "${name}"; there are ${names.join(', ')}`);
}
await withCleanup(bench);

async function bench(undo) {
  if (wanted.some((name) => !ours.has(name))) installQueues();
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-bench-jobs-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const rows = Object.fromEntries(wanted.map((name) => [name, []]));
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const name of wanted) {
      const jobs = slow.has(name)
        ? Math.min(Number(values.jobs), Number(values['slow-jobs']))
        : Number(values.jobs);
      const row = await measure(name, jobs, join(folder, `${round}-${name}`));
      rows[name].push(row);
      console.log(`round ${round}: ${name}: ${numberText(row.through)} jobs/s through all`);
    }
  }
  report(rows);
}

async function measure(name, jobs, folder) {
  mkdirSync(folder);
  const server = await startServer(name, folder);
  try {
    return { jobs, ...(await runSystem(name, { jobs, server, folder })) };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The system in a process of its own; the last line it prints is its figures. */
async function runSystem(name, { jobs, server, folder }) {
  const args = [program, name, `${jobs}`, server.url, `${server.pid ?? 0}`];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  const line = text.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`${name} gave no figures: ${text.slice(-500)}`);
  return JSON.parse(line);
}

function report(rows) {
  const columns = ['single', 'lots', 'work', 'through', 'cpuUs', 'queuedMb', 'workMb', 'serverMb'];
  const spreads = Object.fromEntries(
    Object.entries(rows).map(([name, list]) => [
      name,
      Object.fromEntries(columns.map((key) => [key, spreadOf(list.map((row) => row[key]))])),
    ]),
  );
  const base = spreads[baseline]?.through.median;
  const head = [
    '',
    'jobs',
    'enqueue/s',
    'dispatch + complete/s',
    'through all/s',
    'against BullMQ',
  ];
  const table = Object.entries(spreads).map(([name, row]) => [
    name,
    numberText(rows[name][0].jobs),
    ...['single', 'lots', 'work', 'through'].map((key) => spreadText(row[key])),
    base ? `${numberText(row.through.median / base)} ×` : '–',
    ...['cpuUs', 'queuedMb', 'workMb', 'serverMb'].map((key) => spreadText(row[key])),
  ]);
  head.push('CPU µs/job', 'MB, all queued', 'MB, at work', 'MB, server');
  console.log(`\n${machineText()}\n`);
  console.log(tableText([head, ...table]));
  if (base) console.log(`\n${verdict(spreads, base)}`);
  if (values.out === '') return;
  const path = resolve(values.out);
  mkdirSync(dirname(path), { recursive: true });
  const file = { machine: machineText(), jobs: Number(values.jobs), rows, spreads };
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`);
}

function verdict(spreads, base) {
  const must = 2;
  const moonshot = 7;
  const ratio = (spreads['aitbc-sqlite']?.through.median ?? Number.NaN) / base;
  const word =
    ratio >= moonshot ? 'the moonshot is reached' : ratio >= must ? 'the must is met' : 'MISSED';
  return `SQLite against BullMQ with fsync: ${numberText(ratio)} × (must ${must}, moonshot ${moonshot}): ${word}`;
}
