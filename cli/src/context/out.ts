/**
 * What a command says. Results go to standard output, everything about the way there to standard error,
 * so that `aitbc … | tool` and `--json` always give clean data. Colours and moving lines appear on a
 * terminal only.
 */
import { styleText } from 'node:util';
import { createScreen, type Screen, type ScreenSize, type ScreenStream } from './screen.ts';
import { type TableOptions, tableText } from './table.ts';
import { createWordWrap, type WordWrap, wrapText } from './word-wrap.ts';

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

/** Where commands write. */
export interface Out {
  /** True with `--json`. */
  readonly json: boolean;
  /** True where results go to a terminal. */
  readonly isTerminal: boolean;
  /** The one result: JSON with `--json` (amounts as decimal strings; one line behind events), else the text. */
  result(data: unknown, human: () => string): void;
  /** One of many: a line of compact JSON with `--json`, else a line of text. For what goes on and on. */
  event(data: unknown, human: () => string): void;
  /** A line on standard output; nothing with `--json`. */
  line(text: string): void;
  /** Foreign text on standard output as it arrives; nothing with `--json`. `end` ends the last line. */
  stream(): WordWrap;
  /** A line on standard error. */
  note(text: string): void;
  /** Text of a table that fits the terminal; elsewhere every row is one line. */
  table(rows: readonly (readonly string[])[], options?: TableOptions): string;
  /** A spinner on standard error. */
  progress(text: string): Progress;
  /** Lines at the bottom of standard error that are kept true; nothing with `--json` or without a terminal. */
  screen(picture: (size: ScreenSize) => readonly string[]): Screen;
  /** The text in a style, or as it is where colours are off. */
  style(style: Style, text: string): string;
}

/** What `createOut` writes to. */
export interface OutOptions {
  readonly json: boolean;
  readonly stdout: TextStream;
  readonly stderr: ScreenStream;
  /** Off by `--no-color` and NO_COLOR. */
  readonly colors: boolean;
}

const columnsUsual = 80;

/** JSON for people and tools: two spaces, amounts as decimal strings. */
export function jsonText(data: unknown): string {
  return `${JSON.stringify(data, plainValue, 2)}\n`;
}

function lineText(data: unknown): string {
  return `${JSON.stringify(data, plainValue)}\n`;
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
  // Who reads lines of JSON must be able to read the error behind them, too.
  let hasEvents = false;
  return {
    json,
    isTerminal: stdout.isTTY === true,
    result(data, human) {
      if (json) stdout.write(hasEvents ? lineText(data) : jsonText(data));
      else stdout.write(endLine(fitted(human(), stdout)));
    },
    event(data, human) {
      hasEvents = true;
      stdout.write(json ? lineText(data) : endLine(fitted(human(), stdout)));
    },
    line(text) {
      if (!json) stdout.write(endLine(fitted(text, stdout)));
    },
    stream: () => (json ? { write() {}, end() {} } : createStream(stdout)),
    note: (text) => void stderr.write(endLine(fitted(text, stderr))),
    table: (rows, options = {}) =>
      tableText(
        rows.map((row) => row.map(plainText)),
        options,
        { columns: widthOf(stdout), title: options.title ?? ((text) => style('dim', text)) },
      ),
    progress: (text) => createProgress(stderr, text),
    screen: (picture) => createScreen(json ? { write() {} } : stderr, picture),
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

/** Columns of a terminal, undefined elsewhere. */
function widthOf({ isTTY, columns }: TextStream): number | undefined {
  return isTTY === true ? (columns ?? columnsUsual) : undefined;
}

function fitted(text: string, stream: TextStream): string {
  const columns = widthOf(stream);
  return columns === undefined ? text : wrapText(text, columns);
}

/** Wrapped on a terminal; elsewhere as it comes, with a line end behind the last piece. */
function createStream(stream: TextStream): WordWrap {
  if (stream.isTTY === true) {
    const wrap = createWordWrap({
      write: (text) => stream.write(text),
      columns: () => stream.columns ?? columnsUsual,
    });
    return { ...wrap, write: (text) => wrap.write(plainText(text)) };
  }
  let last = '\n';
  return {
    write(text) {
      const plain = plainText(text);
      if (plain === '') return;
      stream.write(plain);
      last = plain;
    },
    end() {
      if (!last.endsWith('\n')) stream.write('\n');
    },
  };
}

function endLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 80;
const roomForEcho = 6; // the mark, a space, and the ^C that a terminal echoes

const clearLine = '\r\u001b[2K';

function createProgress(stream: TextStream, first: string): Progress {
  if (stream.isTTY !== true) return { update: () => {}, above: (write) => write(), done: () => {} };
  let text = first;
  let frame = 0;
  const draw = () => {
    const room = (stream.columns ?? columnsUsual) - roomForEcho;
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
