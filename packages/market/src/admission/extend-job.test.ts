import type { ErrorCode } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { admitJob } from './admit-job.ts';
import { type ChannelRecord, observeChannel, recordOf } from './channel-record.ts';
import { extendJob, type TopUp } from './extend-job.ts';
import { channel, forged, request, seller, topUp } from './testing/channel-fixture.ts';

const first = request({ cap: 33n });
const { jobId } = first;

function started(): ChannelRecord {
  const verdict = admitJob(seller, recordOf(channel()), first);
  if (!verdict.ok || verdict.value.kind !== 'admitted') throw new Error(JSON.stringify(verdict));
  return verdict.value.record;
}

function extended(record: ChannelRecord, voucher: TopUp): ChannelRecord {
  const verdict = extendJob(seller, record, voucher);
  if (!verdict.ok) throw new Error(verdict.code);
  return verdict.value.record;
}

describe('extendJob', () => {
  it('covers more tokens and reserves their price', () => {
    const record = extended(started(), topUp(jobId, 32, 49n));
    expect(record).toMatchObject({ reserved: 49n, signedMax: 49n });
    expect(record.jobs.get(jobId)?.tokensCovered).toBe(32);
  });

  it('never takes tokens back and adds nothing when repeated', () => {
    const once = extended(started(), topUp(jobId, 32, 49n));
    expect(extended(once, topUp(jobId, 32, 49n))).toEqual(once);
    expect(extended(once, topUp(jobId, 20, 37n))).toEqual(once);
  });

  it('takes a cap below what was signed while there is headroom', () => {
    const ahead = extended(started(), topUp(jobId, 16, 100n));
    expect(extended(ahead, topUp(jobId, 32, 49n))).toMatchObject({
      reserved: 49n,
      signedMax: 100n,
    });
  });

  const good = topUp(jobId, 32, 49n);
  const refusals: [ErrorCode, TopUp][] = [
    ['BAD_REQUEST', { ...good, tokens: 2 ** 40 }],
    ['VOUCHER_CHANNEL_WRONG', { ...good, channelId: 'ee'.repeat(32) }],
    ['JOB_UNKNOWN', topUp('ee'.repeat(32), 32, 49n)],
    ['VOUCHER_SIGNATURE_INVALID', { ...good, tokens: 31 }],
    ['VOUCHER_SIGNATURE_INVALID', { ...good, maxClaimable: 50n }],
    ['VOUCHER_SIGNATURE_INVALID', { ...good, signature: forged(good.signature) }],
    ['VOUCHER_SIGNATURE_INVALID', { ...first.voucher, jobId, jobMax: 1n }],
    ['VOUCHER_UNDERFUNDED', topUp(jobId, 32, 48n)],
    ['VOUCHER_BEYOND_BALANCE', topUp(jobId, 32, 10_001n)],
    ['VOUCHER_OPEN_CREDIT', { ...topUp(jobId, 32, 9_000n), jobMax: 10n }],
  ];
  it.each(refusals)('refuses with %s', (code, voucher) => {
    expect(extendJob(seller, started(), voucher)).toMatchObject({ ok: false, code });
  });

  it('reserves for a resumed job the tokens after its resume point only', () => {
    const resume = { from: 100, prefixHash: 'ab'.repeat(32) };
    const wish = request({ tokens: 116, cap: 33n, resume });
    const verdict = admitJob(seller, recordOf(channel()), wish);
    if (!verdict.ok || verdict.value.kind !== 'admitted') throw new Error('not admitted');
    const { record } = verdict.value;
    expect(extendJob(seller, record, topUp(wish.jobId, 132, 48n))).toMatchObject({
      code: 'VOUCHER_UNDERFUNDED',
      facts: { needed: 49n },
    });
    expect(extended(record, topUp(wish.jobId, 132, 49n))).toMatchObject({ reserved: 49n });
  });

  it('extends during a withdrawal only from what stays in the channel, and never a closed one', () => {
    const leaving = channel({ withdrawDueMs: 9, withdrawAmount: 9_960n });
    const { record } = observeChannel(started(), leaving);
    expect(extendJob(seller, record, topUp(jobId, 23, 40n))).toMatchObject({ ok: true });
    expect(extendJob(seller, record, good)).toMatchObject({ code: 'VOUCHER_BEYOND_BALANCE' });
    const shut = observeChannel(started(), channel({ closed: true, balance: 0n })).record;
    expect(extendJob(seller, shut, good)).toMatchObject({ code: 'CHANNEL_CLOSED' });
  });
});
