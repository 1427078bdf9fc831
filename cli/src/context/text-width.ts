/** How many columns of a terminal a text takes. */
import { stripVTControlCharacters } from 'node:util';

const plainAscii = /^[\x20-\x7e]*$/;
const noColumn = /\p{M}|\p{Cf}/u;

/** Signs that take two columns: East Asian scripts, their full-width forms, and pictures. */
export const wideSigns = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60`;

const wide = new RegExp(`[${wideSigns}]`, 'u');

/** Columns of one line; escape codes take none. */
export function textWidth(text: string): number {
  if (plainAscii.test(text)) return text.length;
  let width = 0;
  for (const sign of stripVTControlCharacters(text)) {
    if (!noColumn.test(sign)) width += wide.test(sign) ? 2 : 1;
  }
  return width;
}

/** The text with spaces on one side, at least `width` columns wide. */
export function padText(text: string, width: number, side: 'left' | 'right' = 'right'): string {
  const spaces = ' '.repeat(Math.max(0, width - textWidth(text)));
  return side === 'left' ? spaces + text : text + spaces;
}
