import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyJobProof } from './proof.ts';
import type { ProofPart } from './proof-parts.ts';
import type { ReceiptPayload, SignedReceipt } from './receipt.ts';
import {
  after,
  alice,
  bob,
  carol,
  createProvider,
  identity,
  network,
  other,
  type Provider,
  partOf,
  proofOf,
  reasonOf,
  start,
  tailOf,
} from './testing/proof-maker.ts';

describe('the proof of a job at one provider', () => {
  const { receipts } = alice.run(start, ['one ', 'two'], 'complete');
  const [first, last] = receipts as [SignedReceipt, SignedReceipt];
  const good = proofOf(partOf(alice, receipts));
  const withReceipts = (...list: SignedReceipt[]) => proofOf(partOf(alice, list));

  it('shows tokens, charge and key', () => {
    const verdict = verifyJobProof(network, good);
    expect(verdict.ok && verdict.value).toMatchObject({
      ...{ outputTokens: 7, promptTokens: 9, unsignedTokens: 0, charged: 2500n },
      ...{ outcome: 'complete', parts: [{ authorizer: alice.authorizer, from: 0, to: 7 }] },
    });
  });

  it('fails for a gap, another request, network, model or job, and for a forged signature', () => {
    const bad = '00'.repeat(32);
    const late = alice.sign({ ...after(start, 'one '), begin: 4 }, 'two');
    expect(reasonOf(withReceipts(late))).toBe('tokens 0 to 4 are not covered');
    expect(reasonOf({ ...good, bodyDigest: bad })).toMatch(/job id/);
    expect(reasonOf({ ...good, identity: null, bodyDigest: bad })).toMatch(/does not go on/);
    expect(reasonOf({ ...good, identity: null, jobId: bad })).toMatch(/another job/);
    expect(reasonOf({ ...good, identity: { ...identity, idempotencyKey: 'k' } })).toMatch(/job id/);
    expect(reasonOf({ ...good, genesisHash: other.genesisHash })).toMatch(/network/);
    const signed = (change: Partial<ReceiptPayload>) => alice.sign(start, 'one ', change);
    expect(reasonOf(withReceipts(signed({ model: 'other' })))).toMatch(/another model/);
    expect(reasonOf(withReceipts(signed({ charged: '601' })))).toMatch(/charges more/);
    expect(reasonOf(withReceipts(first, bob.sign(after(start, 'one '), 'two')))).toMatch(
      /another job or offer/,
    );
    const moved = { ...last.payload, channelId: bad };
    expect(reasonOf(withReceipts(first, { ...last, payload: moved }))).toMatch(/channel/);
    const other2 = alice.sign(after(start, 'two '), 'two');
    expect(reasonOf(withReceipts(first, other2))).toMatch(/follow/);
    const forged = { ...last, signature: '00'.repeat(64) };
    expect(reasonOf(withReceipts(first, forged))).toMatch(/signature/);
    const offer = { ...alice.offer, signature: '00'.repeat(64) };
    expect(reasonOf(proofOf({ ...partOf(alice, receipts), offer }))).toMatch(/offer/);
    const foreign = { ...alice.offer, signer: bob.authorizer };
    expect(reasonOf(proofOf({ ...partOf(alice, receipts), offer: foreign }))).toMatch(/own key/);
    expect(reasonOf(withReceipts())).toMatch(/neither/);
    expect(
      reasonOf(proofOf(partOf(alice, receipts, tailOf(after(start, '1234567'), 'x')))),
    ).toMatch(/signed by nobody/);
  });
});

describe('the proof of a job at several providers', () => {
  const text = ['one ', 'two '];

  it('joins at a receipt, and prices each provider for its own tokens', () => {
    const a = alice.run(start, text, 'provider_error');
    const b = bob.run(a.end, ['three', ''], 'complete');
    const proof = proofOf(partOf(alice, a.receipts), partOf(bob, b.receipts));
    const verdict = verifyJobProof(network, proof);
    expect(verdict.ok && verdict.value).toMatchObject({
      ...{ outputTokens: 13, charged: 1200n + 750n + 1450n, unsignedTokens: 0 },
      parts: [
        { from: 0, to: 8, charged: 1200n, hasPrompt: false },
        { from: 8, to: 13, charged: 2200n, hasPrompt: true },
      ],
    });
    const dear = bob.sign(a.end, 'three', { outcome: 'complete' });
    expect(reasonOf(proofOf(partOf(alice, a.receipts), partOf(bob, [dear])))).toMatch(
      /charges more/,
    );
  });

  it('goes on from a tail that nobody signed, and counts it', () => {
    const a = alice.run(start, text);
    const b = bob.run(after(a.end, 'tail'), ['three'], 'complete');
    const proof = proofOf(
      partOf(alice, a.receipts, tailOf(a.end, 'tail')),
      partOf(bob, b.receipts),
    );
    const verdict = verifyJobProof(network, proof);
    expect(verdict.ok && verdict.value).toMatchObject({ outputTokens: 17, unsignedTokens: 4 });
    const [cut] = proof.parts as [ProofPart];
    for (const tail of [null, tailOf(a.end, 'tale'), tailOf(a.end, 'tail ')]) {
      expect(reasonOf(proofOf({ ...cut, tail }, partOf(bob, b.receipts)))).toMatch(
        /does not go on|not covered/,
      );
    }
    expect(reasonOf(proofOf(partOf(bob, b.receipts)))).toBe('tokens 0 to 12 are not covered');
  });

  it('takes receipts for what was acknowledged later in the place of the tail', () => {
    const a = alice.run(start, text);
    const tail = tailOf(a.end, 'tail');
    const b = bob.run(after(a.end, 'tail'), ['three'], 'complete');
    const failed = { outcome: 'provider_error' } as const;
    const closing = alice.sign(a.end, '', failed);
    const late = alice.sign(after(a.end, ''), 'tail', failed);
    const straight = alice.sign(a.end, 'tail', failed);
    const next = partOf(bob, b.receipts);
    for (const [receipts, unsigned, shown] of [
      [[closing], 4, tail],
      [[closing, late], 0, tail],
      [[closing, late], 0, null],
      [[straight], 0, tail],
      [[straight], 0, null],
    ] as const) {
      const part = partOf(alice, [...a.receipts, ...receipts], shown);
      const verdict = verifyJobProof(network, proofOf(part, next));
      expect(verdict.ok && verdict.value.unsignedTokens).toBe(unsigned);
    }
    for (const wrong of ['tale', 'tai', 'tails']) {
      const receipt = alice.sign(after(a.end, ''), wrong, failed);
      for (const shown of [tail, null]) {
        const part = partOf(alice, [...a.receipts, closing, receipt], shown);
        expect(reasonOf(proofOf(part, next)), wrong).not.toBe('ok');
      }
    }
  });

  it('takes a provider that delivered a little and signed nothing, but not as the last one', () => {
    const a = alice.run(start, text);
    const b = after(a.end, 'ab');
    const c = carol.run(after(b, 'cd'), ['end'], 'complete');
    const unsigned = [
      partOf(alice, a.receipts, tailOf(a.end, 'ab')),
      partOf(bob, [], tailOf(b, 'cd')),
    ];
    const verdict = verifyJobProof(network, proofOf(...unsigned, partOf(carol, c.receipts)));
    expect(verdict.ok && verdict.value).toMatchObject({ outputTokens: 15, unsignedTokens: 4 });
    expect(reasonOf(proofOf(...unsigned))).toMatch(/signed by nobody/);
  });

  it('lets a provider begin at the request again, and charges nobody the prompt twice', () => {
    const a = alice.run(start, text, 'provider_error');
    const again = bob.run(start, ['one two'], 'complete');
    const proof = proofOf(partOf(alice, a.receipts), partOf(bob, again.receipts));
    expect(verifyJobProof(network, proof)).toMatchObject({ ok: true, value: { outputTokens: 7 } });
    const greedy = alice.run(start, text, 'complete');
    expect(reasonOf(proofOf(partOf(alice, greedy.receipts), partOf(bob, again.receipts)))).toMatch(
      /prompt/,
    );
    const tailed = partOf(alice, a.receipts, tailOf(a.end, 'x'));
    expect(reasonOf(proofOf(tailed, partOf(bob, again.receipts)))).toMatch(
      /does not go on|covered/,
    );
  });

  it('refuses providers of different models', () => {
    const dan = createProvider(5, { digest: 'sha256:00' });
    const a = alice.run(start, text, 'provider_error');
    const d = dan.run(a.end, ['end'], 'complete');
    expect(reasonOf(proofOf(partOf(alice, a.receipts), partOf(dan, d.receipts)))).toMatch(/models/);
  });

  it('holds for every way to cut an answer over providers, and for no overlap', () => {
    const words = fc.array(fc.string({ minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 4,
    });
    const cut = fc.record({ words, tail: fc.string({ maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
        let point = start;
        let unsigned = 0;
        const parts = cuts.map(({ words: texts, tail }, place) => {
          const isLast = place === cuts.length - 1;
          const provider = [alice, bob, carol][place] as Provider;
          const { receipts, end } = provider.run(point, texts, isLast ? 'complete' : 'running');
          point = isLast || tail === '' ? end : after(end, tail);
          unsigned += point.at - end.at;
          return partOf(provider, receipts, point === end ? null : tailOf(end, tail));
        });
        const verdict = verifyJobProof(network, proofOf(...parts));
        expect(verdict).toMatchObject({
          ok: true,
          value: { outputTokens: point.at, unsignedTokens: unsigned },
        });
        const paid = point.at - unsigned;
        expect(verdict.ok && verdict.value.charged).toBe(1450n + 150n * BigInt(paid));
        const [first, ...rest] = parts as [ProofPart, ...ProofPart[]];
        const longer = (first.receipts.at(-1) as SignedReceipt).payload;
        const more = alice.sign(
          after({ at: longer.from, prefixHash: longer.prefixHash }, 'x'),
          'y',
        );
        expect(reasonOf(proofOf(partOf(alice, [...first.receipts, more]), ...rest))).not.toBe('ok');
      }),
      { numRuns: 40 },
    );
  });
});
