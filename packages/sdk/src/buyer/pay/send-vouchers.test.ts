import { AppError } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import type { SignedTopUp } from './extend-job.ts';
import { createVoucherSender } from './send-vouchers.ts';

type Client = ReturnType<Parameters<typeof createVoucherSender>[0]>;

const topUpOf = (jobId: string): SignedTopUp => ({
  ...{ jobId, channelId: 'c', tokens: 32, maxClaimable: '5', signature: 's' },
});
const { signal } = new AbortController();

/** Providers that note what they were asked; `isOld` ones know single vouchers only. */
function start({ isOld = false } = {}) {
  const calls: string[] = [];
  const stateOf = ({ jobId, tokens }: { jobId: string; tokens: number }) => {
    if (jobId === 'ended') throw new AppError('JOB_UNKNOWN', { jobId });
    return { jobId, outcome: 'running', tokens, delivered: 16, charged: '1' };
  };
  const clientOf = (endpoint: string): Client => ({
    async extend(input) {
      calls.push(`${endpoint}: ${input.jobId}`);
      return stateOf(input);
    },
    async extendMany({ vouchers }) {
      calls.push(`${endpoint}: ${vouchers.length} at once`);
      if (isOld) throw new AppError('NOT_FOUND', { what: 'path' });
      const answers = vouchers.map((voucher) => {
        try {
          return stateOf(voucher);
        } catch (error) {
          const { code, message, facts } = error as AppError;
          return { error: { code, message, facts } };
        }
      });
      return { answers };
    },
  });
  const clients = new Map(['a', 'b'].map((name) => [name, clientOf(name)]));
  const sender = createVoucherSender((endpoint) => clients.get(endpoint) as Client);
  const send = (endpoint: string, ...jobs: string[]) =>
    Promise.allSettled(jobs.map((jobId) => sender.send(endpoint, topUpOf(jobId), signal)));
  return { calls, send };
}

describe('vouchers of one turn', () => {
  it('leave for each provider in one call, and each gets its own answer', async () => {
    const { calls, send } = start();
    const [first, [alone]] = await Promise.all([send('a', '1', 'ended', '2'), send('b', '3')]);
    expect(calls).toEqual(['a: 3 at once', 'b: 3']);
    expect(first).toMatchObject([
      { status: 'fulfilled', value: { jobId: '1' } },
      { status: 'rejected', reason: { code: 'JOB_UNKNOWN', facts: { jobId: 'ended' } } },
      { status: 'fulfilled', value: { jobId: '2' } },
    ]);
    expect(alone).toMatchObject({ status: 'fulfilled', value: { jobId: '3' } });
  });

  it('leave in calls of 64 at most', async () => {
    const { calls, send } = start();
    await send('a', ...Array.from({ length: 65 }, (_, job) => String(job)));
    expect(calls).toEqual(['a: 64 at once', 'a: 64']);
  });

  it('go one by one to a provider that does not know that call', async () => {
    const { calls, send } = start({ isOld: true });
    expect(await send('a', '1', '2')).toMatchObject([
      { status: 'fulfilled', value: { jobId: '1' } },
      { status: 'fulfilled', value: { jobId: '2' } },
    ]);
    await send('a', '3', '4');
    expect(calls).toEqual(['a: 2 at once', 'a: 1', 'a: 2', 'a: 3', 'a: 4']);
  });
});
