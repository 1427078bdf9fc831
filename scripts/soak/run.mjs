/**
 * Soak: a devnet of real processes under mixed load for a long time. Does what the daemons hold stay on a line?
 *
 *   npm run build && node scripts/soak/run.mjs [--for 30m] [--validators 2] [--providers 2] [--scale 1]
 *     [--out docs/bench/soak.json]
 *
 * Load (times `--scale`, per second): 7 paid answers in all dialects, 1 stream whose client is killed, 1 asynchronous job,
 * 4 transfers, 1 letter that is answered, a task each 10 s, pages and live streams of the console, subscribers that come and
 * go; Redis carries letters where it is installed. The engine answers at once, so that the figures are those of the daemons.
 * Exit code 1: a measure grows faster than its limit (scripts/soak/judge.mjs), or work failed beyond 1 in 1 000, or a daemon
 * has logged an error.
 */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineText } from '../bench/lib/machine.mjs';
import { after, withCleanup } from '../bench/lib/processes.mjs';
import { numberText } from '../bench/lib/statistics.mjs';
import { startAgents } from './agents.mjs';
import { startBuyers } from './buyers.mjs';
import { judge, perUnit } from './judge.mjs';
import { startReaders } from './readers.mjs';
import { growthText, pictureOf, workText } from './report.mjs';
import { startSystem } from './system.mjs';
import { countHandles, watchDaemons } from './watch.mjs';

const failuresPerMille = 1;
const tellEveryMs = 60_000;
const lastWorkMs = 60_000; // what is under way at the end may take so long
const restMs = 90_000; // then idle connections are closed
const keptEvery = 6; // one sample a minute is written down; the lines are drawn through all
const msOf = { s: 1_000, m: 60_000, h: 3_600_000 };

const { values } = parseArgs({
  options: {
    for: { type: 'string', default: '30m' },
    validators: { type: 'string', default: '2' },
    providers: { type: 'string', default: '2' },
    scale: { type: 'string', default: '1' },
    out: { type: 'string', default: '' },
  },
});
const plan = {
  forMs: durationOf(values.for),
  validators: Number(values.validators),
  providers: Number(values.providers),
  scale: Number(values.scale),
};

process.exitCode = await withCleanup(soak);

function durationOf(text) {
  const [, number, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (!unit) throw new Error('--for is a time such as 90s, 30m or 2h');
  return Number(number) * msOf[unit];
}

async function soak(undo) {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-soak-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const machine = machineText();
  console.log(machine);
  const system = await startSystem({ folder, undo, ...plan });
  const { devnet, hasRedis } = system;
  const before = countHandles(devnet);
  const ending = new AbortController();
  setMaxListeners(0, ending.signal); // each kind of work waits for it
  undo.push(() => ending.abort());
  const { signal } = ending;
  const work = [
    startBuyers({ ...urlsOf(devnet), signal, ...plan }),
    await startAgents({ devnet, signal, undo, ...plan }),
    startReaders({ devnet, signal, ...plan }),
  ];
  const counts = Object.assign({}, ...work.map((part) => part.counts));
  const watch = watchDaemons(system, () => unitsOf(devnet, counts));
  const ended = await Promise.race([devnet.failure, tellUntil(plan.forMs, { counts, signal })]);
  ending.abort();
  const samples = await watch.stop();
  const running = Promise.all(work.flatMap((part) => part.running));
  await Promise.race([running, after(lastWorkMs)]);
  if (ended instanceof Error) throw ended;
  await after(restMs);
  const rested = countHandles(devnet);
  const rests = Object.fromEntries(
    devnet.names.map((name) => [name, { before: before[name], after: rested[name] }]),
  );
  return conclude({ samples, rests, counts, devnet, about: { machine, hasRedis, ...plan } });
}

function urlsOf(devnet) {
  return { url: devnet.daemon('gateway').url, coordinator: devnet.daemon('coordinator').url };
}

/** Says once a minute how far it is. */
async function tellUntil(forMs, { counts, signal }) {
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs) {
    await after(Math.min(tellEveryMs, endMs - performance.now()), signal);
    const left = Math.max(0, Math.round((endMs - performance.now()) / msOf.m));
    const done = Object.values(counts).map(
      (one) => `${one.name} ${one.done}${one.failed ? ` (${one.failed} failed)` : ''}`,
    );
    console.log(`${left} min left: ${done.join(', ')}`);
  }
}

async function unitsOf(devnet, { answers, kills, jobs }) {
  const text = await (await fetch(`${devnet.daemon('node').url}/metrics`)).text();
  const txs = Number(/^aitbc_final_transactions_total(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1]);
  return { txs, jobs: answers.done + kills.done + jobs.done };
}

function conclude({ samples, rests, counts, devnet, about }) {
  const rows = judge(samples, rests);
  const logged = errorsLogged(devnet);
  const all = Object.values(counts);
  console.log(`\n${workText(all)}\n\n${growthText(rows)}\n`);
  for (const { daemon, perJob, perTx } of perUnit(samples)) {
    console.log(`${daemon}: heap ${numberText(perJob)} bytes/job, ${numberText(perTx)} bytes/tx`);
  }
  const failed = all.filter((one) => one.failed * 1_000 > failuresPerMille * (one.done + 1_000));
  const isGood = rows.every(({ holds }) => holds) && failed.length === 0 && logged.length === 0;
  for (const one of failed) console.log(`FAILS: ${one.name}`);
  for (const line of logged.slice(0, 20)) console.log(`logged: ${line.slice(0, 600)}`);
  if (values.out) save({ about, counts, rows, samples, perUnit: perUnit(samples), logged });
  console.log(isGood ? 'everything stays on a line' : 'FAILED');
  return isGood ? 0 : 1;
}

/** Lines of the daemons' logs at the levels error and fatal. */
function errorsLogged(devnet) {
  return devnet.names.flatMap((name) =>
    readFileSync(join(devnet.home, 'logs', `${name}.log`), 'utf8')
      .split('\n')
      .filter((line) => /"level":"?(error|fatal|50|60)\b/.test(line) || /unhandled/i.test(line))
      .map((line) => `${name}: ${line}`),
  );
}

function save({ about, samples, ...found }) {
  const minutes = Math.round(about.forMs / msOf.m);
  const title = `Heap of the daemons in ${minutes} minutes of mixed load`;
  const note = about.machine;
  const kept = Object.fromEntries(
    Object.entries(samples).map(([name, all]) => [
      name,
      all.filter((_, at) => at % keptEvery === 0),
    ]),
  );
  writeFileSync(values.out, `${JSON.stringify({ about, ...found, samples: kept })}\n`);
  writeFileSync(values.out.replace(/\.json$/, '.svg'), pictureOf(samples, { title, note }));
  console.log(`written: ${values.out}`);
}
