/** Tells what happens, line by line, with the time since the start. Colours and live text on a terminal only. */
import { createWordWrap, wrapText } from '../context/word-wrap.ts';

/** Where the story goes. */
export interface Narrator {
  /** A numbered heading. */
  act(title: string): void;
  /** An indented line; `ok` puts a check mark in front. */
  fact(text: string, ok?: boolean): void;
  /** Text that appears as it arrives; `endStream` closes it. */
  stream(text: string): void;
  endStream(): void;
  /** A dim line for the curious. */
  aside(text: string): void;
  /** A line that is meant for copying: never wrapped. */
  command(name: string, text: string): void;
}

/** The part of a terminal that is used. */
export interface NarratorOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const indent = '    ';
const columnsUsual = 80;
const columnsMax = 96;
const commandColumn = 10;

/** A narrator that writes to the output; `nowMs` is a monotonic clock. */
export function createNarrator(
  output: NarratorOutput,
  { colour, nowMs }: { colour: boolean; nowMs: () => number },
): Narrator {
  const begunMs = nowMs();
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const columns = () => Math.min(output.columns ?? columnsUsual, columnsMax);
  const say = (text: string, mark = '') => {
    const hanging = indent + ' '.repeat(mark.length);
    return wrapText(text, columns(), hanging).replace(/^/, indent);
  };
  const words = createWordWrap({
    write: (text) => output.write(text),
    columns,
    lead: `${indent}${paint(36, '│ ')}`,
  });
  let acts = 0;
  return {
    act(title) {
      acts += 1;
      const stamp = `${((nowMs() - begunMs) / 1000).toFixed(1)} s`;
      const head = `${String(acts).padStart(2)}  ${title}`;
      const room = columns() - head.length;
      output.write(`\n${paint(1, head)}${paint(2, stamp.padStart(room))}\n`);
    },
    fact(text, ok = false) {
      const mark = ok ? '✓ ' : '';
      output.write(`${say(`${mark}${text}`, mark).replace(mark, paint(32, mark))}\n`);
    },
    stream: (text) => words.write(text),
    endStream: () => words.end(),
    aside(text) {
      output.write(`${paint(2, say(text))}\n`);
    },
    command(name, text) {
      output.write(`${indent}${paint(2, name.padEnd(commandColumn))}${text}\n`);
    },
  };
}
