/**
 * What the scripted engine says: a number of words that follow from the mark in the prompt alone. So everybody who
 * knows the prompt knows the whole answer, and can tell a gap, an overlap and a foreign word from the right text. Each
 * word with its space is one token, and no word stands twice in a row.
 */

/** One answer that is asked for. */
export interface Errand {
  /** Names the job in everybody's notes. */
  readonly mark: string;
  readonly words: number;
}

/** Name of the model that the scripted engine serves. */
export const scriptedModel = 'scripted';
/** What the scripted engine says of each prompt. */
export const scriptedPromptTokens = 12;

const wordLetters = 6;

/** The prompt of an errand. */
export function promptOf({ mark, words }: Errand): string {
  return `Write ${words} words about ${mark}.`;
}

/** The errand of a prompt; undefined for other texts. */
export function errandOf(prompt: string): Errand | undefined {
  const [, words, mark] = /^Write (\d{1,4}) words about ([\w-]{1,64})\.$/.exec(prompt) ?? [];
  return mark === undefined ? undefined : { mark, words: Number(words) };
}

/** The word at a position, with its space. */
export function wordAt(mark: string, position: number): string {
  let hash = 0x811c9dc5;
  for (const char of `${mark}/${position}`) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  hash ^= hash >>> 15;
  return `${(hash >>> 0).toString(36).padStart(wordLetters, '0').slice(-wordLetters)} `;
}

/** The words of a range of positions. */
export function wordsOf(mark: string, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at += 1) text += wordAt(mark, at);
  return text;
}

/** Words in a text that was cut between tokens. */
export function countWords(text: string): number {
  return text.split(' ').length - 1;
}
