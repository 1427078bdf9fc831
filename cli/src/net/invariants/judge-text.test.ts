import { describe, expect, it } from 'vitest';
import { newJob } from '../agents/errands.ts';
import type { JobNote } from '../books/books.ts';
import { countWords, errandOf, promptOf, wordsOf } from '../engines/scripted-text.ts';
import { createDraw } from '../plan/draw.ts';
import { textFaultOf } from './judge-text.ts';

const job = {
  ...newJob({ agent: 'a', via: 'sdk', atMs: 0 }, createDraw(1)),
  words: 40,
  maxTokens: 90,
};
const honest = { forgers: 0, areCountsWrong: false };
const whole = wordsOf(job.mark, 0, job.words);
const foreign = (count: number) => wordsOf('another', 0, count);
const ended = (text: string, more: Partial<JobNote> = {}): JobNote => ({
  ...{ ...job, text, state: 'complete', finishReason: 'stop' },
  ...more,
});

describe('the text of the scripted engine', () => {
  it('follows from the prompt, whoever begins and whoever goes on', () => {
    expect(errandOf(promptOf(job))).toEqual({ mark: job.mark, words: job.words });
    expect(errandOf('Are you there?')).toBe(undefined);
    expect(wordsOf(job.mark, 0, 13) + wordsOf(job.mark, 13, 40)).toBe(whole);
    expect(countWords(whole)).toBe(40);
  });
});

describe('an answer', () => {
  it.each([
    ['is whole', ended(whole), undefined],
    ['was cut by its limit', ended(wordsOf(job.mark, 0, 9), { maxTokens: 9 }), undefined],
    ['broke off honestly', ended(wordsOf(job.mark, 0, 9), { state: 'failed' }), undefined],
    ['ends early', ended(wordsOf(job.mark, 0, 39)), /after 39 of 40/],
    ['has a gap', ended(wordsOf(job.mark, 0, 5) + wordsOf(job.mark, 6, 40)), /word 5 is word 6/],
    ['overlaps', ended(wordsOf(job.mark, 0, 5) + wordsOf(job.mark, 4, 40)), /word 5 is word 4/],
    ['is foreign', ended(foreign(1) + wordsOf(job.mark, 1, 40)), /1 of its words are foreign/],
    ['is torn', ended(whole.slice(0, -3), { state: 'failed' }), /torn/],
  ])('that %s is judged so', (_what, note, fault) => {
    const found = textFaultOf(note, honest);
    if (fault) expect(found).toMatch(fault);
    else expect(found).toBe(undefined);
  });

  it('may have as many foreign words as one forger can slip in, and no more', () => {
    const lies = { forgers: 1, areCountsWrong: false };
    expect(textFaultOf(ended(foreign(20) + wordsOf(job.mark, 20, 40)), lies)).toBe(undefined);
    expect(textFaultOf(ended(foreign(40)), lies)).toMatch(/40 of its words are foreign/);
  });
});
