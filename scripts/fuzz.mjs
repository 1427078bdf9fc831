/**
 * Fuzzes every decoder that reads a stranger's bytes and every endpoint of a whole network of real processes, with cases
 * made from schemas, from mutations of real encodings, and from what HTTP can be abused for. Needs a build.
 *
 *   node scripts/fuzz.mjs [--part decoders|endpoints|node] [--seconds 60] [--seed 1] [--only PATTERN] [--replay HEX]
 *     [--out FILE]
 *   node scripts/fuzz.mjs --cases 1000000 --out FILE [--seconds 3600] [--seed 1] [--only PATTERN]
 *
 * Without `--part` all three run. The seconds of a part are shared between its targets; a broken property ends its
 * target, is printed with the seed and the bytes as hex, and makes the exit code 1; `--only NAME --replay HEX` runs that one
 * case again. `endpoints` also holds patient connections open until they are cut (about three minutes in all) and
 * compares the heaps of all processes after a collection before and after. The times of the table are those of this machine.
 *
 * With `--cases` each decoder runs until it has had that many, or until the seconds are over; FILE holds how far each has
 * come, and the same command goes on from there.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { after, withCleanup } from './bench/lib/processes.mjs';
import { loadCorpus } from './fuzz/corpus.mjs';
import { decoderTargets } from './fuzz/decoders/all.mjs';
import { endpointTargets } from './fuzz/endpoints/targets.mjs';
import { loadInternals } from './fuzz/internals.mjs';
import { liveTargets } from './fuzz/live-targets.mjs';
import { runLong } from './fuzz/long-run.mjs';
import { emptyCount, runCase, runTarget } from './fuzz/run.mjs';

const { values: options } = parseArgs({
  options: {
    part: { type: 'string' },
    seconds: { type: 'string' },
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    replay: { type: 'string' },
    out: { type: 'string', default: '' },
  },
});
const seconds = Number(
  options.seconds ?? (options.cases === undefined ? 60 : Number.POSITIVE_INFINITY),
);
if (!(seconds > 0)) throw new Error('--seconds is a number above 0');
const wanted = Number(options.cases ?? 1);
if (!Number.isSafeInteger(wanted) || wanted < 1) throw new Error('--cases is a whole number');
const collectMs = 20_000; // the daemons collect their heaps each 15 s
const heapGrowthMbMax = 64;

process.exitCode = await withCleanup(main);

async function main(undo) {
  const corpus = loadCorpus();
  const internals = await loadInternals('dist');
  const endpoints = endpointTargets(corpus, { undo });
  const parts = {
    decoders: { targets: decoderTargets(corpus, internals, undo) },
    node: { targets: liveTargets(corpus, { internals, undo }) },
    endpoints: { targets: endpoints.targets, around: endpoints },
  };
  const part = options.cases === undefined ? options.part : (options.part ?? 'decoders');
  const named = Object.entries(parts).filter(([name]) => [undefined, name].includes(part));
  if (named.length === 0) throw new Error(`no part is named ${part}`);
  const pattern = options.only === undefined ? undefined : new RegExp(options.only);
  const chosen = named.map(([name, { targets, around }]) => ({
    ...{ name, around },
    targets: targets.filter((target) => pattern === undefined || pattern.test(target.name)),
  }));
  const all = chosen.flatMap(({ targets }) => targets);
  if (all.length === 0) throw new Error(`no target is named ${options.only}`);
  if (options.replay !== undefined) return replay(all);
  if (options.cases !== undefined) return runUntil(part, all);
  const counts = [];
  for (const one of chosen) if (one.targets.length > 0) await runPart(one, counts);
  return conclude(counts);
}

async function runPart({ name, targets, around }, counts) {
  say([name, 'cases', 'accepted', 'refused', 'slowest ms', 'heap MB']);
  await targets[0].start?.();
  const isWhole = around !== undefined && options.only === undefined;
  const patient = isWhole ? around.openPatient() : undefined;
  const heaps = isWhole ? await heapsNow(around) : undefined;
  for (const target of targets) {
    await target.start?.();
    const endMs = performance.now() + (seconds * 1_000) / targets.length;
    const isOver = () => performance.now() > endMs;
    const count = await runTarget(target, { seed: options.seed, isOver });
    counts.push({ part: name, ...count });
    tell(count);
    if (count.fault) complain(count);
  }
  if (isWhole) counts.push(...(await closing({ around, patient, heaps })));
}

async function runUntil(part, targets) {
  if (part !== 'decoders') throw new Error('--cases is for decoders');
  say([part, 'cases', 'accepted', 'refused', 'slowest ms', 'heap MB']);
  Error.stackTraceLimit = 0; // most refusals are errors, and their stacks cost more than they; --replay shows one
  const endMs = performance.now() + seconds * 1_000;
  const rows = await runLong(targets, {
    ...{ seed: options.seed, wanted, file: options.out, tell },
    isOver: () => performance.now() > endMs,
  });
  const sum = rows.reduce((cases, row) => cases + row.cases, 0);
  const complete = rows.filter(({ cases }) => cases >= wanted).length;
  const faults = rows.filter(({ fault }) => fault !== null);
  console.log(
    `${complete} of ${rows.length} targets have had ${wanted} cases; ${sum} cases in all`,
  );
  for (const { name, fault, bytes } of faults) console.log(`  ${name}: ${fault}\n    ${bytes}`);
  return faults.length === 0 ? 0 : 1;
}

async function heapsNow(around) {
  await after(collectMs);
  return around.heaps();
}

/** What is looked at when all cases of a network have run. */
async function closing({ around, patient, heaps }) {
  const found = [];
  const check = async (name, work) => {
    const count = { ...emptyCount(name), cases: 1 };
    try {
      console.log(`${name}: ${await work()}`);
    } catch (error) {
      count.fault = { bytes: Buffer.alloc(0), at: 0, error };
      complain(count);
    }
    found.push({ part: 'endpoints', ...count });
  };
  await check('patient connections', async () => {
    const slowest = await patient.finish();
    return `${patient.count} were cut, the last after ${Math.round(slowest / 1_000)} s`;
  });
  await check('logs', async () => around.demandSilence() ?? 'silent');
  await check('heaps', async () => {
    const now = await heapsNow(around);
    const rows = Object.entries(now).map(([daemon, mb]) => ({
      daemon,
      grown: mb - heaps[daemon],
      mb,
    }));
    const text = rows.map(
      ({ daemon, grown, mb }) => `${daemon} ${mb.toFixed(1)} (${grown.toFixed(1)} more)`,
    );
    if (rows.some(({ grown }) => grown > heapGrowthMbMax))
      throw new Error(`MB: ${text.join(', ')}`);
    return `MB: ${text.join(', ')}`;
  });
  return found;
}

function conclude(counts) {
  const sum = counts.reduce((cases, count) => cases + count.cases, 0);
  const faults = counts.filter(({ fault }) => fault !== undefined);
  console.log(
    `${counts.length} targets, ${sum} cases, seed ${options.seed}: ${faults.length} faults`,
  );
  for (const { name, fault } of faults)
    console.log(`  ${name}: ${fault.error.message.slice(0, 200)}`);
  if (options.out) {
    const rows = counts.map(({ fault, ...count }) => ({
      ...count,
      fault: fault?.error.message ?? null,
    }));
    writeFileSync(
      options.out,
      `${JSON.stringify({ seed: options.seed, seconds, rows }, null, 1)}\n`,
    );
  }
  return faults.length === 0 ? 0 : 1;
}

async function replay(targets) {
  const [target] = targets;
  if (targets.length > 1) throw new Error('--replay needs an --only that names one target');
  await target.start?.();
  const count = emptyCount(target.name);
  const bytes = new Uint8Array(Buffer.from(options.replay, 'hex'));
  count.fault = await runCase(target, bytes, { count });
  if (!count.fault) return 0;
  complain(count);
  return 1;
}

function tell({ name, cases, accepted, refused, slowestMs, peakMiB }) {
  say([name, cases, accepted, refused, slowestMs.toFixed(1), Math.ceil(peakMiB)]);
}

function say([name, ...figures]) {
  const columns = figures.map((figure) => String(figure).padStart(11));
  console.log(name.padEnd(34) + columns.join(''));
}

function complain({ name, fault: { bytes, at, error } }) {
  console.error(`\n${name}: ${error.stack}`);
  console.error(`seed ${options.seed}, case ${at}, ${bytes.length} bytes:`);
  const exact = `^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
  console.error(
    `node scripts/fuzz.mjs --only '${exact}' --replay ${bytes.toString('hex').slice(0, 4_000)}`,
  );
}
