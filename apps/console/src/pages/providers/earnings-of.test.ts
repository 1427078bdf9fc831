import { expect, it } from 'vitest';
import type { JobReceipt } from '../jobs/use-receipts.ts';
import { earningsOf } from './earnings-of.ts';

const hourMs = 3_600_000;
const receipt = (atMs: number, durationMs: number, charged: string) =>
  ({ atMs, durationMs, charged, outputTokens: 4 }) as JobReceipt;

it('counts time that overlaps once, and money by the hour', () => {
  const nowMs = 100 * hourMs + 1_000;
  const receipts = [
    receipt(98 * hourMs + 500, 400, '5'),
    receipt(98 * hourMs + 600, 400, '7'),
    receipt(100 * hourMs, 50, '9'),
    receipt(1, 1, '1000'),
  ];
  const { charged, jobs, tokens, busyMs, perHour, times } = earningsOf(receipts, nowMs, 3);
  expect([charged, jobs, tokens, busyMs]).toEqual([21n, 3, 12, 550]);
  expect(perHour).toEqual([12, 0, 9]);
  expect(times).toEqual([98, 99, 100].map((hour) => hour * 3_600));
});
