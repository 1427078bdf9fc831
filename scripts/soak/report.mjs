/** The findings of a soak as a table for people and a picture. */

import { numberText, percentile, tableText } from '../bench/lib/statistics.mjs';
import { svgOf } from '../bench/plot.mjs';

const marks = [1, 2, 4, 8, 15, 30, 60, 120];

/** What was done, and how often it went wrong. */
export function workText(counts) {
  const rows = counts.map(({ name, done, failed, skipped, reasons }) => [
    name,
    numberText(done),
    numberText(failed),
    numberText(skipped),
    Object.entries(reasons)
      .map(([reason, times]) => `${times} × ${reason}`)
      .join('; ')
      .slice(0, 100),
  ]);
  return tableText([['work', 'done', 'failed', 'skipped', 'reasons'], ...rows]);
}

/** One row for each daemon and measure. */
export function growthText(rows) {
  const cells = rows.map(({ daemon, label, unit, level, growth, error, limit, isKnown, holds }) => [
    daemon,
    label,
    numberText(level),
    isKnown ? `${numberText(growth)} ± ${numberText(error)}` : 'too few samples',
    `${numberText(limit)} ${unit}`,
    holds ? 'holds' : 'FAILS',
  ]);
  return tableText([['daemon', 'measure', 'level', 'growth', 'limit', ''], ...cells]);
}

/** Heap after collection of each daemon over time. */
export function plotOf(samples, { title, note }) {
  const panels = Object.entries(samples)
    .map(([daemon, all]) => ({
      label: `${daemon}: heap after a collection, MB`,
      points: marks.flatMap((minutes) => pointAt(all, minutes)),
    }))
    .filter(({ points }) => points.length > 1);
  return { title, note, x: { label: 'minutes since the start' }, panels };
}

/** Median, least and most of the samples around a time. */
function pointAt(all, minutes) {
  const near = all.filter(({ atHours, heapMb }) => {
    const share = (atHours * 60) / minutes;
    return heapMb !== undefined && share > Math.SQRT1_2 && share <= Math.SQRT2;
  });
  if (near.length < 2) return [];
  const heaps = near.map(({ heapMb }) => heapMb);
  const median = percentile(heaps, 0.5);
  return [{ x: minutes, median, min: Math.min(...heaps), max: Math.max(...heaps) }];
}

/** SVG text. */
export function pictureOf(samples, about) {
  return svgOf(plotOf(samples, about));
}
