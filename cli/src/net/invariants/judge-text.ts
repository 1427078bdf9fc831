/**
 * Whether an answer is the right text, word by word. Every word of the scripted engine follows from mark and position, so
 * a word of the same mark at another position is a gap or an overlap. Foreign words come from a provider that replays old
 * answers or changes words on the line: its text cannot be told from a true one before its receipt. So a buyer can be given
 * some of them, but not more than it signs for until a receipt is due.
 */
import type { JobNote } from '../books/books.ts';
import { countWords, wordAt, wordsOf } from '../engines/scripted-text.ts';

/** Longest answer that anybody asks for, in words. */
const wordsMost = 512;
/** Foreign words that one lying provider can slip in: a window, and what is signed beyond it. */
const foreignMost = 32;

/** How the town lies about text. */
export interface TextLies {
  /** Providers that lie about text. */
  readonly forgers: number;
  /** Somebody counts more tokens than there are, so that an answer may end before its limit of words. */
  readonly areCountsWrong: boolean;
}

/** What is wrong with the text, in words; undefined when nothing is. */
export function textFaultOf(job: JobNote, lies: TextLies): string | undefined {
  const { mark, text } = job;
  const words = text.split(' ').slice(0, -1);
  if (countWords(text) > 0 && !text.endsWith(' ')) return 'its last word is torn';
  let foreign = 0;
  for (const [at, word] of words.entries()) {
    if (`${word} ` === wordAt(mark, at)) continue;
    const other = positionOf(mark, `${word} `);
    if (other !== undefined) return `word ${at} is word ${other}: a gap or an overlap`;
    foreign += 1;
  }
  if (foreign > foreignMost * lies.forgers) return `${foreign} of its words are foreign`;
  if (job.state !== 'complete' || (foreign > 0 && words.length > job.words)) return undefined;
  return endFaultOf(job, words.length, lies);
}

function positionOf(mark: string, word: string): number | undefined {
  for (let at = 0; at < wordsMost; at += 1) if (wordAt(mark, at) === word) return at;
  return undefined;
}

function endFaultOf(
  { finishReason, words, maxTokens }: JobNote,
  got: number,
  { areCountsWrong }: TextLies,
): string | undefined {
  const whole = Math.min(words, maxTokens);
  if (got === whole) return undefined;
  if (got < whole && finishReason === 'length' && areCountsWrong) return undefined;
  return `it ended as ${finishReason} after ${got} of ${whole} words`;
}

/** The whole right answer of a job. */
export function rightTextOf({ mark, words, maxTokens }: JobNote): string {
  return wordsOf(mark, 0, Math.min(words, maxTokens));
}
