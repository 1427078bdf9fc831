import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findFraud, verifyFraud } from './proof-fraud.ts';
import { type SignedReceipt, textHashOf } from './receipt.ts';
import { after, alice, bob, network, other, start } from './testing/proof-maker.ts';

describe('fraud that receipts prove', () => {
  const { receipts, end } = alice.run(start, ['one ', 'two ', ''], 'complete');

  it('is two ranges of one key that overlap and are not the same', () => {
    const otherText = alice.run(start, ['one ', 'TWO '], 'complete').receipts;
    const otherCut = alice.run(start, ['one t', 'wo '], 'complete').receipts;
    for (const lie of [otherText, otherCut, otherText.slice(1)]) {
      const fraud = findFraud(network, receipts, lie);
      expect(fraud && verifyFraud(network, fraud)).toEqual({ ok: true, value: fraud });
      expect(fraud?.first.signer).toBe(alice.authorizer);
      expect(fraud?.first.payload.textHash).not.toBe(fraud?.second.payload.textHash);
    }
    const before = alice.sign(after(start, 'uno '), 'two ');
    expect(findFraud(network, receipts, [before])).toBeDefined();
  });

  it('is not the same chain twice, a longer one, another job, another key or a range of no tokens', () => {
    expect(findFraud(network, receipts, receipts)).toBeUndefined();
    expect(findFraud(network, receipts, [])).toBeUndefined();
    const longer = [...receipts.slice(0, 2), alice.sign(after(end, ''), 'more')];
    expect(findFraud(network, receipts, longer)).toBeUndefined();
    expect(
      findFraud(network, receipts, bob.run(start, ['ONE '], 'complete').receipts),
    ).toBeUndefined();
    const elsewhere = alice.sign(start, 'ONE ', { jobId: '01'.repeat(32) });
    expect(findFraud(network, receipts, [elsewhere])).toBeUndefined();
    const empty = alice.sign(after(start, 'on'), '');
    expect(findFraud(network, receipts, [empty])).toBeUndefined();
  });

  it('is not the surplus of one provider and the range of the next, but surplus of other text', () => {
    const sent = alice.run(start, ['one ', 'two three ', ''], 'client_abort').receipts;
    const next = bob.run(after(start, 'one '), ['TWO'], 'complete').receipts;
    const surplus = sent.slice(1);
    expect(findFraud(network, surplus, next)).toBeUndefined();
    const other = alice.sign(after(start, 'one '), 'TWO THREE');
    expect(findFraud(network, surplus, [other, ...next])).toMatchObject({
      first: { signer: alice.authorizer },
      second: { signer: alice.authorizer },
    });
  });

  it('is not what somebody forged', () => {
    const lie = alice.sign(start, 'ONE ');
    const forged = { ...lie, payload: { ...lie.payload, textHash: textHashOf('Two ') } };
    expect(findFraud(network, receipts, [forged])).toBeUndefined();
    const [first, second] = receipts as [SignedReceipt, SignedReceipt];
    expect(verifyFraud(network, { first, second: forged })).toMatchObject({ ok: false });
    expect(verifyFraud(network, { first, second })).toMatchObject({ ok: false });
    expect(verifyFraud(network, { first, second: bob.sign(start, 'ONE ') }).ok).toBe(false);
    expect(verifyFraud(other, { first, second: lie }).ok).toBe(false);
  });

  it('is found however two honest chains with one difference are cut', () => {
    const cutAt = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    const signAll = (text: string, sizes: readonly number[]) => {
      const texts: string[] = [];
      let at = 0;
      for (const size of [...sizes, text.length]) {
        if (at < text.length) texts.push(text.slice(at, at + size));
        at += size;
      }
      return alice.run(start, texts).receipts;
    };
    fc.assert(
      fc.property(cutAt, cutAt, fc.integer({ min: 0, max: 11 }), (left, right, at) => {
        const text = 'abcdefghijkl';
        const changed = `${text.slice(0, at)}X${text.slice(at + 1)}`;
        const fraud = findFraud(network, signAll(text, left), signAll(changed, right));
        expect(fraud && verifyFraud(network, fraud).ok).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
