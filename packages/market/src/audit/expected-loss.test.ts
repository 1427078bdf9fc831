import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedLoss, penaltyNeeded } from './expected-loss.ts';

describe('what cheating is worth', () => {
  it('is what is saved on cheated jobs against what is lost on those that are found out', () => {
    const terms = {
      ...{ jobPrice: 20_000n, savingBps: 6_000, cheatBps: 2_000 },
      ...{ auditBps: 300, catchBps: 9_000, penalty: 20_000_000_000n },
    };
    // 200 000 cheated jobs of 12 000 each; 5 400 of them are found out.
    expect(expectedLoss(terms)).toEqual({
      saved: 2_400_000_000n,
      lost: 5_400n * 20_000_000_000n,
    });
  });

  it('costs nothing where nothing is audited or found out', () => {
    const terms = { jobPrice: 20_000n, savingBps: 6_000, cheatBps: 10_000, penalty: 10n ** 12n };
    expect(expectedLoss({ ...terms, auditBps: 0, catchBps: 10_000 }).lost).toBe(0n);
    expect(expectedLoss({ ...terms, auditBps: 10_000, catchBps: 0 }).lost).toBe(0n);
    expect(penaltyNeeded({ ...terms, auditBps: 300, catchBps: 0 })).toBeUndefined();
  });

  it('is never positive with the smallest penalty that suffices, on however many jobs one cheats', () => {
    const bps = fc.integer({ min: 1, max: 10_000 });
    const price = fc.bigInt({ min: 1n, max: 10n ** 12n });
    fc.assert(
      fc.property(
        price,
        fc.tuple(bps, bps, bps, bps),
        (jobPrice, [saving, audit, found, cheat]) => {
          const terms = { jobPrice, savingBps: saving, auditBps: audit, catchBps: found };
          const penalty = penaltyNeeded(terms) ?? 0n;
          const { saved, lost } = expectedLoss({ ...terms, cheatBps: cheat, penalty });
          expect(lost).toBeGreaterThanOrEqual(saved);
          const less = expectedLoss({ ...terms, cheatBps: 10_000, penalty: penalty - 1n });
          expect(less.lost).toBeLessThanOrEqual(less.saved);
        },
      ),
    );
  });
});
