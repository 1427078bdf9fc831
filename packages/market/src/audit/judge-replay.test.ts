import type { ReplayMeasure } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeReplay, replayThresholds } from './judge-replay.ts';

const { gapMaxMicro, gapMeanMicro, tokensMin } = replayThresholds;
const exact: ReplayMeasure = { tokens: 100, exactTokens: 100, gapMeanMicro: 0, gapMaxMicro: 0 };
const verdictOf = (change: Partial<ReplayMeasure>) => judgeReplay({ ...exact, ...change });

describe('the verdict on a replay', () => {
  it('is honest up to the thresholds and cheat above either of them', () => {
    expect(verdictOf({})).toBe('honest');
    expect(verdictOf({ exactTokens: 98, gapMaxMicro, gapMeanMicro })).toBe('honest');
    expect(verdictOf({ exactTokens: 99, gapMaxMicro: gapMaxMicro + 1 })).toBe('cheat');
    const many = { exactTokens: 10, gapMaxMicro, gapMeanMicro: gapMeanMicro + 1 };
    expect(verdictOf(many)).toBe('cheat');
  });

  it('does not take the mean of a few tokens for one of many', () => {
    const { meanTokensMin } = replayThresholds;
    const gaps = { gapMaxMicro: gapMaxMicro / 2, gapMeanMicro: gapMaxMicro / 2 };
    expect(verdictOf({ ...gaps, tokens: 1, exactTokens: 0 })).toBe('honest');
    const two = { ...gaps, tokens: 2 * meanTokensMin, exactTokens: 0 };
    expect(verdictOf(two)).toBe('cheat');
  });

  it('is void for an answer without tokens, whatever it measured', () => {
    expect(verdictOf({ tokens: tokensMin - 1, exactTokens: 0 })).toBe('void');
  });

  it('never gets milder when a gap gets larger', () => {
    const gap = fc.nat(4 * gapMaxMicro);
    fc.assert(
      fc.property(gap, gap, gap, (max, mean, more) => {
        const before = verdictOf({ exactTokens: 90, gapMaxMicro: max, gapMeanMicro: mean });
        const larger = { gapMaxMicro: max + more, gapMeanMicro: mean + more };
        const after = verdictOf({ exactTokens: 90, ...larger });
        expect([before, after]).not.toEqual(['cheat', 'honest']);
      }),
    );
  });

  it('takes thresholds of another network', () => {
    const strict = { tokensMin: 16, gapMaxMicro: 0, gapMeanMicro: 0, meanTokensMin: 1 };
    const measure = { ...exact, exactTokens: 99, gapMaxMicro: 1 };
    expect(judgeReplay(measure, strict)).toBe('cheat');
    expect(judgeReplay({ ...measure, tokens: 15 }, strict)).toBe('void');
  });
});
