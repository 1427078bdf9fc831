/**
 * `npm run chaos`: the chaos network (`aitbc net`) with several seeds, one after the other, as a table.
 *
 *   npm run chaos                                    seeds 1 to 10, two minutes each
 *   npm run chaos -- --seeds 3 --from 40 --for 30s   seeds 40, 41 and 42, half a minute each
 *   npm run chaos -- --plants all --seeds 2          every planted bug with two seeds: each must be found
 *   npm run chaos -- --plants claim-adds,half-quorum
 *   npm run chaos -- --out chaos.json                the reports too, as JSON
 *
 * `--validators`, `--providers` and `--agents` go on to `aitbc net`. The exit code is 0 when every seed without
 * a bug holds, and when every planted bug is found with at least one seed.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setupOrExplain } from '../setup.mjs';

const PROGRAM = 'cli/bin/aitbc.mjs';
const OUTPUT_MAX_BYTES = 256 * 1_048_576;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '1' },
    for: { type: 'string', default: '2m' },
    plants: { type: 'string' },
    out: { type: 'string' },
    validators: { type: 'string', default: '4' },
    providers: { type: 'string', default: '20' },
    agents: { type: 'string', default: '50' },
  },
});

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
  const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => Number(values.from) + at);
  const bugs = values.plants === undefined ? [undefined] : await plantsOf(values.plants);
  const runs = [];
  for (const plant of bugs) {
    for (const seed of seeds) {
      const begunMs = Date.now();
      const report = await run(seed, plant);
      const one = { seed, plant, report, seconds: Math.round((Date.now() - begunMs) / 1_000) };
      runs.push(one);
      console.log(lineOf(one));
      if (values.out) writeFileSync(values.out, JSON.stringify(runs, null, 1));
    }
  }
  return values.plants === undefined ? sumOfSeeds(runs) : sumOfPlants(runs, bugs);
}

async function plantsOf(text) {
  if (text !== 'all') return text.split(',');
  const { plants } = await import('@aitbc/cli/net');
  return plants.map(({ name }) => name);
}

function sumOfSeeds(runs) {
  const well = runs.filter(({ report }) => report.isWell === true).length;
  console.log(`\n${well} of ${runs.length} seeds hold in every row`);
  return well === runs.length ? 0 : 1;
}

/**
 * A bug is found by a run that went through and where one of the rows is broken that must see it, or by a daemon
 * that tests itself and refuses to start with it. A run that failed in any other way finds nothing.
 */
async function sumOfPlants(runs, bugs) {
  const { plants } = await import('@aitbc/cli/net');
  const found = bugs.map((plant) => {
    const own = runs.filter((one) => one.plant === plant);
    const { seenIn = [] } = plants.find(({ name }) => name === plant) ?? {};
    const isSeen = (row) => row.broken.length > 0 && seenIn.includes(row.name);
    const rows = own.filter(({ report }) => report.rows?.some(isSeen)).length;
    const refused = own.filter(({ report }) => report.error?.code === 'DAEMON_FAILED').length;
    const how = refused > 0 ? `, ${refused} times because the daemon refused to start` : '';
    console.log(`${plant.padEnd(18)} found in ${rows + refused} of ${own.length} seeds${how}`);
    return rows + refused > 0;
  });
  return found.every(Boolean) ? 0 : 1;
}

process.exitCode = await main();
