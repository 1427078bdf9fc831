import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../limits.ts';
import {
  decodeTxBatch,
  decodeTxReply,
  encodeTxBatch,
  encodeTxReply,
  nextRequestId,
  type TxOutcome,
} from './tx-frames.ts';

const requestId = fc.integer({ min: 0, max: 0xffff_ffff });
const txId = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const outcome: fc.Arbitrary<TxOutcome> = fc.oneof(
  txId.map((id) => ({ txId: id })),
  fc
    .constantFrom('TX_MALFORMED', 'MEMPOOL_FULL', 'INTERNAL')
    .map((code) => ({ code }) as TxOutcome),
);

describe('frames of transactions', () => {
  it('say the same after encoding and decoding', () => {
    const txs = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(requestId, txs, (id, list) => {
        const batch = decodeTxBatch(encodeTxBatch({ requestId: id, txs: list }));
        expect(batch).toEqual({ ok: true, value: { requestId: id, txs: list } });
      }),
    );
    fc.assert(
      fc.property(requestId, fc.array(outcome, { maxLength: 20 }), (id, outcomes) => {
        const reply = { requestId: id, outcomes };
        expect(decodeTxReply(encodeTxReply(reply))).toEqual({ ok: true, value: reply });
      }),
    );
    const fault = { code: 'BAD_REQUEST', reason: 'no' } as const;
    expect(decodeTxReply(encodeTxReply({ requestId: 9, fault }))).toEqual({
      ok: true,
      value: { requestId: 9, fault },
    });
  });

  it('shorten a long reason, also where the cut goes through a letter', () => {
    const fault = { code: 'BAD_REQUEST', reason: `a${'🦙'.repeat(45)}` } as const;
    const reply = decodeTxReply(encodeTxReply({ requestId: 9, fault }));
    const reason = `a${'🦙'.repeat(39)}\ufffd`;
    expect(reply).toEqual({ ok: true, value: { requestId: 9, fault: { ...fault, reason } } });
  });

  it('keep the form of the specification', () => {
    const bytes = encodeTxBatch({ requestId: 0x01020304, txs: [Uint8Array.of(0xaa, 0xbb)] });
    expect(Buffer.from(bytes).toString('hex')).toBe('01010203040001' + '00000002aabb');
    const outcomes: TxOutcome[] = [{ txId: '11'.repeat(32) }, { code: 'TX_SELF' }];
    expect(Buffer.from(encodeTxReply({ requestId: 5, outcomes })).toString('hex')).toBe(
      `0200000005000201${'11'.repeat(32)}000007${Buffer.from('TX_SELF').toString('hex')}`,
    );
  });

  it('are refused with the request id when they are cut, too long or too many, and never throw', () => {
    const good = encodeTxBatch({ requestId: 7, txs: [Uint8Array.of(1, 2, 3)] });
    for (const bytes of [good.subarray(0, 9), Buffer.concat([good, Buffer.of(0)])]) {
      expect(decodeTxBatch(bytes)).toMatchObject({
        ...{ ok: false, code: 'BAD_REQUEST', facts: { requestId: 7 } },
      });
    }
    const none = encodeTxBatch({ requestId: 7, txs: [] });
    const many = encodeTxBatch({
      requestId: 7,
      txs: Array.from({ length: limits.frameTxs + 1 }, () => new Uint8Array(0)),
    });
    for (const bytes of [none, many]) expect(decodeTxBatch(bytes).ok).toBe(false);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(typeof decodeTxBatch(bytes).ok).toBe('boolean');
        expect(typeof decodeTxReply(bytes).ok).toBe('boolean');
      }),
    );
    expect(decodeTxReply(Uint8Array.of(9, 0, 0, 0, 1))).toMatchObject({ code: 'ANSWER_INVALID' });
    const strange = encodeTxReply({ requestId: 1, outcomes: [{ code: 'NO_SUCH' as 'TX_SELF' }] });
    expect(decodeTxReply(strange)).toMatchObject({ code: 'ANSWER_INVALID' });
  });

  it('are numbered from 1 on, over again after the largest', () => {
    expect([nextRequestId(0), nextRequestId(0xffff_ffff)]).toEqual([1, 1]);
  });
});
