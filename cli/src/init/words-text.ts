/** The words of a new account, numbered, with what they are worth. */
import type { Out } from '../context/out.ts';

const wordsPerLine = 6;
const wordColumns = 13; // number, point, space, the longest word, and a space: six fit into 80 columns

/** Words and warning, for the one time they are shown. */
export function wordsText({ style }: Pick<Out, 'style'>, mnemonic: string): string {
  const warning =
    'Write these words down now. Whoever has them has the coins. They are shown only this once, and nobody can bring them back.';
  const cells = mnemonic.split(' ').map((word, at) => `${at + 1}. ${word}`.padEnd(wordColumns));
  const lines = Array.from({ length: Math.ceil(cells.length / wordsPerLine) }, (_, line) =>
    cells
      .slice(line * wordsPerLine, (line + 1) * wordsPerLine)
      .join('')
      .trimEnd(),
  );
  return [style('yellow', warning), '', ...lines].join('\n');
}
