import { bytesFromHex, hex, keyPairFromSeed, randomBytes, utf8 } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshKeys, otherNetwork, testNetwork } from '../testing/test-bus.ts';
import { decodeEnvelope, encodeEnvelope, envelopeBytesMax, isSigned, kinds } from './envelope.ts';

const keys = keyPairFromSeed(new Uint8Array(32).fill(1));
const example = {
  kind: kinds.topic,
  session: new Uint8Array(8).fill(2),
  sequence: 3,
  timeMs: 1_700_000_000_000,
  scope: utf8('news'),
  payload: utf8('hi'),
};
/** Ed25519 is deterministic: another signer must come to the same bytes. */
const golden =
  'da5d80145d5a80ebf320418b5df500ec3a843ae37943f841d04d6bf07496c713fee5084e26c34863abb180ec1f94ea4562b29d358859086542437421488e790c';
const fields = fc.record({
  kind: fc.constantFrom(kinds.topic, kinds.direct),
  session: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  sequence: fc.nat(),
  timeMs: fc.maxSafeNat(),
  scope: fc.uint8Array({ maxLength: limits.busTopicBytes }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

describe('an envelope', () => {
  it('has the bytes of docs/spec/bus.md', () => {
    const bytes = encodeEnvelope(example, keys, testNetwork);
    const head = [
      '0101', // version, kind
      'abababab', // chain
      hex(keys.publicKey),
      '0202020202020202', // session
      '0000000000000003', // sequence
      '0000018bcfe56800', // time
      '0004', // length of the topic
      hex(utf8('news')),
      '00000002', // length of the payload
      hex(utf8('hi')),
    ];
    expect(hex(bytes.subarray(0, -64))).toBe(head.join(''));
    expect(hex(bytes.subarray(-64))).toBe(golden);
  });

  it('reads as it was written, and is signed for one network', () => {
    void fc.assert(
      fc.property(fields, (value) => {
        const bytes = encodeEnvelope(value, keys, testNetwork);
        const read = decodeEnvelope(bytes)!;
        expect(read).toMatchObject({ ...value, sender: keys.publicKey, chain: testNetwork.chain });
        expect(isSigned(read, testNetwork)).toBe(true);
        expect(isSigned(read, otherNetwork)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('is no longer signed, or no envelope any more, with any bit changed or byte missing', () => {
    const bytes = encodeEnvelope(example, keys, testNetwork);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const read = decodeEnvelope(changed);
      expect(read !== undefined && isSigned(read, testNetwork), `byte ${at}`).toBe(false);
      expect(decodeEnvelope(bytes.subarray(0, at)), `${at} bytes`).toBeUndefined();
    }
    expect(decodeEnvelope(Uint8Array.of(...bytes, 0))).toBeUndefined();
  });

  it('is read from no random bytes, and never throws on them', () => {
    for (let round = 0; round < 2_000; round += 1) {
      const bytes = randomBytes(round % 300);
      if (bytes.length > 2) bytes.set([1, 1 + (round % 3)]);
      const read = decodeEnvelope(bytes);
      expect(read !== undefined && isSigned(read, testNetwork)).toBe(false);
    }
  });

  it('has a largest size, and an acknowledgement carries nothing', () => {
    const big = { ...example, kind: kinds.direct, scope: new Uint8Array(32) };
    const most = limits.busPayloadBytes + 80;
    const largest = encodeEnvelope({ ...big, payload: new Uint8Array(most) }, keys, testNetwork);
    expect(decodeEnvelope(largest)).toBeDefined();
    expect(largest.length).toBeLessThanOrEqual(envelopeBytesMax);
    const more = encodeEnvelope({ ...big, payload: new Uint8Array(most + 1) }, keys, testNetwork);
    expect(decodeEnvelope(more)).toBeUndefined();
    const ack = encodeEnvelope({ ...example, kind: kinds.ack }, freshKeys(), testNetwork);
    expect(decodeEnvelope(ack)).toBeUndefined();
    const hugeCount = bytesFromHex('ff'.repeat(8), 8)!;
    const odd = encodeEnvelope(example, keys, testNetwork);
    odd.set(hugeCount, 46);
    expect(decodeEnvelope(odd)).toBeUndefined();
  });
});
