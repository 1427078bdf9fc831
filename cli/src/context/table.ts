/**
 * Tables without frames. Facts (rows without titles) wrap in their last column; a table with titles that
 * is wider than the terminal becomes one block of facts per row, so that addresses and hashes are never
 * cut. Amounts stand with their decimal points below each other.
 */
import { padText, textWidth } from './text-width.ts';
import { wrapText } from './word-wrap.ts';

/** What a table is made of. */
export interface TableOptions {
  /** Titles of the columns; facts have none. */
  readonly head?: readonly string[];
  /** Columns of numbers, from 0. */
  readonly right?: readonly number[];
  /** Paints titles, and the first column of facts; dim when left out. */
  readonly title?: (text: string) => string;
}

/** How a table is drawn. */
export interface TableStyle {
  /** Width of the terminal; undefined where there is none, and nothing has to fit. */
  readonly columns: number | undefined;
  /** Paints the titles. */
  title(text: string): string;
}

type Rows = readonly (readonly string[])[];

const gap = '  ';
const amount = /^([+-]?\d+)(\.\d+)?( AIT)$/;

/** The lines of a table. */
export function tableText(rows: Rows, options: TableOptions, style: TableStyle): string {
  const { head, right = [] } = options;
  const aligned = alignAmounts(rows, right);
  if (!head) return factsText(aligned, right, style);
  const widths = widthsOf([head, ...aligned]);
  const whole = widths.reduce((sum, width) => sum + width + gap.length, -gap.length);
  if (whole > (style.columns ?? whole)) {
    const blocks = rows.map((row) => head.map((title, at) => [title, row[at] ?? '']));
    return blocks.map((block) => factsText(block, [], style)).join('\n\n');
  }
  const titles = lineOf(head, widths, right).replace(/\S(?:.*\S)?/, style.title);
  return [titles, ...aligned.map((row) => lineOf(row, widths, right))].join('\n');
}

function factsText(rows: Rows, right: readonly number[], { columns, title }: TableStyle): string {
  const widths = widthsOf(rows);
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + gap.length, 0);
  const lines = rows.map((row) => {
    const line = lineOf(row, widths, right);
    const name = row[0] ?? '';
    const wrapped = columns === undefined ? line : wrapLast(line, before, columns);
    return wrapped.startsWith(name) ? `${title(name)}${wrapped.slice(name.length)}` : wrapped;
  });
  return lines.join('\n');
}

function wrapLast(line: string, before: number, columns: number): string {
  const last = line.slice(before);
  if (before + textWidth(last) <= columns) return line;
  return `${line.slice(0, before)}${wrapText(last, columns, ' '.repeat(before))}`;
}

function widthsOf(rows: Rows): number[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: count }, (_, at) =>
    Math.max(0, ...rows.map((row) => textWidth(row[at] ?? ''))),
  );
}

function lineOf(row: readonly string[], widths: readonly number[], right: readonly number[]) {
  const cells = widths.map((width, at) =>
    padText(row[at] ?? '', width, right.includes(at) ? 'left' : 'right'),
  );
  return cells.join(gap).trimEnd();
}

/** Pads the digits behind the point in columns that hold nothing but amounts. */
function alignAmounts(rows: Rows, right: readonly number[]): Rows {
  const fractions = new Map<number, number>();
  for (const at of right) {
    const found = rows.map((row) => amount.exec(row[at] ?? ''));
    if (found.some((match) => match === null)) continue;
    fractions.set(at, Math.max(0, ...found.map((match) => match?.[2]?.length ?? 0)));
  }
  return rows.map((row) => row.map((cell, at) => padDigits(cell, fractions.get(at))));
}

function padDigits(cell: string, digits: number | undefined): string {
  if (digits === undefined) return cell;
  const [, whole = '', fraction = '', unit = ''] = amount.exec(cell) ?? [];
  return `${whole}${fraction.padEnd(digits)}${unit}`;
}
