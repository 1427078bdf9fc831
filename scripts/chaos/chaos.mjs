/**
 * `npm run chaos`: the chaos network (`aitbc net`) with several seeds, one after the other, as a table.
 *
 *   npm run chaos                                    seeds 1 to 10, two minutes each
 *   npm run chaos -- --seeds 3 --from 40 --for 30s   seeds 40, 41 and 42, half a minute each
 *   npm run chaos -- --plants all                    every planted bug with one seed: each must be found
 *   npm run chaos -- --plants claim-adds,half-quorum --seeds 3
 *   npm run chaos -- --out chaos.json                the reports too, as JSON
 *
 * A bug is planted in the first seeds (from `--from` on) whose plans have somebody who provokes it, in a smaller and
 * shorter network. `--validators`, `--providers`, `--agents` and `--for` go on to `aitbc net`. The exit code is 0 when
 * every seed without a bug holds, and when every planted bug is found with at least one seed, by a row that is about it.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setupOrExplain } from '../setup.mjs';

const PROGRAM = 'cli/bin/aitbc.mjs';
const OUTPUT_MAX_BYTES = 256 * 1_048_576;

/** What runs are like when nothing else is said. */
const wholeSizes = { seeds: '10', for: '2m', validators: '4', providers: '20', agents: '50' };
const plantSizes = { seeds: '1', for: '40s', validators: '4', providers: '12', agents: '16' };
const seedsTried = 10_000;

const { values: words } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    for: { type: 'string' },
    plants: { type: 'string' },
    out: { type: 'string' },
    validators: { type: 'string' },
    providers: { type: 'string' },
    agents: { type: 'string' },
  },
});
const values = { ...(words.plants === undefined ? wholeSizes : plantSizes), ...words };

/** One run; the report of `aitbc net`, or what it said in place of one. */
function run(seed, plant) {
  const sizes = ['validators', 'providers', 'agents', 'for'].flatMap((name) => [
    `--${name}`,
    values[name],
  ]);
  const bug = plant === undefined ? [] : ['--plant', plant];
  const args = [PROGRAM, 'net', ...sizes, '--chaos', `seed=${seed}`, ...bug, '--json'];
  return new Promise((resolve) => {
    const options = { maxBuffer: OUTPUT_MAX_BYTES };
    execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        resolve({ error: { message: stderr || stdout || 'it said nothing' } });
      }
    });
  });
}

/** What a line of the table says of a report. */
function lineOf({ seed, plant, report, seconds }) {
  const name = plant === undefined ? '' : `${plant.padEnd(18)}`;
  const head = `${name}seed ${String(seed).padEnd(6)} ${String(seconds).padStart(4)} s  `;
  if (report.error) return `${head}no run: ${report.error.message.trim()}`;
  const broken = report.rows.filter((row) => row.broken.length > 0);
  const held = report.rows.filter((row) => row.broken.length === 0 && row.checked > 0).length;
  const { jobsCompleted, jobsFailed, failovers, refused } = report.counts;
  const facts =
    `${jobsCompleted} jobs whole, ${jobsFailed} honest errors, ${failovers} moved, ${refused} refused, ` +
    `${report.blocks} blocks, ${report.plan.faults.length} faults`;
  const words = broken.map((row) => `${row.name}: ${row.broken[0]}`).join(' | ');
  return `${head}${held} rows hold, ${broken.length} broken; ${facts}${words ? `\n    ${words}` : ''}`;
}

async function main() {
  if (!(await setupOrExplain())) return 1;
  const begunMs = Date.now();
  const runs = [];
  for (const { seed, plant } of await tasks()) {
    const startMs = Date.now();
    const report = await run(seed, plant);
    const one = { seed, plant, report, seconds: secondsSince(startMs) };
    runs.push(one);
    console.log(lineOf(one));
    if (values.out) writeFileSync(values.out, JSON.stringify(runs, null, 1));
  }
  const exitCode = values.plants === undefined ? sumOfSeeds(runs) : await sumOfPlants(runs);
  console.log(`${Math.ceil(secondsSince(begunMs) / 60)} minutes in all`);
  return exitCode;
}

function secondsSince(beginMs) {
  return Math.round((Date.now() - beginMs) / 1_000);
}

/** Seeds to run, each with its bug. */
async function tasks() {
  const count = Number(values.seeds);
  if (values.plants === undefined) {
    return Array.from({ length: count }, (_, at) => ({ seed: Number(values.from) + at }));
  }
  const { makePlan, plants } = await import('@aitbc/cli/net');
  const known = plants.map(({ name }) => name);
  const names = values.plants === 'all' ? known : values.plants.split(',');
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no such bug: ${unknown}; there are ${known.join(', ')}`);
  const chosen = plants.filter(({ name }) => names.includes(name));
  return chosen.flatMap(({ name: plant, isProvoked }) =>
    seedsFor((seed) => isProvoked(makePlan({ ...sizes(), seed }))).map((seed) => ({ seed, plant })),
  );
}

function sizes() {
  const [, digits, unit] = /^([0-9]+)(s|m)$/.exec(values.for) ?? [];
  const forMs = Number(digits) * (unit === 'm' ? 60_000 : 1_000);
  const { validators, providers, agents } = values;
  return {
    forMs,
    validators: Number(validators),
    providers: Number(providers),
    agents: Number(agents),
  };
}

/** The first seeds that will do. */
function seedsFor(isFit) {
  const found = [];
  const from = Number(values.from);
  for (
    let seed = from;
    seed < from + seedsTried && found.length < Number(values.seeds);
    seed += 1
  ) {
    if (isFit(seed)) found.push(seed);
  }
  return found;
}

function sumOfSeeds(runs) {
  const well = runs.filter(({ report }) => report.isWell === true).length;
  console.log(`\n${well} of ${runs.length} seeds hold in every row`);
  return well === runs.length ? 0 : 1;
}

/** A bug is found by a run that went through, where one of the rows is broken that are about it. */
async function sumOfPlants(runs) {
  const { plants } = await import('@aitbc/cli/net');
  const rowsOf = ({ plant, report }) => {
    const { seenIn } = plants.find(({ name }) => name === plant);
    const broken = report.rows?.filter((row) => row.broken.length > 0) ?? [];
    return broken.map(({ name }) => name).filter((name) => seenIn.includes(name));
  };
  const names = [...new Set(runs.map(({ plant }) => plant))];
  const { validators, providers, agents } = values;
  console.log(
    `\n${validators} validators, ${providers} providers, ${agents} agents, ${values.for}`,
  );
  const found = names.map((name) => {
    const own = runs.filter(({ plant }) => plant === name);
    const hits = own.filter((one) => rowsOf(one).length > 0);
    const rows = [...new Set(hits.flatMap(rowsOf))].join(', ');
    const seeds = own.map(({ seed }) => seed).join(', ');
    const how = hits.length > 0 ? `by: ${rows}` : 'NOT FOUND';
    console.log(`${name.padEnd(18)} seed ${seeds}: ${hits.length} of ${own.length} runs, ${how}`);
    return hits.length > 0;
  });
  console.log(`${found.filter(Boolean).length} of ${names.length} bugs are found`);
  return found.every(Boolean) ? 0 : 1;
}

process.exitCode = await main();
