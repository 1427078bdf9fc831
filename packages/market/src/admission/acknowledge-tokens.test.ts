import type { ErrorCode } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { type AcknowledgeRequest, acknowledgeTokens } from './acknowledge-tokens.ts';
import { admitJob } from './admit-job.ts';
import { type ChannelRecord, type JobRecord, observeChannel, recordOf } from './channel-record.ts';
import { deliverTokens, endJob } from './meter-job.ts';
import { acknowledgement, channel, forged, request, seller } from './testing/channel-fixture.ts';

/** A job that died after 20 tokens of a covered 40. Its cap is 100 nait, of which 20 are due. */
function died(outcome: 'provider_error' | 'limit' = 'provider_error') {
  const asked = request({ tokens: 40, cap: 100n });
  const start = admitJob(seller, recordOf(channel()), asked);
  if (!start.ok || start.value.kind !== 'admitted') throw new Error('not admitted');
  const { jobId } = asked;
  const step = { outputTokens: 20, promptTokens: 0 };
  const { record } = deliverTokens(start.value.record, jobId, step);
  return endJob(record, jobId, { outcome, promptTokens: 0, isLate: false });
}

function verdictOf(asked: AcknowledgeRequest, record: ChannelRecord = died().record) {
  return acknowledgeTokens(seller, record, asked);
}

describe('acknowledgeTokens', () => {
  it('charges the tokens alone', () => {
    const { record, job } = died();
    const verdict = verdictOf(acknowledgement(job, 29), record);
    expect(verdict).toMatchObject({
      ok: true,
      value: { record: { charged: 29n, reserved: 0n }, job: { delivered: 29, charged: 29n } },
    });
  });

  it('charges a resumed job from where it began', () => {
    const resume = { from: 50, prefixHash: 'ab'.repeat(32) };
    const asked = request({ tokens: 66, cap: 100n, resume });
    const start = admitJob(seller, recordOf(channel()), asked);
    if (!start.ok || start.value.kind !== 'admitted') throw new Error('not admitted');
    const end = { outcome: 'provider_error', promptTokens: 0, isLate: false } as const;
    const { record, job } = endJob(start.value.record, asked.jobId, end);
    const verdict = verdictOf(acknowledgement(job, 53), record);
    expect(verdict).toMatchObject({ value: { record: { charged: 3n }, job: { delivered: 53 } } });
  });

  const { job } = died();
  const good = acknowledgement(job, 36);
  const changed = (changes: Partial<JobRecord>) => ({ ...job, ...changes });
  const refusals: [string, ErrorCode, AcknowledgeRequest][] = [
    [
      'another channel',
      'VOUCHER_CHANNEL_WRONG',
      { ...good, ack: { ...good.ack, channelId: 'ee'.repeat(32) } },
    ],
    ['a forger', 'VOUCHER_SIGNATURE_INVALID', { ...good, signature: forged(good.signature) }],
    [
      'another range than was signed',
      'VOUCHER_SIGNATURE_INVALID',
      { ...good, ack: { ...good.ack, to: 35 } },
    ],
    [
      'another text than was signed',
      'VOUCHER_SIGNATURE_INVALID',
      { ...good, ack: { ...good.ack, textHash: 'ee'.repeat(32) } },
    ],
    ['a job that ended otherwise', 'JOB_STATE_WRONG', { ...good, job: died('limit').job }],
    ['a job that still runs', 'JOB_STATE_WRONG', { ...good, job: changed({ outcome: 'running' }) }],
    [
      'a range that does not follow',
      'JOB_STATE_WRONG',
      { ...good, job: changed({ delivered: 21 }) },
    ],
    ['an empty range', 'JOB_STATE_WRONG', acknowledgement(job, 20)],
    ['more than a window', 'JOB_STATE_WRONG', acknowledgement(job, 37)],
    ['more than is covered', 'JOB_STATE_WRONG', { ...good, job: changed({ tokensCovered: 35 }) }],
  ];
  it.each(refusals)('refuses %s with %s', (_what, code, asked) => {
    expect(verdictOf(asked)).toMatchObject({ ok: false, code });
  });

  it('takes exactly a window', () => {
    expect(verdictOf(good)).toMatchObject({ ok: true });
  });

  it('refuses what other jobs of the channel have taken, or a withdrawal', () => {
    const { record } = died();
    const other = request({ key: 'other', tokens: 50, cap: 100n });
    const taken = admitJob(seller, record, other);
    if (!taken.ok || taken.value.kind !== 'admitted') throw new Error('not admitted');
    // 100 signed, 20 due, 67 reserved: 13 are left
    expect(verdictOf(acknowledgement(job, 33), taken.value.record)).toMatchObject({ ok: true });
    const most = acknowledgement(job, 34);
    expect(verdictOf(most, taken.value.record)).toMatchObject({ code: 'JOB_STATE_WRONG' });
    const gone = observeChannel(record, channel({ closed: true, balance: 0n })).record;
    expect(verdictOf(acknowledgement(job, 21), gone)).toMatchObject({ code: 'JOB_STATE_WRONG' });
  });
});
