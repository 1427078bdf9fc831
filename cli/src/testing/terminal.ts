/**
 * A terminal for tests: it understands line ends, and the few escape codes that move and clear. Long lines wrap into the
 * next row; when the window becomes narrower, rows that are too long wrap anew.
 */
import type { ScreenStream } from '../context/screen.ts';

/** A terminal and what stands on it. */
export interface TestTerminal {
  readonly stream: ScreenStream;
  /** Rows without trailing spaces, and without empty ones at the end. */
  shown(): string[];
  writes(): number;
  isCursorShown(): boolean;
  resize(columns: number): void;
  /** Puts a line above everything, as a shell had written it before. */
  above(line: string): void;
}

const escapeCode = new RegExp(`^${String.fromCharCode(27)}\\[(\\??)(\\d*)([A-Za-z])`);

export function createTerminal(columns: number, height: number): TestTerminal {
  let rows: string[] = [''];
  let row = 0;
  let column = 0;
  let width = columns;
  let writes = 0;
  let isCursorShown = true;

  const control = (count: number, name: string): void => {
    if (name === 'A') row = Math.max(0, row - count);
    if (name === 'K') rows[row] = (rows[row] ?? '').slice(0, column);
    if (name === 'J') rows = [...rows.slice(0, row), (rows[row] ?? '').slice(0, column)];
  };
  const newRow = (): void => {
    row += 1;
    column = 0;
    while (rows.length <= row) rows.push('');
  };
  const put = (sign: string): void => {
    if (column >= width) newRow();
    const line = (rows[row] ?? '').padEnd(column);
    rows[row] = line.slice(0, column) + sign + line.slice(column + 1);
    column += 1;
  };
  const obey = (code: RegExpExecArray): void => {
    const [whole, isPrivate, count, name = ''] = code;
    if (isPrivate === '' && name !== 'm') control(Number(count || '1'), name);
    if (whole.endsWith('?25h') || whole.endsWith('?25l')) isCursorShown = whole.endsWith('h');
  };
  const type = (sign: string): void => {
    if (sign === '\n') newRow();
    else if (sign === '\r') column = 0;
    else put(sign);
  };
  const take = (text: string): void => {
    for (let rest = text; rest !== ''; ) {
      const code = escapeCode.exec(rest);
      if (code) obey(code);
      else type(rest[0] as string);
      rest = rest.slice(code?.[0].length ?? 1);
    }
  };
  return {
    stream: {
      isTTY: true,
      rows: height,
      get columns() {
        return width;
      },
      write(text: string) {
        writes += 1;
        take(text);
      },
    },
    shown: () =>
      rows
        .map((line) => line.trimEnd())
        .join('\n')
        .trimEnd()
        .split('\n'),
    writes: () => writes,
    isCursorShown: () => isCursorShown,
    resize(next) {
      const before = rows.slice(0, row);
      const wrapped = before.flatMap((line) => line.match(new RegExp(`.{1,${next}}`, 'g')) ?? ['']);
      row = wrapped.length;
      rows = [...wrapped, ...rows.slice(before.length)];
      width = next;
    },
    above(line) {
      rows.unshift(line);
      row += 1;
    },
  };
}
