import type { ErrorCode } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { admitJob, type JobRequest } from './admit-job.ts';
import { type ChannelRecord, recordOf } from './channel-record.ts';
import { channel, forged, offer, request, seller } from './testing/channel-fixture.ts';

function admitted(record: ChannelRecord, asked: JobRequest): ChannelRecord {
  const verdict = admitJob(seller, record, asked);
  if (!verdict.ok || verdict.value.kind !== 'admitted') throw new Error(JSON.stringify(verdict));
  return verdict.value.record;
}

function codeOf(record: ChannelRecord | undefined, asked: JobRequest): ErrorCode | 'ok' {
  const verdict = admitJob(seller, record, asked);
  return verdict.ok ? 'ok' : verdict.code;
}

describe('admitJob', () => {
  it('reserves the full price of prompt bound and covered tokens', () => {
    const record = admitted(recordOf(channel()), request({ cap: 33n }));
    expect(record).toMatchObject({ charged: 0n, reserved: 33n, signedMax: 33n });
    expect(record.best?.maxClaimable).toBe(33n);
    expect([...record.jobs.values()][0]).toMatchObject({ tokensCovered: 16, reserved: 33n });
  });

  const open = recordOf(channel());
  const asked = request();
  const stranger = { ...seller, provider: 'ee'.repeat(32) };
  const refusals: [ErrorCode, ChannelRecord | undefined, JobRequest][] = [
    ['PAYMENT_MALFORMED', open, request({ tokens: 0 })],
    ['PAYMENT_MALFORMED', open, request({ tokens: 8_193 })],
    ['OFFER_UNKNOWN', open, { ...asked, offer: undefined }],
    ['VOUCHER_CHANNEL_WRONG', undefined, asked],
    ['VOUCHER_CHANNEL_WRONG', recordOf(channel({ receiver: stranger.provider })), asked],
    ['VOUCHER_CHANNEL_WRONG', recordOf(channel({ receiverAuthorizer: 'ee'.repeat(32) })), asked],
    ['VOUCHER_CHANNEL_WRONG', recordOf(channel({ withdrawDelayMs: 4_999 })), asked],
    ['CHANNEL_CLOSED', recordOf(channel({ closed: true })), asked],
    ['VOUCHER_CHANNEL_CLOSING', recordOf(channel({ withdrawDueMs: 5, withdrawAmount: 1n })), asked],
    ['VOUCHER_STALE_STATE', open, { ...asked, mirrorAgeMs: 60_001 }],
    [
      'VOUCHER_STALE_STATE',
      recordOf(channel({ withdrawDelayMs: 8_000 })),
      { ...asked, mirrorAgeMs: 2_001 },
    ],
    ['VOUCHER_UNDERFUNDED', open, request({ cap: 32n })],
    ['VOUCHER_BEYOND_BALANCE', open, request({ cap: 10_001n })],
    ['VOUCHER_OPEN_CREDIT', recordOf(channel({ balance: 100_000n })), request({ cap: 16_034n })],
    [
      'JOB_CONFLICT',
      open,
      { ...asked, known: { offerId: 'ee'.repeat(32), channelId: asked.voucher.channelId } },
    ],
    [
      'VOUCHER_SIGNATURE_INVALID',
      open,
      { ...asked, voucher: { ...asked.voucher, signature: forged(asked.voucher.signature) } },
    ],
    ['VOUCHER_SIGNATURE_INVALID', open, { ...asked, voucher: { ...asked.voucher, signature: '' } }],
    ['VOUCHER_SIGNATURE_INVALID', open, { ...asked, bodyDigest: 'ee'.repeat(32) }],
    ['VOUCHER_SIGNATURE_INVALID', open, { ...asked, voucher: { ...asked.voucher, tokens: 17 } }],
  ];

  it.each(refusals)('refuses with %s', (code, record, wanted) => {
    expect(codeOf(record, wanted)).toBe(code);
  });

  it('takes a cap up to the open credit limit and the whole balance', () => {
    expect(codeOf(recordOf(channel({ balance: 100_000n })), request({ cap: 16_033n }))).toBe('ok');
    expect(codeOf(open, request({ cap: 10_000n }))).toBe('ok');
  });

  it('adds no headroom for a voucher of another job with the same cap', () => {
    const once = admitted(open, request({ key: 'a', cap: 33n }));
    expect(codeOf(once, request({ key: 'b', cap: 33n }))).toBe('VOUCHER_UNDERFUNDED');
    expect(codeOf(once, request({ key: 'b', cap: 66n }))).toBe('ok');
  });

  it('attaches a repeated job without touching the books, even without headroom', () => {
    const first = request({ cap: 33n });
    const record = admitted(open, first);
    const known = { offerId: offer.offerId, channelId: first.voucher.channelId };
    const verdict = admitJob(seller, record, { ...first, known });
    expect(verdict).toEqual({ ok: true, value: { kind: 'attach', jobId: first.jobId } });
    const bad = { ...first.voucher, signature: forged(first.voucher.signature) };
    expect(codeOf(record, { ...first, known, voucher: bad })).toBe('VOUCHER_SIGNATURE_INVALID');
  });

  it('shows the books with a refused amount only to who holds the key', () => {
    const record = admitted(open, request({ key: 'a', cap: 33n }));
    const poor = request({ key: 'b', cap: 40n });
    expect(admitJob(seller, record, poor)).toMatchObject({
      code: 'VOUCHER_UNDERFUNDED',
      facts: { cap: 40n, needed: 66n },
      corrective: { charged: 0n, reserved: 33n, signedMax: 33n, best: record.best },
    });
    const bad = { ...poor.voucher, signature: forged(poor.voucher.signature) };
    const refused = admitJob(seller, record, { ...poor, voucher: bad });
    expect(refused).toMatchObject({ code: 'VOUCHER_SIGNATURE_INVALID' });
    expect(refused).not.toHaveProperty('corrective');
  });

  const resume = { from: 20, prefixHash: 'ab'.repeat(32) };

  it('reserves for a resumed job what comes after the resume point', () => {
    const wish = request({ tokens: 36, cap: 33n, resume });
    const record = admitted(recordOf(channel()), wish);
    expect(record).toMatchObject({ reserved: 33n, signedMax: 33n });
    const [job] = record.jobs.values();
    expect(job).toMatchObject({ from: 20, delivered: 20, tokensCovered: 36, charged: 0n });
    expect(codeOf(open, request({ tokens: 36, cap: 32n, resume }))).toBe('VOUCHER_UNDERFUNDED');
  });

  it('refuses a voucher that covers nothing after the resume point', () => {
    expect(codeOf(open, request({ tokens: 20, resume }))).toBe('PAYMENT_MALFORMED');
    expect(codeOf(open, request({ tokens: 21, resume }))).toBe('ok');
  });

  it('takes no start for a resumption, and no other point than was signed', () => {
    const wish = request({ tokens: 36, resume });
    expect(codeOf(open, { ...wish, resume: undefined })).toBe('VOUCHER_SIGNATURE_INVALID');
    const others = [
      { ...resume, from: 19 },
      { ...resume, prefixHash: 'ac'.repeat(32) },
    ];
    for (const other of others) {
      expect(codeOf(open, { ...wish, resume: other })).toBe('VOUCHER_SIGNATURE_INVALID');
    }
  });

  it('attaches a resumed job only at the point where it was resumed', () => {
    const wish = request({ tokens: 36, resume });
    const record = admitted(open, wish);
    const { channelId } = wish.voucher;
    const known = { offerId: offer.offerId, channelId, resume };
    expect(codeOf(record, { ...wish, known })).toBe('ok');
    const others = [undefined, { ...resume, from: 19 }, { ...resume, prefixHash: '00'.repeat(32) }];
    for (const other of others) {
      expect(codeOf(record, { ...wish, known: { ...known, resume: other } })).toBe('JOB_CONFLICT');
    }
  });

  it('is bound to network, channel, offer, job, body, tokens and cap', () => {
    const other = { ...seller, network: { ...seller.network, genesisHash: 'bb'.repeat(32) } };
    const verdict = admitJob(other, open, asked);
    expect(verdict).toMatchObject({ code: 'VOUCHER_SIGNATURE_INVALID' });
    const raised = { ...asked, voucher: { ...asked.voucher, maxClaimable: 1_001n } };
    expect(codeOf(open, raised)).toBe('VOUCHER_SIGNATURE_INVALID');
    expect(codeOf(open, { ...asked, jobId: 'cc'.repeat(32) })).toBe('VOUCHER_SIGNATURE_INVALID');
  });
});
