/** Numbers of several rounds made readable: medians with their spread, percentiles, plain tables. */

/** Value below which a share of the numbers lies; NaN of nothing. */
export function percentile(numbers, share) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted.length === 0 ? Number.NaN : sorted[Math.floor((sorted.length - 1) * share)];
}

/** Median with the smallest and the largest of a few rounds; undefined values do not count. */
export function spreadOf(numbers) {
  const known = numbers.filter((number) => Number.isFinite(number));
  if (known.length === 0) return undefined;
  const median = known.toSorted((a, b) => a - b)[Math.floor((known.length - 1) / 2)];
  return { median, min: Math.min(...known), max: Math.max(...known), rounds: known.length };
}

/** A number as people read it: at most three digits that matter, thousands apart. */
export function numberText(number) {
  if (!Number.isFinite(number)) return '–';
  const size = Math.abs(number);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const rounded = Number(number.toFixed(digits));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: digits }).replaceAll(',', ' ');
}

/** `median (min … max)`, the median alone for one round, a dash for none. */
export function spreadText(spread) {
  if (!spread) return '–';
  const median = numberText(spread.median);
  if (spread.rounds === 1) return median;
  return `${median} (${numberText(spread.min)} … ${numberText(spread.max)})`;
}

/** Rows of cells as aligned text; the first row is the heading. */
export function tableText(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])))
      .join('  ');
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
