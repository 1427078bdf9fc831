/** What was done to a network and what came of it, as a table for people. */

/** One row: words and numbers by the name of their column. */
export type Row = Readonly<Record<string, string | number>>;

/** Prints rows under a title, columns in the order of their first appearance. */
export function printTable(title: string, rows: readonly Row[]): void {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))];
  const widths = names.map((_, at) => Math.max(...cells.map((line) => (line[at] ?? '').length)));
  const lines = cells.map((line) =>
    line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '),
  );
  console.log([title, ...lines].join('\n'));
}
