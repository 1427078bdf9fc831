/**
 * A run until every target has had a number of cases, in as many sittings as it takes: what was done stands in a file that
 * the next run reads, and each target goes on with the block behind its last one. Each target has a short turn first;
 * then the one that is done soonest goes on for a minute at most. A target with a fault is left alone until its row is taken
 * out of the file.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { emptyCount, runTarget } from './run.mjs';

const firstTurnMs = 1_000;
const turnMs = 60_000;
const sums = ['cases', 'accepted', 'refused', 'unread', 'cpuSeconds'];
const peaks = ['slowestMs', 'peakMiB'];

/**
 * Runs the targets until each has `wanted` cases or `isOver()`. `file` holds the state; `tell(row)` hears of each turn.
 * Returns the rows of all targets.
 */
export async function runLong(targets, { seed, wanted, file, isOver, tell }) {
  const saved = savedRows(file, seed);
  const runs = targets.map((target) => ({
    target,
    row: saved.get(target.name) ?? emptyRow(target.name),
  }));
  const names = new Set(targets.map(({ name }) => name));
  const others = [...saved.values()].filter(({ name }) => !names.has(name));
  const rows = () => runs.map(({ row }) => row);
  const left = ({ row: { cases, cpuSeconds } }) =>
    cases === 0 ? cpuSeconds : ((wanted - cases) * cpuSeconds) / cases;
  for (;;) {
    const open = runs.filter(({ row }) => row.cases < wanted && row.fault === null);
    if (isOver() || open.length === 0) return rows();
    const next = open.reduce((best, run) => (left(run) < left(best) ? run : best));
    next.row = await takeTurn(next, { seed, wanted, isOver });
    tell(next.row);
    save(file, { seed, wanted, rows: [...others, ...rows()] });
  }
}

async function takeTurn({ target, row }, { seed, wanted, isOver }) {
  const endMs = performance.now() + (row.blocks === 0 ? firstTurnMs : turnMs);
  const before = process.cpuUsage();
  const isDone = (_drawn, cases) =>
    row.cases + cases >= wanted || performance.now() > endMs || isOver();
  const count = await runTarget(target, { seed, from: row.blocks, isOver: isDone });
  const { user, system } = process.cpuUsage(before);
  return joinRows(row, { ...count, cpuSeconds: (user + system) / 1e6 });
}

function emptyRow(name) {
  const { fault: _none, ...count } = emptyCount(name);
  return { ...count, cpuSeconds: 0, fault: null };
}

function joinRows(row, { fault, ...count }) {
  const joined = { ...row, blocks: count.blocks, fault: fault?.error.message ?? null };
  for (const name of sums) joined[name] = row[name] + count[name];
  for (const name of peaks) joined[name] = Math.max(row[name], count[name]);
  if (fault) joined.bytes = Buffer.from(fault.bytes).toString('hex').slice(0, 4_000);
  return joined;
}

/** Rows of the file by name; a run with another seed would draw the same blocks again or others: it needs a file of its own. */
function savedRows(file, seed) {
  if (!file || !existsSync(file)) return new Map();
  const saved = JSON.parse(readFileSync(file, 'utf8'));
  if (saved.seed !== seed) throw new Error(`${file} belongs to seed ${saved.seed}`);
  return new Map(saved.rows.map((row) => [row.name, row]));
}

function save(file, { seed, wanted, rows }) {
  if (!file) return;
  const complete = rows.filter(({ cases }) => cases >= wanted).length;
  const cases = rows.reduce((sum, row) => sum + row.cases, 0);
  const state = { seed, wanted, targets: rows.length, complete, cases, rows };
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 1)}\n`);
  renameSync(`${file}.new`, file);
}
