/**
 * What a command says. Results go to standard output, everything about the way there to standard error,
 * so that `aitbc … | tool` and `--json` always give clean data. Colours and moving lines appear on a
 * terminal only.
 */
import { styleText } from 'node:util';
import Table from 'cli-table3';

/** The part of a stream that is used. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** A moving line on a terminal; nothing elsewhere. */
export interface Progress {
  update(text: string): void;
  /** Writes something else without mixing it with the line. */
  above(write: () => void): void;
  /** Removes the line. */
  done(): void;
}

/** How text may look. */
export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** Options of a table. */
export interface TableOptions {
  /** Titles of the columns. */
  readonly head?: readonly string[];
  /** Columns of numbers, from 0. */
  readonly right?: readonly number[];
}

/** Where commands write. */
export interface Out {
  /** True with `--json`. */
  readonly json: boolean;
  /** The one result: JSON with `--json` (amounts as decimal strings), else the text. */
  result(data: unknown, human: () => string): void;
  /** One of many: a line of compact JSON with `--json`, else a line of text. For what goes on and on. */
  event(data: unknown, human: () => string): void;
  /** A line on standard output; nothing with `--json`. */
  line(text: string): void;
  /** Foreign text on standard output as it comes, without a line end; nothing with `--json`. */
  text(text: string): void;
  /** A line on standard error. */
  note(text: string): void;
  /** Text of a table: framed on a terminal, bare columns elsewhere. */
  table(rows: readonly (readonly string[])[], options?: TableOptions): string;
  /** A spinner on standard error. */
  progress(text: string): Progress;
  /** The text in a style, or as it is where colours are off. */
  style(style: Style, text: string): string;
}

/** What `createOut` writes to. */
export interface OutOptions {
  readonly json: boolean;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Off by `--no-color` and NO_COLOR. */
  readonly colors: boolean;
}

/** JSON for people and tools: two spaces, amounts as decimal strings. */
export function jsonText(data: unknown): string {
  return `${JSON.stringify(data, plainValue, 2)}\n`;
}

function plainValue(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** The writer of a command. */
export function createOut({ json, stdout, stderr, colors }: OutOptions): Out {
  // Styled text may end up in either stream, so one redirected stream is enough for plain text.
  const style = (name: Style, text: string): string =>
    colors && stdout.isTTY === true && stderr.isTTY === true
      ? styleText(name, text, { validateStream: false })
      : text;
  return {
    json,
    result(data, human) {
      if (json) stdout.write(jsonText(data));
      else stdout.write(endLine(human()));
    },
    event(data, human) {
      stdout.write(endLine(json ? JSON.stringify(data, plainValue) : human()));
    },
    line(text) {
      if (!json) stdout.write(endLine(text));
    },
    text(text) {
      if (!json) stdout.write(plainText(text));
    },
    note: (text) => void stderr.write(endLine(text)),
    table(rows, options = {}) {
      const cells = rows.map((row) => row.map(plainText));
      if (stdout.isTTY !== true) return bareTable(cells, options);
      return framedTable(cells, { ...options, style });
    },
    progress: (text) => createProgress(stderr, text),
    style,
  };
}

/**
 * Text of others without control characters: a model, a provider or a node must not be able to move the
 * cursor, repaint the screen or forge a line on the terminal of the reader.
 */
export function plainText(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) => (sign === '\n' || sign === '\t' ? sign : ''));
}

function endLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

type Align = 'left' | 'right';

function alignsOf(rows: readonly (readonly string[])[], { head = [], right = [] }: TableOptions) {
  const count = Math.max(head.length, ...rows.map((row) => row.length));
  return Array.from({ length: count }, (_, at): Align => (right.includes(at) ? 'right' : 'left'));
}

function framedTable(
  rows: readonly (readonly string[])[],
  { style, ...options }: TableOptions & { style: Out['style'] },
): string {
  const table = new Table({
    head: (options.head ?? []).map((title) => style('bold', title)),
    colAligns: alignsOf(rows, options),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

const noFrame = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
    ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
  ].map((part) => [part, '']),
);

function bareTable(rows: readonly (readonly string[])[], options: TableOptions): string {
  const table = new Table({
    chars: { ...noFrame, middle: '  ' },
    colAligns: alignsOf(rows, options),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  const all = options.head ? [options.head, ...rows] : rows;
  table.push(...all.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 80;
const clearLine = '\r\u001b[2K';

function createProgress(stream: TextStream, first: string): Progress {
  if (stream.isTTY !== true) return { update: () => {}, above: (write) => write(), done: () => {} };
  let text = first;
  let frame = 0;
  const draw = () => {
    const room = (stream.columns ?? 80) - 3;
    stream.write(`${clearLine}${frames[frame % frames.length]} ${text.slice(0, room)}`);
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, frameMs);
  timer.unref();
  let isDone = false;
  return {
    update(next) {
      text = next;
    },
    above(write) {
      if (!isDone) stream.write(clearLine);
      write();
    },
    done() {
      if (isDone) return;
      isDone = true;
      clearInterval(timer);
      stream.write(clearLine);
    },
  };
}
