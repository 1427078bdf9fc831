import type { MarketEvent } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { perMinute, recent, sumsOf } from './market-sums.ts';

const receipt = (atMs: number, jobId: string, outputTokens: number): MarketEvent =>
  ({
    ...{ seq: atMs, atMs, provider: 'ait1' },
    facts: { kind: 'receipt', jobId, outputTokens, charged: '10' },
  }) as unknown as MarketEvent;
const other = {
  seq: 1,
  atMs: 1,
  provider: 'ait1',
  facts: { kind: 'provider_out', heldMs: 1 },
} as MarketEvent;

it('a job of two providers is one job, and both are paid', () => {
  const sums = sumsOf([other, receipt(1, 'a', 30), receipt(2, 'a', 12), receipt(3, 'b', 8)]);
  expect(sums).toEqual({ jobs: 2, tokens: 50, charged: 30n });
});

it('minutes stand in order and empty ones are there', () => {
  const nowMs = 10 * 60_000 + 30_000;
  const events = [receipt(8 * 60_000, 'a', 5), receipt(10 * 60_000, 'b', 7)];
  const { times, jobs, tokens } = perMinute(events, nowMs, 4);
  expect(times).toEqual([7 * 60, 8 * 60, 9 * 60, 10 * 60]);
  expect(jobs).toEqual([0, 1, 0, 1]);
  expect(tokens).toEqual([0, 5, 0, 7]);
  expect(recent(events, nowMs, 60_000)).toHaveLength(1);
});
