/**
 * The scoreboard: `npm run bench` measures every line of it, one after another, ours and the peers in the same run.
 *
 *   npm run build && npm run bench -- [--quick] [--only chain,jobs] [--skip start] [--list] [--write] [--keep FOLDER]
 *     [--patience 4]
 *
 * Each part starts an older bench of this folder with a bounded time and reads its JSON (all/parts). First comes what the
 * machine itself allows (all/limits.mjs). About 20 minutes; `--quick` about 6, with larger spread. `--write` puts the
 * table into README.md and docs/bench/README.md, the figures into docs/bench/all.json and the plots beside them; with
 * `--only` the other parts keep their lines, each with its date. The peers come from package registries at their exact
 * versions when they are first needed (the `peers` folders); nginx, Redis and PostgreSQL are those of the machine.
 * A bench that takes `patience` times its usual time is stopped. A part that fails costs its lines; the status is 1 then. A missed target is no failure: it is printed.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parts as allParts } from './all/parts/list-parts.mjs';
import { pageText, readmeText, tallyText, terminalText, withSection } from './all/report.mjs';
import { runPart } from './all/run-part.mjs';
import { machineText } from './lib/machine.mjs';
import { svgOf } from './plot.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const place = join(root, 'docs/bench');
const limitsPart = {
  seconds: { full: 20, quick: 15 },
  runs: (isQuick) => [
    { key: 'limits', script: 'all/limits.mjs', args: ['--rounds', isQuick ? '3' : '5'] },
  ],
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    skip: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    keep: { type: 'string', default: '' },
    patience: { type: 'string', default: '4' },
  },
});
const isQuick = values.quick;
const wanted = wantedParts();
if (values.list) list();
else await scoreboard();

function wantedParts() {
  const names = (text) => text.split(',').filter(Boolean);
  const [only, skip] = [names(values.only), names(values.skip)];
  const known = new Set(allParts.map(({ name }) => name));
  const unknown = [...only, ...skip].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(`no such part: ${unknown.join(', ')}; there are ${[...known].join(', ')}`);
  }
  return allParts.filter(
    ({ name }) => (only.length === 0 || only.includes(name)) && !skip.includes(name),
  );
}

function list() {
  for (const { name, about, seconds } of wanted) {
    console.log(`${name.padEnd(12)}about ${seconds.full} s, quick ${seconds.quick} s: ${about}`);
  }
}

async function scoreboard() {
  const folder = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), 'aitbc-bench-'));
  mkdirSync(folder, { recursive: true });
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stopping.abort());
  const date = new Date().toISOString();
  const machine = machineText();
  console.log(machine);
  const patience = Number(values.patience);
  const about = { isQuick, folder, patience, signal: stopping.signal };
  try {
    const limits = await limitsOf(about);
    const measured = [];
    for (const part of wanted) {
      if (!stopping.signal.aborted) measured.push(await measure(part, { about, limits }));
    }
    const run = { date, machine, machineAtEnd: machineText(), isQuick, limits, parts: measured };
    console.log(`\n${terminalText(measured)}\n\n${tallyText(measured)}\n${run.machineAtEnd}`);
    if (values.write && !stopping.signal.aborted) write(run, folder);
    const failed = measured.flatMap(({ failures }) => failures);
    for (const failure of failed) console.log(`FAILED ${failure}`);
    if (failed.length > 0 || stopping.signal.aborted) process.exitCode = 1;
  } finally {
    if (!values.keep) rmSync(folder, { recursive: true, force: true });
  }
}

async function limitsOf(about) {
  const { results, failures } = await runPart(limitsPart, about);
  if (!results.limits) throw new Error(`the limits could not be measured: ${failures.join(' ')}`);
  return results.limits.figures;
}

async function measure(part, { about, limits }) {
  const { name, seconds: expected } = part;
  process.stdout.write(`${name}: about ${expected[isQuick ? 'quick' : 'full']} s … `);
  const date = new Date().toISOString();
  const { results, seconds, commands, failures } = await runPart(part, about);
  const figures = Object.fromEntries(
    Object.entries(limits).map(([key, { figure }]) => [key, figure]),
  );
  const lines = part.lines(results, figures);
  const growth = part.growth?.(results);
  console.log(`${seconds.toFixed(0)} s${failures.length > 0 ? ', FAILED' : ''}`);
  return {
    ...{ name, about: part.about, date, isQuick, seconds, commands, failures, lines },
    ...(growth && { plot: growth.name, drawn: { note: machineText(), ...growth.plot } }),
  };
}

/** The whole of it: README, page, figures, plots. Parts that did not run now keep what they had. */
function write(run, folder) {
  mkdirSync(place, { recursive: true });
  const path = join(place, 'all.json');
  const before = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).parts : [];
  const parts = allParts.flatMap(({ name }) => {
    const found = [...run.parts, ...before].find((part) => part.name === name);
    return found ? [found] : [];
  });
  const whole = { ...run, parts };
  writeFileSync(path, `${JSON.stringify(whole, null, 1)}\n`);
  writeFileSync(join(place, 'README.md'), pageText(whole));
  const readme = join(root, 'README.md');
  writeFileSync(readme, withSection(readFileSync(readme, 'utf8'), readmeText(whole)));
  for (const { plot, drawn } of run.parts) {
    if (plot) writeFileSync(join(place, `${plot}.svg`), svgOf(drawn));
  }
  for (const [key, name] of [
    ['validators', 'validators'],
    ['stateSize', 'state-size'],
  ]) {
    for (const ending of ['json', 'csv']) {
      const file = join(folder, key, `${name}.${ending}`);
      if (existsSync(file)) copyFileSync(file, join(place, `${name}.${ending}`));
    }
  }
  console.log('written: README.md, docs/bench/README.md, docs/bench/all.json and the plots');
}
