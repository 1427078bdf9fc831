/** A curve: figures of several rounds at several points, printed, and written as JSON, CSV and SVG. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { csvOf, svgOf } from '../plot.mjs';
import { machineText } from './machine.mjs';
import { spreadOf, spreadText, tableText } from './statistics.mjs';

const columns = [
  ['transfers/s', (round) => round.full.perSecond],
  ['CPU µs per transfer and node', (round) => round.full.cpuUsPerProcess],
  ['finality p50 at the paced rate, ms', (round) => round.paced?.p50Ms ?? Number.NaN],
  ['finality p99 at the paced rate, ms', (round) => round.paced?.p99Ms ?? Number.NaN],
  ['memory of a node at the end, MB', (round) => round.end.meanMb],
  ['cores used by others', (round) => round.full.otherCores],
];
const drawnColumns = 2;

/** Prints `points`, a list of `{ x, rounds }`; with `out` also writes the files `name.*` into that folder. */
export function showCurve({ name, title, xLabel, points, out, note }) {
  const spreads = points.map(({ rounds }) => columns.map(([, pick]) => spreadOf(rounds.map(pick))));
  const rows = points.map(({ x }, at) => [String(x), ...spreads[at].map(spreadText)]);
  console.log(`\n${title}\n${tableText([[xLabel, ...columns.map(([label]) => label)], ...rows])}`);
  if (!out) return;
  const panels = columns.slice(0, drawnColumns).map(([label], column) => ({
    label,
    points: points.map(({ x }, at) => ({ x, ...spreads[at][column] })),
  }));
  const plot = { title, note, x: { label: xLabel }, panels };
  const numbers = columns.flatMap(([label]) => [label, `${label} (min)`, `${label} (max)`]);
  const csv = points.map(({ x }, at) => [
    x,
    ...spreads[at].flatMap((spread) =>
      spread ? [spread.median, spread.min, spread.max] : ['', '', ''],
    ),
  ]);
  mkdirSync(out, { recursive: true });
  const json = { date: new Date().toISOString(), machine: machineText(), note, plot, points };
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify(json, null, 2)}\n`);
  writeFileSync(join(out, `${name}.csv`), csvOf([[xLabel, ...numbers], ...csv]));
  writeFileSync(join(out, `${name}.svg`), svgOf(plot));
  console.log(`written: ${join(out, name)}.json, .csv, .svg`);
}
