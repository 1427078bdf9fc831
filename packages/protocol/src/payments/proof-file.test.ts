import { utf8 } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import { decodeJobProof, encodeJobProof, jobProofOf, verifyJobProof } from './proof.ts';
import type { ProofPart } from './proof-parts.ts';
import {
  after,
  alice,
  bob,
  bodyDigest,
  carol,
  identity,
  jobId,
  network,
  partOf,
  proofOf,
  reasonOf,
  start,
  tailOf,
} from './testing/proof-maker.ts';

describe('the proof that a buyer’s log gives', () => {
  const a = alice.run(start, ['one ', 'two ']);
  const b = bob.run(after(a.end, 'tail'), ['three'], 'complete');
  const facts = { genesisHash: network.genesisHash, jobId, bodyDigest, identity };
  const tail = tailOf(a.end, 'tail');
  const made = (...parts: ProofPart[]) => jobProofOf({ ...facts, parts });

  it('keeps a tail that the next provider was shown, and no other', () => {
    const joined = made(partOf(alice, a.receipts, tail), partOf(bob, b.receipts));
    expect(joined).toEqual(proofOf(partOf(alice, a.receipts, tail), partOf(bob, b.receipts)));
    const last = made(partOf(alice, a.receipts, tail));
    expect(last).toEqual(proofOf(partOf(alice, a.receipts)));
    const again = carol.run(start, ['new'], 'complete');
    const restarted = made(partOf(alice, a.receipts, tail), partOf(carol, again.receipts));
    expect(restarted && reasonOf(restarted)).toBe('ok');
    const idle = made(partOf(alice, a.receipts, tail), partOf(carol, []), partOf(bob, b.receipts));
    expect(idle && reasonOf(idle)).toBe('ok');
    const signed = [...a.receipts, alice.sign(a.end, ''), alice.sign(after(a.end, ''), 'tail')];
    const acknowledged = made(partOf(alice, signed, tail), partOf(bob, b.receipts));
    expect(acknowledged?.parts[0]?.tail).toBeNull();
    expect(acknowledged && reasonOf(acknowledged)).toBe('ok');
    const dead = made(partOf(bob, a.receipts), partOf(carol, [], tail));
    expect(dead?.parts).toHaveLength(1);
  });

  it('is nothing while nobody has signed', () => {
    expect(made(partOf(alice, [], tailOf(start, 'x')))).toBeUndefined();
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
    const kept = bytes.slice();
    let refused = 0;
    for (let bit = 0; bit < kept.length * 8; bit += 1) {
      kept[bit >> 3] = (kept[bit >> 3] as number) ^ (1 << (bit & 7));
      const read = decodeJobProof(kept);
      if (!read.ok || !verifyJobProof(network, read.value).ok) refused += 1;
      kept[bit >> 3] = bytes[bit >> 3] as number;
    }
    expect(refused).toBe(bytes.length * 8);
  });
});
