import { utf8 } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import {
  decodeJobProof,
  encodeJobProof,
  type JobProof,
  jobProofOf,
  type PartFacts,
  verifyJobProof,
} from './proof.ts';
import {
  after,
  alice,
  bob,
  bodyDigest,
  carol,
  identity,
  jobId,
  network,
  type Provider,
  partOf,
  proofOf,
  reasonOf,
  start,
  tailOf,
  withSurplus,
} from './testing/proof-maker.ts';

describe('the proof that a buyer’s log gives', () => {
  const a = alice.run(start, ['one ', 'two ']);
  const cut = after(a.end, 'tail');
  const b = bob.run(cut, ['three'], 'complete');
  const facts = { genesisHash: network.genesisHash, jobId, bodyDigest, identity };
  const tail = tailOf(a.end, 'tail');
  const unsigned = { ...tail, from: a.end.at };
  const made = (...parts: PartFacts[]) => jobProofOf({ ...facts, parts });
  const factsOf = (provider: Provider, from: number, known: Partial<PartFacts>): PartFacts => ({
    ...{ offer: provider.offer, from, receipts: [], tail: null },
    ...known,
  });
  const first = factsOf(alice, 0, { receipts: a.receipts, tail: unsigned });
  const second = factsOf(bob, cut.at, { receipts: b.receipts });

  it('keeps a tail that the next provider was shown, and no other', () => {
    const joined = made(first, second);
    expect(joined).toEqual(proofOf(partOf(alice, a.receipts, tail), partOf(bob, b.receipts)));
    expect(made(first)).toEqual(proofOf(partOf(alice, a.receipts)));
    const again = carol.run(start, ['new'], 'complete');
    const restarted = made(first, factsOf(carol, 0, { receipts: again.receipts }));
    expect(restarted && reasonOf(restarted)).toBe('ok');
    const idle = made(first, factsOf(carol, cut.at, {}), second);
    expect(idle && reasonOf(idle)).toBe('ok');
    const signed = [...a.receipts, alice.sign(a.end, ''), alice.sign(after(a.end, ''), 'tail')];
    const acknowledged = made({ ...first, receipts: signed }, second);
    expect(acknowledged?.parts[0]).toMatchObject({ tail: null, surplus: [] });
    expect(acknowledged && reasonOf(acknowledged)).toBe('ok');
    const gone = factsOf(carol, cut.at, { tail: unsigned });
    const dead = made(factsOf(bob, 0, { receipts: a.receipts }), gone);
    expect(dead?.parts).toHaveLength(1);
  });

  it('parts what arrived from what was sent behind it', () => {
    const sent = alice.run(start, ['one ', 'two ', 'tail more', ''], 'client_abort').receipts;
    const straddled = made({ ...first, receipts: sent }, second);
    expect(straddled?.parts[0]).toEqual(
      withSurplus(partOf(alice, sent.slice(0, 2), tail), ...sent.slice(2)),
    );
    const fit = alice.run(start, ['one ', 'two ', 'tail', 'more', ''], 'client_abort').receipts;
    const fitting = made({ ...first, receipts: fit }, second);
    expect(fitting?.parts[0]).toEqual(withSurplus(partOf(alice, fit.slice(0, 3)), ...fit.slice(3)));
    const lone = carol.run(cut, ['not seen'], 'client_abort').receipts;
    const unseen = made(first, factsOf(carol, cut.at, { receipts: lone }), second);
    expect(unseen?.parts[1]).toEqual(withSurplus(partOf(carol, []), ...lone));
    const begun = alice.run(start, ['not seen'], 'client_abort').receipts;
    const again = bob.run(start, ['one'], 'complete').receipts;
    const restarted = made(
      factsOf(alice, 0, { receipts: begun }),
      factsOf(bob, 0, { receipts: again }),
    );
    expect(restarted?.parts[0]).toEqual(partOf(alice, begun));
    for (const proof of [straddled, fitting, unseen, restarted]) {
      expect(proof && reasonOf(proof)).toBe('ok');
    }
  });

  it.each([
    ['words that were changed on the line', ['TAIL'], 4],
    ['other pieces than what arrived in one', ['ta', 'il'], 4],
    ['other pieces, and text behind it', ['ta', 'il more'], 9],
  ])('parts what arrived from receipts for %s', (_, texts, surplusTokens) => {
    const sent = alice.run(start, ['one ', 'two ', ...texts], 'client_abort').receipts;
    const proof = made({ ...first, receipts: sent }, second) as JobProof;
    expect(proof.parts[0]).toEqual(
      withSurplus(partOf(alice, sent.slice(0, 2), tail), ...sent.slice(2)),
    );
    const proven = verifyJobProof(network, proof);
    expect(proven.ok && proven.value).toMatchObject({ unsignedTokens: 4, surplusTokens });
  });

  it('is nothing while nobody has signed', () => {
    const tailAlone = { ...tailOf(start, 'x'), from: 0 };
    expect(made(factsOf(alice, 0, { tail: tailAlone }))).toBeUndefined();
    expect(made()).toBeUndefined();
  });
});

describe('the file of a proof', () => {
  const good = proofOf(partOf(alice, alice.run(start, ['one ', 'two'], 'complete').receipts));
  const bytes = encodeJobProof(good);
  const reason = (file: Uint8Array) => {
    const verdict = decodeJobProof(file);
    return verdict.ok ? 'ok' : `${verdict.code}: ${verdict.facts.reason}`;
  };

  it('comes back as it was written', () => {
    expect(decodeJobProof(bytes)).toEqual({ ok: true, value: good });
  });

  it('has one spelling only', () => {
    const text = new TextDecoder().decode(bytes);
    for (const spelling of [
      JSON.stringify(good, null, 2),
      text.trimEnd(),
      ` ${text}`,
      text.replace('"v":2', '"v":2.0'),
      text.replace('"tiny"', '"\\u0074iny"'),
      text.replace('"v":2', '"v":2,"w":1'),
      `\ufeff${text}`,
    ]) {
      expect(reason(utf8(spelling))).toMatch(/^RECEIPT_INVALID: .*(spelling|nrecognized|JSON)/);
    }
  });

  it('is refused when it is no text, no JSON, no proof or too large', () => {
    expect(reason(new Uint8Array([0xff, 0xfe]))).toMatch(/not JSON/);
    expect(reason(utf8('{"v":2'))).toMatch(/not JSON/);
    expect(reason(utf8('{"v":1}'))).toMatch(/RECEIPT_INVALID/);
    expect(reason(new Uint8Array(16_777_217))).toMatch(/above/);
    const half = { ...identity, idempotencyKey: '\ud800' };
    expect(reason(utf8(JSON.stringify({ ...good, identity: half })))).toMatch(/RECEIPT_INVALID/);
  });

  it('is refused for each bit that is another', () => {
    expectNoBitSpare(bytes);
  });

  it('is refused for each bit that is another, also of surplus', () => {
    const cut = after(start, 'on');
    const sent = alice.run(start, ['one', ''], 'client_abort').receipts;
    const gone = withSurplus(partOf(alice, [], tailOf(start, 'on')), ...sent);
    const next = bob.run(cut, ['two'], 'complete').receipts;
    expectNoBitSpare(encodeJobProof(proofOf(gone, partOf(bob, next))));
  });

  function expectNoBitSpare(file: Uint8Array): void {
    const holds = (read: ReturnType<typeof decodeJobProof>) =>
      read.ok && verifyJobProof(network, read.value).ok;
    expect(holds(decodeJobProof(file))).toBe(true);
    const kept = file.slice();
    let refused = 0;
    for (let bit = 0; bit < kept.length * 8; bit += 1) {
      kept[bit >> 3] = (kept[bit >> 3] as number) ^ (1 << (bit & 7));
      if (!holds(decodeJobProof(kept))) refused += 1;
      kept[bit >> 3] = file[bit >> 3] as number;
    }
    expect(refused).toBe(file.length * 8);
  }
});
