/**
 * Fuzzes every decoder that reads a stranger's bytes and every endpoint of a whole network of real processes, with cases
 * made from schemas, from mutations of real encodings, and from what HTTP can be abused for. Needs a build.
 *
 *   node scripts/fuzz.mjs [--part decoders|endpoints|node] [--seconds 60] [--seed 1] [--only PATTERN] [--replay HEX]
 *     [--out FILE]
 *
 * Without `--part` all three run. The seconds of a part are shared between its targets; a broken property ends its
 * target, is printed with the seed and the bytes as hex, and makes the exit code 1; `--only NAME --replay HEX` runs that one
 * case again. `endpoints` also holds patient connections open until they are cut (about three minutes in all) and
 * compares the heaps of all processes after a collection before and after. The times of the table are those of this machine.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { after, withCleanup } from './bench/lib/processes.mjs';
import { loadCorpus } from './fuzz/corpus.mjs';
import { decoderTargets } from './fuzz/decoders/all.mjs';
import { endpointTargets } from './fuzz/endpoints/targets.mjs';
import { loadInternals } from './fuzz/internals.mjs';
import { liveTargets } from './fuzz/live-targets.mjs';
import { emptyCount, runCase, runTarget } from './fuzz/run.mjs';

const { values: options } = parseArgs({
  options: {
    part: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    replay: { type: 'string' },
    out: { type: 'string', default: '' },
  },
});
const seconds = Number(options.seconds);
if (!(seconds > 0)) throw new Error('--seconds is a number above 0');
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
  const wanted = Object.entries(parts).filter(([name]) => [undefined, name].includes(options.part));
  if (wanted.length === 0) throw new Error(`no part is named ${options.part}`);
  const pattern = options.only === undefined ? undefined : new RegExp(options.only);
  const chosen = wanted.map(([name, { targets, around }]) => ({
    ...{ name, around },
    targets: targets.filter((target) => pattern === undefined || pattern.test(target.name)),
  }));
  const all = chosen.flatMap(({ targets }) => targets);
  if (all.length === 0) throw new Error(`no target is named ${options.only}`);
  if (options.replay !== undefined) return replay(all);
  const counts = [];
  for (const part of chosen) if (part.targets.length > 0) await runPart(part, counts);
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
