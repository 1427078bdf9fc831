import type { ReplayMeasure } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evidenceMax, evidenceOf, nextEvidence } from './evidence.ts';

/** A job of 100 tokens with so many inexact ones. */
const job = (inexact: number): ReplayMeasure => ({
  ...{ tokens: 100, exactTokens: 100 - inexact, gapMeanMicro: 1, gapMaxMicro: 1 },
});
const jobs = (inexact: number, count: number) => Array.from({ length: count }, () => job(inexact));

/** Repeatable numbers from 0 to 1. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Jobs of 100 tokens, each inexact with a probability. */
function history(count: number, share: number, random: () => number): ReplayMeasure[] {
  return Array.from({ length: count }, () => {
    const tokens = Array.from({ length: 100 }, () => random() < share);
    return job(tokens.filter(Boolean).length);
  });
}

describe('the evidence of many jobs', () => {
  it('starts at nothing, and exact jobs leave it there', () => {
    expect(evidenceOf([])).toEqual({ evidence: 0, convictedAt: undefined });
    expect(evidenceOf(jobs(0, 1_000))).toEqual({ evidence: 0, convictedAt: undefined });
  });

  it('convicts who has an inexact token in every job within a dozen jobs, whatever was before', () => {
    const { convictedAt } = evidenceOf(jobs(1, 20));
    expect(convictedAt).toBeLessThan(12);
    const turned = evidenceOf([...jobs(0, 500), ...jobs(1, 20)]);
    expect(turned.convictedAt).toBe(500 + (convictedAt ?? 0));
  });

  it('does not convict for one job, however wrong it was', () => {
    expect(nextEvidence(0, job(100))).toBeLessThan(evidenceMax / 2);
  });

  it('finds 8-bit weights in a hundred audits, and no honest provider in ten thousand', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = createRandom(seed);
      expect(evidenceOf(history(100, 0.0078, random)).convictedAt).toBeLessThan(100);
      expect(evidenceOf(history(10_000, 0.0005, random)).convictedAt).toBeUndefined();
    }
  });

  it('is a whole number that is never negative', () => {
    const measure = fc
      .nat(2_000)
      .chain((tokens) => fc.nat(tokens).map((exactTokens) => ({ ...job(0), tokens, exactTokens })));
    fc.assert(
      fc.property(fc.array(measure, { maxLength: 40 }), (measures) => {
        const { evidence } = evidenceOf(measures);
        expect(Number.isSafeInteger(evidence) && evidence >= 0).toBe(true);
      }),
    );
  });
});
