/**
 * What audits catch, and whom they wrong: honest providers and cheats really answer, an auditor really replays.
 *
 *   node scripts/audit-curve.mjs [--jobs 1000] [--cheats 400] [--seed published] [--out docs] [--redraw]
 *
 * After a build. `jobs` is the number of audited jobs of each honest row, `cheats` that of each cheat. Writes
 * `audits.md`, and into `bench/` the figures of every job and the plots. `--redraw` writes the page from saved figures.
 * Each provider and the auditor run in a process of their own (one thread each). About fifteen minutes on two cores.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replayThresholds } from '@aitbc/market';
import { bundledModelPath } from '@aitbc/provider/testing';
import { measureRow, withEngine } from './audit-curve/measure.mjs';
import { pageOf, plotsOf } from './audit-curve/report.mjs';
import { requantised } from './audit-curve/requantise.mjs';
import { machineText } from './bench/lib/machine.mjs';
import { withCleanup } from './bench/lib/processes.mjs';
import { svgOf } from './bench/plot.mjs';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    cheats: { type: 'string', default: '400' },
    seed: { type: 'string', default: 'published' },
    out: { type: 'string', default: 'docs' },
    redraw: { type: 'boolean', default: false },
  },
});
const bench = join(values.out, 'bench');
const figuresPath = join(bench, 'audits.json');
/** The seed with which the thresholds were chosen; figures of another one judge them. */
const tuningSeed = 'tuning';

/** Model files of the providers; the smaller ones are made of the sold one on the spot. */
function modelFiles(folder) {
  const sold = bundledModelPath();
  const made = (quantization) => {
    const path = join(folder, `${quantization}.gguf`);
    writeFileSync(path, requantised(readFileSync(sold), quantization));
    return path;
  };
  const small = sold.replace('tiny-f16', 'tiny-small-f16');
  return { sold, q8: made('q8_0'), q4: made('q4_0'), small };
}

/** Providers: what they sell is always the F16 model. */
function rowsOf({ sold, q8, q4, small }) {
  const [jobs, cheats] = [Number(values.jobs), Number(values.cheats)];
  return [
    { name: 'honest', label: 'honest, one job at a time', modelPath: sold, atOnce: 1, count: jobs },
    {
      name: 'batched',
      label: 'honest, four jobs at once',
      modelPath: sold,
      atOnce: 4,
      count: jobs,
    },
    {
      name: 'broken',
      label: 'honest, from a break in mid-answer on, four at once',
      isBroken: true,
      ...{ modelPath: sold, atOnce: 4, count: jobs },
    },
    { name: 'q8', label: '8-bit weights (Q8_0)', modelPath: q8, atOnce: 1, count: cheats },
    { name: 'q4', label: '4-bit weights (Q4_0)', modelPath: q4, atOnce: 1, count: cheats },
    { name: 'small', label: 'a model of 1/8 the size', modelPath: small, atOnce: 1, count: cheats },
  ];
}

async function measureAll(folder) {
  const files = modelFiles(folder);
  return withEngine(files.sold, async (auditor) => {
    const { models } = await auditor.probe(AbortSignal.timeout(10_000));
    const rows = [];
    for (const { modelPath, count, ...row } of rowsOf(files)) {
      const plan = { row, modelPath, count, auditor, digest: models[0].digest, seed: values.seed };
      const measured = await measureRow(plan);
      console.log(
        `${row.label}: ${count} jobs in ${measured.seconds.made.toFixed(0)} s, audited in ${measured.seconds.audited.toFixed(0)} s`,
      );
      rows.push(measured);
    }
    return rows;
  });
}

async function measureFigures() {
  if (values.seed === tuningSeed) console.log('the thresholds were chosen with this seed');
  return withCleanup(async (undo) => {
    const folder = mkdtempSync(join(tmpdir(), 'aitbc-audits-'));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const rows = await measureAll(folder);
    const facts = { date: new Date().toISOString(), machine: machineText(), seed: values.seed };
    return { ...facts, thresholds: replayThresholds, rows: rows.map(packed) };
  });
}

/** Jobs as rows of numbers: a file of thousands of them stays small. */
function packed({ jobs, seconds, ...row }) {
  const columns = ['soldTokens', 'tokens', 'exactTokens', 'gapMeanMicro', 'gapMaxMicro'];
  return { ...row, seconds, columns, jobs: jobs.map((job) => columns.map((name) => job[name])) };
}

/** JSON with one line for each job, as the formatter of this repository wants it. */
function textOf(figures) {
  const text = JSON.stringify(figures, null, 2);
  const flat = (list) => list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']');
  return `${text.replace(/\[[^[\]]*\]/g, flat)}\n`;
}

const figures = values.redraw
  ? JSON.parse(readFileSync(figuresPath, 'utf8'))
  : await measureFigures();
mkdirSync(bench, { recursive: true });
if (!values.redraw) writeFileSync(figuresPath, textOf(figures));
for (const [name, plot] of Object.entries(plotsOf(figures))) {
  writeFileSync(join(bench, `${name}.svg`), svgOf(plot));
}
const page = pageOf(figures);
writeFileSync(join(values.out, 'audits.md'), page);
console.log(page);
