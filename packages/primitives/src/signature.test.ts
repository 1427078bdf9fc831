import sodium from 'sodium-native';
import { describe, expect, it } from 'vitest';
import { bytesFromHex } from './bytes.ts';
import { isSafePublicKey, keyPairFromSeed, sign, verify } from './signature.ts';

const bytesOf = (text: string): Uint8Array => bytesFromHex(text, 32) ?? new Uint8Array(0);
const high = 'ff'.repeat(30);

const lowOrder = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${high}7f`,
  `ed${high}7f`,
  `ee${high}7f`,
];

describe('isSafePublicKey', () => {
  it('refuses each key of low order, with the sign bit clear and set', () => {
    for (const text of lowOrder) {
      const key = bytesOf(text);
      expect(isSafePublicKey(key)).toBe(false);
      key[31] = (key[31] ?? 0) | 0x80;
      expect(isSafePublicKey(key)).toBe(false);
    }
  });

  it('refuses every y that is not below the field prime', () => {
    for (let low = 0xed; low <= 0xff; low += 1) {
      expect(isSafePublicKey(bytesOf(`${low.toString(16)}${high}7f`))).toBe(false);
      expect(isSafePublicKey(bytesOf(`${low.toString(16)}${high}ff`))).toBe(false);
    }
    expect(isSafePublicKey(bytesOf(`eb${high}7f`))).toBe(true);
    expect(isSafePublicKey(bytesOf(`ff00${'ff'.repeat(29)}7f`))).toBe(true);
  });

  it('refuses a key of another length', () => {
    expect(isSafePublicKey(new Uint8Array(31).fill(9))).toBe(false);
    expect(isSafePublicKey(new Uint8Array(33).fill(9))).toBe(false);
  });

  it('accepts the keys of seeds, as libsodium does, and agrees with it on the table', () => {
    for (let seed = 0; seed < 64; seed += 1) {
      const { publicKey } = keyPairFromSeed(new Uint8Array(32).fill(seed));
      expect(isSafePublicKey(publicKey)).toBe(true);
      expect(sodium.crypto_core_ed25519_is_valid_point(publicKey as Buffer)).toBe(true);
    }
    for (const text of lowOrder) {
      expect(sodium.crypto_core_ed25519_is_valid_point(bytesOf(text) as Buffer)).toBe(false);
    }
  });

  it('refuses only keys for which no signature verifies', () => {
    const pair = keyPairFromSeed(new Uint8Array(32).fill(3));
    const message = new Uint8Array([1, 2, 3]);
    const signature = sign(message, pair.secretKey);
    expect(verify(signature, message, pair.publicKey)).toBe(true);
    // R = identity, s = 0 satisfies the equation for a key of low order; libsodium refuses it still.
    const forged = new Uint8Array(64);
    forged[0] = 1;
    for (const text of lowOrder) expect(verify(forged, message, bytesOf(text))).toBe(false);
  });
});
