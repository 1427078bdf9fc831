import type { Outcome } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { admitJob } from './admit-job.ts';
import {
  assertRecord,
  type ChannelRecord,
  claimRowOf,
  observeChannel,
  recordOf,
} from './channel-record.ts';
import { deliverTokens, endJob, type JobEnd } from './meter-job.ts';
import { channel, request, seller } from './testing/channel-fixture.ts';

const first = request({ cap: 100n });
const { jobId } = first;

function started(): ChannelRecord {
  const verdict = admitJob(seller, recordOf(channel()), first);
  if (!verdict.ok || verdict.value.kind !== 'admitted') throw new Error(JSON.stringify(verdict));
  return verdict.value.record;
}

const after = (outputTokens: number, promptTokens = 8): ChannelRecord =>
  outputTokens === 0
    ? started()
    : deliverTokens(started(), jobId, { outputTokens, promptTokens }).record;

describe('deliverTokens', () => {
  it('turns reservation into charge, output tokens only', () => {
    expect(after(5)).toMatchObject({ charged: 5n, reserved: 28n });
  });

  it('refuses as a bug what no voucher covers and what is not live', () => {
    expect(() => after(17)).toThrow('no voucher covers');
    const none = { outputTokens: 1, promptTokens: 0 };
    expect(() => deliverTokens(recordOf(channel()), jobId, none)).toThrow('not live');
  });
});

describe('endJob', () => {
  type Row = [Exclude<Outcome, 'running'>, number, boolean, bigint];
  const table: Row[] = [
    // outcome, delivered tokens, first token late, due (7 request + 8 prompt + tokens)
    ['complete', 16, false, 31n],
    ['complete', 5, false, 20n],
    ['complete', 5, true, 5n],
    ['complete', 0, false, 0n],
    ['limit', 16, false, 31n],
    ['limit', 16, true, 16n],
    ['client_abort', 3, false, 18n],
    ['client_abort', 0, false, 0n],
    ['provider_error', 5, false, 5n],
    ['provider_error', 0, false, 0n],
    ['provider_error', 5, true, 5n],
  ];
  it.each(table)('%s after %i tokens, late %s: %s nait', (...row) => {
    const [outcome, delivered, isLate, due] = row;
    const end: JobEnd = { outcome, promptTokens: 8, isLate };
    const { record, job } = endJob(after(delivered), jobId, end);
    expect(record).toMatchObject({ charged: due, reserved: 0n });
    expect(record.jobs.size).toBe(0);
    expect(job).toMatchObject({ outcome, charged: due, delivered, reserved: 0n });
  });

  const resume = { from: 30, prefixHash: 'ab'.repeat(32) };
  const resumed = request({ key: 'resumed', tokens: 46, cap: 100n, resume });
  const parts: Row[] = [
    ['complete', 16, false, 31n],
    ['complete', 0, false, 0n],
    ['client_abort', 3, false, 18n],
    ['provider_error', 5, false, 5n],
  ];
  it.each(parts)('a resumed job, %s after %i tokens here, late %s: %s nait', (...row) => {
    const [outcome, outputTokens, isLate, due] = row;
    const start = admitJob(seller, recordOf(channel()), resumed);
    if (!start.ok || start.value.kind !== 'admitted') throw new Error('not admitted');
    const step = { outputTokens, promptTokens: 8 };
    const { record } = deliverTokens(start.value.record, resumed.jobId, step);
    expect(record.charged).toBe(BigInt(outputTokens));
    const ended = endJob(record, resumed.jobId, { outcome, promptTokens: 8, isLate });
    expect(ended.record).toMatchObject({ charged: due, reserved: 0n });
    expect(ended.job).toMatchObject({ from: 30, delivered: 30 + outputTokens, charged: due });
  });

  it('takes the last tokens with the end, and does not charge those the engine did not count', () => {
    const end = { outcome: 'complete', promptTokens: 8, isLate: false } as const;
    const whole = endJob(after(5), jobId, { ...end, outputTokens: 6 });
    expect(whole).toMatchObject({ record: { charged: 26n }, job: { delivered: 11 } });
    const less = endJob(after(5), jobId, { ...end, outputTokens: 6, doubtfulTokens: 4 });
    expect(less).toMatchObject({ record: { charged: 22n, reserved: 0n }, job: { delivered: 11 } });
    const failed = { ...end, outcome: 'provider_error', doubtfulTokens: 9 } as const;
    expect(endJob(after(5), jobId, failed).record.charged).toBe(5n); // a receipt has charged them
    expect(() => endJob(after(5), jobId, { ...end, outputTokens: 12 })).toThrow('no voucher');
  });

  it('never bills more prompt tokens than the bound', () => {
    const end: JobEnd = { outcome: 'complete', promptTokens: 5_000, isLate: false };
    const { record, job } = endJob(after(16, 0), jobId, end);
    expect(job.promptTokens).toBe(10);
    expect(record.charged).toBe(33n);
  });
});

describe('the record of a channel', () => {
  it('makes a claim row for what is due and not claimed, with the largest voucher', () => {
    expect(claimRowOf(started())).toBeUndefined();
    const record = after(5);
    expect(claimRowOf(record)).toEqual({
      channelId: record.channel.channelId,
      maxClaimable: 100n,
      context: record.best?.context,
      voucherSignature: first.voucher.signature,
      totalClaimed: 5n,
    });
    const claimed = observeChannel(record, channel({ totalClaimed: 5n })).record;
    expect(claimRowOf(claimed)).toBeUndefined();
  });

  it('takes over a claim it forgot', () => {
    const { record } = observeChannel(recordOf(channel()), channel({ totalClaimed: 70n }));
    expect(record).toMatchObject({ charged: 70n, signedMax: 70n });
  });

  it('stops its jobs and writes off when the money was withdrawn', () => {
    const running = after(5);
    const held = observeChannel(running, channel({ balance: 20n }));
    expect(held.writtenOff).toBe(0n);
    expect(held.record).toMatchObject({ charged: 5n, reserved: 0n, signedMax: 20n });
    expect(held.record.jobs.get(jobId)).toMatchObject({ tokensCovered: 5, reserved: 0n });
    const end: JobEnd = { outcome: 'limit', promptTokens: 8, isLate: false };
    expect(endJob(held.record, jobId, end).record.charged).toBe(5n);
    const lost = observeChannel(running, channel({ balance: 2n, closed: true }));
    expect(lost.writtenOff).toBe(3n);
    expect(claimRowOf(lost.record)).toBeUndefined();
  });

  it('is restored from what was saved', () => {
    const { charged, signedMax, best } = after(5);
    const record = recordOf(channel(), { charged, signedMax, best });
    expect(record).toMatchObject({ charged: 5n, reserved: 0n, signedMax: 100n });
  });

  it('is refused as a bug when its money does not add up', () => {
    const record = after(5);
    const broken: [Partial<ChannelRecord>, string][] = [
      [{ reserved: 0n }, 'do not add up'],
      [{ channel: channel({ totalClaimed: 6n }) }, 'more was claimed'],
      [{ signedMax: 32n }, 'than was signed'],
      [{ channel: channel({ balance: 99n }) }, 'than the channel holds'],
      [{ channel: channel({ balance: 2n ** 64n }), signedMax: 100n }, 'above 2^64-1'],
    ];
    for (const [changes, text] of broken) {
      expect(() => assertRecord({ ...record, ...changes })).toThrow(text);
    }
  });
});
