import { AppError, type SignedReceipt } from '@aitbc/protocol';
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../books/log.ts';
import { until } from '../node/testing/http-server.ts';
import { createReporter, type JobReport } from './report-jobs.ts';

const closing = new AbortController();
afterEach(() => closing.abort(new AppError('CANCELLED')));

const reportOf = (number: number): JobReport => ({
  receipt: { payload: { jobId: String(number) } } as SignedReceipt,
  firstTokenMs: 1,
  durationMs: 2,
});

it('tells the first call at once, the others at a distance, and of too many the newest', async () => {
  const told: { jobId: string; atMs: number }[] = [];
  const coordinator = {
    report: async ({ receipt }: JobReport) => {
      told.push({ jobId: receipt.payload.jobId, atMs: performance.now() });
      if (told.length === 1) throw new AppError('UNAVAILABLE', { what: 'it', reason: 'a test' });
      return { accepted: true };
    },
  };
  const reporter = createReporter(coordinator, silentLog, closing.signal);
  for (let number = 0; number < 400; number += 1) reporter.add(reportOf(number));
  await until(() => told.length === 3);
  expect(told.map(({ jobId }) => jobId)).toEqual(['0', '144', '145']);
  const [first = { atMs: 0 }, , third = { atMs: 0 }] = told;
  expect(third.atMs - first.atMs).toBeGreaterThan(90);
  closing.abort(new AppError('CANCELLED'));
  reporter.add(reportOf(401));
  expect(told).toHaveLength(3);
});
