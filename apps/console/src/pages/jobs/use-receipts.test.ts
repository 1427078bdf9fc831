import { expect, it } from 'vitest';
import { type JobReceipt, jobsOf } from './use-receipts.ts';

const receipt = (jobId: string, provider: string, atMs: number) =>
  ({
    jobId,
    provider,
    atMs,
    model: 'm',
    outputTokens: 10,
    charged: '7',
    firstTokenMs: 5,
    durationMs: 9,
    outcome: 'complete',
  }) as JobReceipt;

it('puts the receipts of a job together, newest job first', () => {
  const jobs = jobsOf([receipt('a', 'p', 1), receipt('b', 'p', 2), receipt('a', 'q', 3)]);
  expect(
    jobs.map(({ jobId, outputTokens, charged, providers }) => [
      jobId,
      outputTokens,
      charged,
      providers,
    ]),
  ).toEqual([
    ['a', 20, 14n, ['p', 'q']],
    ['b', 10, 7n, ['p']],
  ]);
});
