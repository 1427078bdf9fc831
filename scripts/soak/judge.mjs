/**
 * Decides whether what a daemon holds stays on a line. A least-squares line through the second half of the samples, when
 * caches are warm, gives growth per hour; a measure fails when even its slope less two standard errors is above its limit.
 *
 * A provider keeps the answers of the last ten minutes for buyers that ask again, at most 16 million characters; when
 * buyers move to it this fills anew, so its heap may rise by that much over its first sample.
 *
 * Limits of memory and threads are per hour, whatever the load was. Disk grows with what is stored, so its limit is per
 * transaction (nodes) or per job (all others). Open handles are as many as calls are under way, so they rise when
 * the machine has other work; what leaks is still there at rest. So they are counted before the load and after it.
 */
import { percentile } from '../bench/lib/statistics.mjs';

/** Measures and how fast each may grow. `per` names the unit; `scale` makes the slope's unit that of the limit. */
export const measures = [
  { key: 'heapMb', label: 'heap after collection', unit: 'MB/h', limit: 12 },
  { key: 'outsideMb', label: 'memory outside the heap', unit: 'MB/h', limit: 12 },
  { key: 'residentMb', label: 'resident memory', unit: 'MB/h', limit: 80 },
  { key: 'threads', label: 'threads', unit: '/h', limit: 2 },
];
const diskLimits = { node: { per: 'txs', limit: 8_192 }, other: { per: 'jobs', limit: 16_384 } };
const handlesLimit = 8; // a connection that is opened once, to each other daemon
const samplesMin = 8;
const keptMb = { heapMb: 40, residentMb: 100 }; // of a provider: its kept answers, and what their coming and going leaves
const errorsAllowed = 2;

/** Least-squares line through points, with the standard error of its slope; undefined of fewer than three. */
export function lineThrough(points) {
  const count = points.length;
  if (count < 3) return undefined;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const squares = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (squares === 0) return undefined;
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / squares;
  const offset = meanY - slope * meanX;
  const rest = points.reduce((sum, { x, y }) => sum + (y - offset - slope * x) ** 2, 0);
  return { slope, offset, error: Math.sqrt(rest / (count - 2) / squares) };
}

/**
 * Rows of all daemons and measures: level, growth, limit, and whether it holds. `rests` has each daemon's open handles
 * before and after the load.
 * @returns {{ daemon: string, label: string, unit: string, limit: number, level: number, growth: number, error: number,
 *   isKnown: boolean, holds: boolean }[]}
 */
export function judge(samples, rests) {
  return Object.entries(samples).flatMap(([daemon, all]) => {
    const late = all.slice(Math.floor(all.length / 2));
    const firstOf = (key) => all.find((sample) => Number.isFinite(sample[key]))?.[key];
    const rows = measures.map((measure) =>
      rowOf(late, { daemon, first: firstOf(measure.key), ...measure }),
    );
    return [...rows, handlesRowOf(daemon, rests[daemon]), diskRowOf(late, daemon)];
  });
}

function handlesRowOf(daemon, { before, after }) {
  const label = 'open handles at rest';
  const verdict = { level: after, growth: after - before, error: 0, isKnown: true };
  const holds = after - before <= handlesLimit;
  return { daemon, label, unit: 'more than before', limit: handlesLimit, ...verdict, holds };
}

function rowOf(late, { first, daemon, key, label, unit, limit }) {
  const known = late.filter((sample) => Number.isFinite(sample[key]));
  const line = lineThrough(known.map((sample) => ({ x: sample.atHours, y: sample[key] })));
  const values = known.map((sample) => sample[key]);
  const row = verdictOf({
    ...{ daemon, label, unit, limit, line },
    ...{ level: percentile(values, 0.5), count: known.length },
  });
  const room = daemon.startsWith('provider') ? keptMb[key] : undefined;
  const isKept = room !== undefined && Math.max(...values) <= first + room;
  return isKept && row.isKnown ? { ...row, holds: true } : row;
}

/** Bytes on disk against what was done: a straight line, not steeper than its limit. */
function diskRowOf(late, daemon) {
  const kind = daemon.startsWith('node') ? 'node' : 'other';
  const { per, limit } = diskLimits[kind];
  const line = lineThrough(late.map((sample) => ({ x: sample[per], y: sample.diskBytes })));
  const unit = kind === 'node' ? 'bytes/transaction' : 'bytes/job';
  const level = (late.at(-1)?.diskBytes ?? 0) / 1e6;
  return verdictOf({ daemon, label: 'disk', unit, limit, level, line, count: late.length });
}

function verdictOf({ daemon, label, unit, limit, level, line, count }) {
  const isKnown = line !== undefined && count >= samplesMin;
  const growth = isKnown ? line.slope : Number.NaN;
  const error = isKnown ? line.error : Number.NaN;
  const holds = isKnown && growth - errorsAllowed * error <= limit;
  return { daemon, label, unit, limit, level, growth, error, isKnown, holds };
}

/** Growth of the heap by what was done, bytes per job and per transaction, where it is known. */
export function perUnit(samples) {
  return Object.entries(samples).map(([daemon, all]) => {
    const late = all.slice(Math.floor(all.length / 2)).filter(({ heapMb }) => heapMb !== undefined);
    const slopeBy = (per) =>
      lineThrough(late.map((sample) => ({ x: sample[per], y: sample.heapMb * 1e6 })))?.slope;
    return { daemon, perJob: slopeBy('jobs'), perTx: slopeBy('txs') };
  });
}
