import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JobProof, jobProofOf, verifyJobProof } from './proof.ts';
import { findFraud } from './proof-fraud.ts';
import type { ProofPart } from './proof-parts.ts';
import type { ReceiptPayload, SignedReceipt } from './receipt.ts';
import {
  after,
  alice,
  bob,
  bodyDigest,
  carol,
  createProvider,
  endOf,
  identity,
  jobId,
  network,
  other,
  type Provider,
  partOf,
  proofOf,
  reasonOf,
  start,
  tailOf,
  withSurplus,
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
      ...{ prompts: 1, surplusTokens: 0 },
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

  it('lets a provider begin at the request again, and counts the prompts that were charged', () => {
    const a = alice.run(start, text, 'provider_error');
    const again = bob.run(start, ['one two'], 'complete');
    const proof = proofOf(partOf(alice, a.receipts), partOf(bob, again.receipts));
    expect(verifyJobProof(network, proof)).toMatchObject({ ok: true, value: { outputTokens: 7 } });
    const greedy = alice.run(start, text, 'complete');
    const both = proofOf(partOf(alice, greedy.receipts), partOf(bob, again.receipts));
    expect(verifyJobProof(network, both)).toMatchObject({ ok: true, value: { prompts: 2 } });
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
          after({ at: longer.from, prefixHash: longer.prefixHash }, 'longer'), // than any word
          'y',
        );
        expect(reasonOf(proofOf(partOf(alice, [...first.receipts, more]), ...rest))).not.toBe('ok');
      }),
      { numRuns: 40 },
    );
  });
});

describe('the proof of a job whose line broke while its providers lived', () => {
  const left = 'client_abort';
  const proven = (...parts: ProofPart[]) => {
    const verdict = verifyJobProof(network, proofOf(...parts));
    return verdict.ok ? verdict.value : verdict.facts.reason;
  };

  it('has a prompt of each that took it for a client who left, or had its end stored, and one beside', () => {
    const a = alice.run(start, ['one ', 'two '], left);
    const b = bob.run(a.end, ['three'], 'complete');
    const [gone, last] = [partOf(alice, a.receipts), partOf(bob, b.receipts)];
    expect(proven(gone, last)).toMatchObject({
      ...{ prompts: 2, surplusTokens: 0, charged: 2650n + 2200n },
      parts: [
        { hasPrompt: true, outcome: left },
        { hasPrompt: true, outcome: 'complete' },
      ],
    });
    const c = carol.run(b.end, ['four'], 'complete');
    const both = [last, partOf(carol, c.receipts)];
    expect(proven(gone, ...both)).toMatchObject({ prompts: 3 });
    const twice = bob.run(a.end, ['three'], left);
    expect(proven(gone, partOf(bob, twice.receipts), ...both.slice(1))).toMatchObject({
      prompts: 3,
    });
    const [begun] = a.receipts as [SignedReceipt];
    const terms = { outcome: 'limit', charged: '2650' } as const;
    const limited = alice.sign({ ...endOf(begun.payload), begin: 0 }, 'two ', terms);
    expect(proven(partOf(alice, [begun, limited]), last)).toMatchObject({ prompts: 2 });
    const complete = alice.run(start, ['one ', 'two '], 'complete');
    expect(proven(partOf(alice, complete.receipts), last)).toMatchObject({ prompts: 2 });
    const failed = alice.run(start, ['one ', 'two '], 'provider_error');
    expect(proven(partOf(alice, failed.receipts), last)).toMatchObject({ prompts: 1 });
  });

  it('shows what was sent and charged and did not arrive', () => {
    const sent = alice.run(start, ['one two ', 'three fo', ''], left).receipts;
    const [whole, ...later] = sent as [SignedReceipt, ...SignedReceipt[]];
    for (const [arrived, part, surplusTokens] of [
      ['one t', withSurplus(partOf(alice, [], tailOf(start, 'one t')), ...sent), 11],
      ['one two ', withSurplus(partOf(alice, [whole]), ...later), 8],
      [
        'one two thr',
        withSurplus(partOf(alice, [whole], tailOf(after(start, 'one two '), 'thr')), ...later),
        5,
      ],
    ] as const) {
      const pieces = arrived.length > 8 ? ['one two ', 'thr'] : [arrived];
      const cut = pieces.reduce((point, piece) => after(point, piece), start);
      const b = bob.run(cut, ['rest'], 'complete').receipts;
      expect(proven(part, partOf(bob, b)), arrived).toMatchObject({
        ...{ outputTokens: cut.at + 4, unsignedTokens: 0, surplusTokens, prompts: 2 },
        charged: 1450n + 150n * 16n + 1450n + 600n,
        parts: [
          { from: 0, to: 16, surplusTokens, hasPrompt: true, outcome: left },
          { from: cut.at, surplusTokens: 0 },
        ],
      });
    }
  });

  it('takes a provider of which nothing arrived, between two others and at the beginning', () => {
    const a = alice.run(start, ['one '], 'provider_error');
    const b = bob.run(a.end, ['two '], left).receipts;
    const c = partOf(carol, carol.run(a.end, ['TWO'], 'complete').receipts);
    const between = withSurplus(partOf(bob, []), ...b);
    expect(proven(partOf(alice, a.receipts), between, c)).toMatchObject({
      ...{ outputTokens: 7, surplusTokens: 4, prompts: 2, charged: 600n + 2050n + 1900n },
    });
    const lost = alice.run(start, ['one '], left).receipts;
    const again = partOf(bob, bob.run(start, ['ONE TWO'], 'complete').receipts);
    expect(proven(partOf(alice, lost), again)).toMatchObject({
      ...{ outputTokens: 7, surplusTokens: 4, prompts: 2 },
      parts: [{ surplusTokens: 4 }, { surplusTokens: 0 }],
    });
    expect(proven(withSurplus(partOf(alice, []), ...lost), again)).toMatch(/began again/);
  });

  it('refuses surplus that is more than a window, not chained, misplaced, or last', () => {
    const tail = tailOf(start, 'one');
    const cut = after(start, 'one');
    const next = partOf(bob, bob.run(cut, ['two'], 'complete').receipts);
    const after16 = (more: number) => alice.run(start, ['x'.repeat(3 + more)], left).receipts;
    const part = partOf(alice, [], tail);
    expect(proven(withSurplus(part, ...after16(16)), next)).toMatchObject({ surplusTokens: 16 });
    expect(proven(withSurplus(part, ...after16(17)), next)).toBe(
      '17 surplus tokens are more than the window of 16',
    );
    const loose = alice.sign({ ...cut, begin: 3 }, 'more', { outcome: left });
    expect(proven(withSurplus(part, loose), next)).toBe('tokens 0 to 3 are not covered');
    const gap = alice.sign({ ...after(cut, 'm'), begin: 0 }, 'ore');
    const [fit] = after16(1) as [SignedReceipt];
    expect(proven(withSurplus(part, fit, gap), next)).toMatch(/follow/);
    expect(proven(withSurplus(part, bob.sign(start, 'one m')), next)).toMatch(/another job/);
    expect(proven({ ...withSurplus(part, fit), tail: null }, next)).toMatch(/began again/);
    const exact = alice.run(start, ['one'], left).receipts;
    expect(proven(withSurplus(part, ...exact), next)).toMatch(/stands with the surplus/);
    expect(proven({ ...part, receipts: [fit] }, next)).toMatch(/does not join/);
    expect(proven(withSurplus(partOf(alice, exact), loose))).toMatch(/surplus at the end/);
    const again = partOf(carol, carol.run(start, ['new'], 'complete').receipts);
    expect(proven(withSurplus(partOf(alice, exact), loose), again)).toMatch(/go on|covered/);
    const dear = { ...after(start, 'one '), begin: 0 };
    const greedy = alice.sign(dear, 'm', { outcome: left, charged: '2201' });
    expect(proven(withSurplus(part, fit, greedy), next)).toMatch(/charges more/);
  });

  it('holds for every cut of every answer, and shows the surplus to the token', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.boolean(), (widths, at, isLeft) => {
        const texts = widths.map((width) => 'abcdef'.slice(0, width));
        const text = texts.join('');
        if (text === '') return;
        const outcome = isLeft ? left : 'provider_error';
        const { receipts } = alice.run(start, texts, outcome);
        const cutAt = 1 + (at % text.length);
        const inTime = receipts.filter(({ payload }) => payload.to <= cutAt);
        const end = inTime.reduce((_, { payload }) => endOf(payload), start);
        const tail = cutAt > end.at ? tailOf(end, text.slice(end.at, cutAt)) : null;
        const cut = tail ? after(end, text.slice(end.at, cutAt)) : end;
        const b = bob.run(cut, ['rest'], 'complete').receipts;
        const from = { offer: bob.offer, from: cutAt, receipts: b, tail: null };
        const facts = { genesisHash: network.genesisHash, jobId, bodyDigest, identity };
        const known = tail && { ...tail, from: end.at };
        const gone = { offer: alice.offer, from: 0, receipts, tail: known };
        const proof = jobProofOf({ ...facts, parts: [gone, from] }) as JobProof;
        const surplusTokens = text.length - cutAt;
        const verdict = verifyJobProof(network, proof);
        if (surplusTokens > alice.offer.payload.windowTokens) {
          expect(verdict).toMatchObject({ ok: false });
          return;
        }
        expect(verdict).toMatchObject({
          ok: true,
          value: { outputTokens: cutAt + 4, unsignedTokens: 0, surplusTokens },
        });
        expect(verdict.ok && verdict.value.charged).toBe(
          150n * BigInt(text.length + 4) + (isLeft ? 2_900n : 1_450n),
        );
        const all = proof.parts.flatMap((part) => [...part.receipts, ...part.surplus]);
        expect(findFraud(network, all, all)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});
