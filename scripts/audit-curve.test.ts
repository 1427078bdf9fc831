import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floatOfHalf, halfOfFloat, requantised } from './audit-curve/requantise.mjs';
import {
  caughtAt,
  createRandom,
  isCaught,
  shareOf,
  upperBoundOf,
} from './audit-curve/statistics.mjs';

const sold = new URL('../apps/provider/models/tiny-f16.gguf', import.meta.url);
const exact = { tokens: 100, exactTokens: 100, gapMeanMicro: 0, gapMaxMicro: 0 };
const wrong = { tokens: 100, exactTokens: 90, gapMeanMicro: 20_000, gapMaxMicro: 400_000 };
const listOf = (caught: number, all: number) =>
  Array.from({ length: all }, (_, at) => (at < caught ? wrong : exact));

describe('cheaper weights', () => {
  it('are to the byte those that another encoder makes', () => {
    const sha256 = (quantization: string) =>
      createHash('sha256')
        .update(requantised(readFileSync(sold), quantization))
        .digest('hex');
    expect(sha256('q4_0')).toBe('b31b6ef30ca563710a1797464aac22e855e0812b0d7a56696dd1c6a8e1a1486b');
    expect(sha256('q8_0')).toBe('2c8421907b6d3d3aecf510429885a35d220bfa7cbdf3b7296394fdb4104400e2');
  });

  it('are scaled by every number that half precision has', () => {
    for (let half = 0; half < 0x7c00; half += 1) {
      expect(halfOfFloat(floatOfHalf(half))).toBe(half);
      expect(halfOfFloat(-floatOfHalf(half)) & 0x7fff).toBe(half);
    }
  });
});

describe('the figures of audits', () => {
  it('have the exact bounds of a share', () => {
    const { low, high } = shareOf(listOf(5, 20));
    // Clopper and Pearson for 5 of 20: 0.0866 to 0.4910
    expect(low).toBeCloseTo(0.08657, 4);
    expect(high).toBeCloseTo(0.49105, 4);
    expect(shareOf(listOf(0, 20))).toMatchObject({ caught: 0, low: 0 });
    expect(shareOf(listOf(20, 20))).toMatchObject({ caught: 20, high: 1 });
  });

  it('bound the honest jobs that are wronged by what was tried: three in so many for none', () => {
    expect(upperBoundOf({ caught: 0, all: 1_000 })).toBeCloseTo(1 - 0.05 ** (1 / 1_000), 8);
    expect(upperBoundOf({ caught: 1, all: 1_000 })).toBeCloseTo(0.004735, 5);
  });

  it('catch a cheat in the first of its jobs that is audited, and nobody else', () => {
    expect([exact, wrong].map(isCaught)).toEqual([false, true]);
    const plan = { honest: [exact], cheat: [wrong], jobsMax: 1_000 };
    const always = { cheatShare: 1, auditShare: 1 };
    expect(caughtAt({ ...plan, ...always }, createRandom(1))).toEqual({ job: 1, by: 'verdict' });
    const never = [
      { cheatShare: 0, auditShare: 1 },
      { cheatShare: 1, auditShare: 0 },
    ];
    for (const shares of never) {
      expect(caughtAt({ ...plan, ...shares }, createRandom(1))).toBeUndefined();
    }
  });

  it('catch by evidence what no single job shows', () => {
    const faint = { ...exact, exactTokens: 98, gapMeanMicro: 20, gapMaxMicro: 1_000 };
    const plan = { honest: [exact], cheat: [faint], cheatShare: 1, auditShare: 1, jobsMax: 100 };
    expect(caughtAt(plan, createRandom(1))).toMatchObject({ by: 'evidence' });
  });
});
