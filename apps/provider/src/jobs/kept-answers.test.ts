import { until } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import { type AnswerEnd, createAnswerLog } from './answer-log.ts';
import { createKeptAnswers } from './kept-answers.ts';

const answered = (text: string, outcome: AnswerEnd['outcome'] = 'complete') => {
  const answer = createAnswerLog(() => {});
  answer.append({ type: 'text', text, tokens: 1 });
  const counts = { promptTokens: 1, completionTokens: 1, firstTokenMs: 1, durationMs: 1 };
  answer.append({ type: 'end', end: { outcome, reason: 'stop', ...counts } });
  return answer;
};

describe('kept answers', () => {
  it('go when their time is over though nobody asks and no job ends', async () => {
    const kept = createKeptAnswers(Date.now, { keptMs: 30, keptBytes: 1_000 });
    kept.keep('a', answered('word'));
    kept.keep('b', answered('word'));
    expect(kept.sizeBytes()).toBe(16);
    await until(() => kept.sizeBytes() === 0);
  });

  it('take no more than their bytes: the oldest go first', () => {
    const kept = createKeptAnswers(() => 0, { keptMs: 1_000, keptBytes: 20 });
    for (const jobId of ['a', 'b', 'c']) kept.keep(jobId, answered('word'));
    expect(['a', 'b', 'c'].map((jobId) => kept.find(jobId) !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
    kept.keep('c', answered('longer'));
    expect(kept.sizeBytes()).toBe(20);
    kept.keep('d', answered('x'.repeat(11)));
    expect(kept.sizeBytes()).toBe(0);
  });

  it('are complete ones only', () => {
    const kept = createKeptAnswers(() => 0);
    kept.keep('a', answered('word', 'client_abort'));
    expect(kept.find('a')).toBeUndefined();
  });
});
