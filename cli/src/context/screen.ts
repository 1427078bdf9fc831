/**
 * A few lines at the bottom of a terminal that are kept true, below everything else that is written.
 *
 * Every picture is one write: the cursor goes to the first line of the block, each line is written over the old
 * one and cleared behind its end, and what is left of a longer block is cleared below. Terminals that know
 * synchronised updates (2026) show it whole. Lines are cut to the width, so that the block has as many rows as
 * lines; when the window was made narrower the old rows have wrapped, and the way up is counted anew. An equal
 * picture is not written again.
 *
 * Without a terminal nothing is drawn: the log lines are all there is.
 */
import { stripVTControlCharacters } from 'node:util';
import type { TextStream } from './out.ts';
import { textWidth } from './text-width.ts';

const columnsUsual = 80;
const rowsUsual = 24;
/** How often the size of the window is looked at, and the time of the picture goes on. */
const lookMs = 250;

const begin = '\u001b[?2026h\u001b[?25l';
const end = '\u001b[?2026l';
const showCursor = '\u001b[?25h';
const toLineEnd = '\u001b[K';
const toScreenEnd = '\u001b[J';

/** Room of the block. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** A terminal, or what stands in its place. */
export interface ScreenStream extends TextStream {
  readonly rows?: number | undefined;
}

/** The block. */
export interface Screen {
  /** False without a terminal: nothing is ever drawn. */
  readonly isLive: boolean;
  /** Draws the picture if it differs from the one that stands. */
  draw(): void;
  /** Writes something else above the block. */
  above(write: () => void): void;
  /** Leaves the last picture standing and gives the cursor back. */
  done(): void;
}

/** A block whose lines `picture` makes for a size; drawn again whenever the window changes. */
export function createScreen(
  stream: ScreenStream,
  picture: (size: ScreenSize) => readonly string[],
): Screen {
  if (stream.isTTY !== true) {
    return { isLive: false, draw() {}, above: (write) => write(), done() {} };
  }
  let shown: readonly string[] = [];
  let shownColumns = 0;
  let isDone = false;

  const sizeOf = (): ScreenSize => ({
    columns: stream.columns ?? columnsUsual,
    rows: stream.rows ?? rowsUsual,
  });
  const paint = (lines: readonly string[], columns: number): void => {
    const body = lines.map((line) => `${line}${toLineEnd}\n`).join('');
    stream.write(`${begin}${wayUp(shown, columns)}${body}${toScreenEnd}${end}`);
    shown = lines;
    shownColumns = columns;
  };
  const draw = (): void => {
    if (isDone) return;
    const size = sizeOf();
    const lines = picture(size)
      .slice(0, Math.max(1, size.rows - 2))
      .map((line) => cut(line, size.columns - 1));
    const isSame = lines.length === shown.length && lines.every((line, at) => line === shown[at]);
    if (!isSame || size.columns !== shownColumns) paint(lines, size.columns);
  };
  const timer = setInterval(draw, lookMs);
  timer.unref();
  draw();
  return {
    isLive: true,
    draw,
    above(write) {
      if (!isDone) {
        stream.write(`${begin}${wayUp(shown, sizeOf().columns)}${toScreenEnd}${end}`);
        shown = [];
      }
      write();
      draw();
    },
    done() {
      if (isDone) return;
      draw();
      isDone = true;
      clearInterval(timer);
      stream.write(showCursor);
    },
  };
}

/** To the first line of a block that stands above the cursor; lines wider than the window took several rows. */
function wayUp(lines: readonly string[], columns: number): string {
  const rows = lines.reduce(
    (sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / Math.max(1, columns))),
    0,
  );
  return rows === 0 ? '\r' : `\r\u001b[${rows}A`;
}

/** The line in so many columns; a styled line that is too long loses its styles. */
function cut(line: string, columns: number): string {
  if (textWidth(line) <= columns) return line;
  let width = 0;
  let text = '';
  for (const sign of stripVTControlCharacters(line)) {
    width += textWidth(sign);
    if (width > columns - 1) break;
    text += sign;
  }
  return `${text}…`;
}
