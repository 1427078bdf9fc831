import { expect, it } from 'vitest';
import { factorsOf } from './score-formula.ts';

it('gives the example of the specification', () => {
  const inputs = {
    receipts: 22,
    delivered: 21,
    broken: 1,
    deadlineHits: 21,
    deadlineMisses: 1,
    auditsPassed: 3,
    auditsFailed: 0,
  };
  const { delivery, punctuality, honesty } = factorsOf(inputs);
  expect([delivery.text, punctuality.text, honesty.text]).toEqual([
    '29/30',
    '(1/2 + 1/2 × 29/30)',
    '4/4',
  ]);
  expect(Math.floor(1000 * delivery.value * punctuality.value * honesty.value)).toBe(950);
});
