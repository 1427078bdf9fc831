/**
 * Line breaks between words, for whole texts and for texts that are still being written. A stream holds
 * back the word that may still grow, which is one token of a model; a script that is written without
 * spaces breaks after every sign. A word that is wider than the line is left to the terminal, so that
 * addresses and hashes stay whole when they are copied.
 */
import { textWidth, wideSigns } from './text-width.ts';

/** A text that arrives in pieces. */
export interface WordWrap {
  write(text: string): void;
  /** Writes what was held back, and ends the line when one is begun. */
  end(): void;
}

/** Where and how to wrap. */
export interface WordWrapOptions {
  write(text: string): unknown;
  /** Asked for every word, so that a resized terminal is used at once. */
  columns(): number;
  /** In front of every line; counts as part of `columns`. */
  readonly lead?: string;
}

const units = new RegExp(`\\n|[^\\S\\n]+|[${wideSigns}]|[^\\s${wideSigns}]+`, 'gu');
const growing = new RegExp(`[^\\s${wideSigns}]$`, 'u');

/** A wrapper for a stream of text. */
export function createWordWrap({ write, columns, lead = '' }: WordWrapOptions): WordWrap {
  let column = 0; // 0 at the start of a line, before its lead is written
  let gap = '';
  let held = '';
  const newLine = (): void => {
    write(column === 0 ? `${lead.trimEnd()}\n` : '\n');
    column = 0;
    gap = '';
  };
  const put = (word: string): void => {
    const width = textWidth(word);
    if (column > 0 && column + gap.length + width > columns()) newLine();
    write(`${column === 0 ? lead : ''}${gap}${word}`);
    column += (column === 0 ? textWidth(lead) : 0) + gap.length + width;
    gap = '';
  };
  const take = (unit: string): void => {
    if (unit === '\n') newLine();
    else if (unit.trim() === '') gap += unit;
    else put(unit);
  };
  return {
    write(text) {
      const found = (held + text).match(units) ?? [];
      const last = found.at(-1) ?? '';
      held = growing.test(last) && textWidth(last) < columns() ? last : '';
      for (const unit of held === '' ? found : found.slice(0, -1)) take(unit);
    },
    end() {
      if (held !== '') put(held);
      held = '';
      if (column > 0) newLine();
    },
  };
}

/**
 * The text with its long lines broken between words, `indent` in front of all but the first. A line that
 * begins with a space is laid out already and stays as it is.
 */
export function wrapText(text: string, columns: number, indent = ''): string {
  const lines = text.split('\n').flatMap((line) => {
    if (line.startsWith(' ') || textWidth(line) + indent.length <= columns) return [line];
    let wrapped = '';
    const room = columns - indent.length;
    const wrap = createWordWrap({
      write: (piece) => {
        wrapped += piece;
      },
      columns: () => room,
    });
    wrap.write(line);
    wrap.end();
    return wrapped.trimEnd().split('\n');
  });
  return lines.join(`\n${indent}`);
}
