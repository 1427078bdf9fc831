import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inputsOf, scoreOf } from './score.ts';

const clean = inputsOf([], { passed: 0, failed: 0 });
const counts = fc.nat({ max: 64 });

test('nothing speaks against a provider without a record, and nothing lifts it above that', () => {
  expect(scoreOf(clean)).toBe(1_000);
  expect(scoreOf({ ...clean, receipts: 64, delivered: 64, deadlineHits: 64 })).toBe(1_000);
});

test('the worked example of docs/spec/market.md is true', () => {
  const reports = [
    ...Array.from({ length: 20 }, () => ({ outcome: 'complete', firstTokenMs: 90, boundMs: 100 })),
    { outcome: 'provider_error', firstTokenMs: 90, boundMs: 100 },
    { outcome: 'limit', firstTokenMs: 101, boundMs: 100 },
  ];
  const inputs = inputsOf(reports, { passed: 3, failed: 0 });
  expect(inputs).toEqual({
    receipts: 22,
    delivered: 21,
    broken: 1,
    deadlineHits: 21,
    deadlineMisses: 1,
    auditsPassed: 3,
    auditsFailed: 0,
  });
  expect(scoreOf(inputs)).toBe(950);
  expect(scoreOf({ ...inputs, auditsFailed: 1 })).toBe(475);
});

test('a score is between 0 and 1000, and each bad mark lowers it', () => {
  const record = fc.record({
    receipts: counts,
    delivered: counts,
    broken: counts,
    deadlineHits: counts,
    deadlineMisses: counts,
    auditsPassed: counts,
    auditsFailed: counts,
  });
  fc.assert(
    fc.property(record, (inputs) => {
      const score = scoreOf(inputs);
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1_000);
      for (const mark of ['broken', 'deadlineMisses', 'auditsFailed'] as const) {
        expect(scoreOf({ ...inputs, [mark]: inputs[mark] + 1 })).toBeLessThanOrEqual(score);
      }
      for (const mark of ['delivered', 'deadlineHits', 'auditsPassed'] as const) {
        expect(scoreOf({ ...inputs, [mark]: inputs[mark] + 1 })).toBeGreaterThanOrEqual(score);
      }
    }),
  );
});
