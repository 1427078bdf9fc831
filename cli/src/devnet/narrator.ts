/** Tells what happens, line by line, with the time since the start. Colours and live text on a terminal only. */

/** Where the story goes. */
export interface Narrator {
  /** A numbered heading. */
  act(title: string): void;
  /** An indented line; `ok` puts a check mark in front. */
  fact(text: string, ok?: boolean): void;
  /** Text that appears as it arrives; `end` closes it. */
  stream(text: string): void;
  endStream(): void;
  /** A dim line for the curious. */
  aside(text: string): void;
}

/** The part of a terminal that is used. */
export interface NarratorOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const indent = '    ';
const widthMax = 96;

/** A narrator that writes to the output; `nowMs` is a monotonic clock. */
export function createNarrator(
  output: NarratorOutput,
  { colour, nowMs }: { colour: boolean; nowMs: () => number },
): Narrator {
  const begunMs = nowMs();
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const stamp = () => `+${((nowMs() - begunMs) / 1000).toFixed(1)} s`.padStart(8);
  const width = Math.min(output.columns ?? widthMax, widthMax);
  let acts = 0;
  let column = 0;
  return {
    act(title) {
      acts += 1;
      output.write(
        `\n${paint(1, `${String(acts).padStart(2)}  ${title}`)}${paint(2, `  ${stamp()}`)}\n`,
      );
    },
    fact(text, ok = false) {
      output.write(`${indent}${ok ? paint(32, '✓ ') : ''}${text}\n`);
    },
    stream(text) {
      for (const word of text.split(/(?<=\s)/)) {
        const size = word.replace(/\n/g, '').length;
        if (column === 0) output.write(`${indent}${paint(36, '│ ')}`);
        if (column + size > width - indent.length - 2) {
          output.write(`\n${indent}${paint(36, '│ ')}`);
          column = 0;
        }
        output.write(word.replace(/\n/g, ' '));
        column += size || 1;
      }
    },
    endStream() {
      if (column > 0) output.write('\n');
      column = 0;
    },
    aside(text) {
      output.write(`${indent}${paint(2, text)}\n`);
    },
  };
}
