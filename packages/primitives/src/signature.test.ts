import sodium from 'sodium-native';
import { describe, expect, it } from 'vitest';
import vectors from '../vectors/ed25519-edge-cases.json' with { type: 'json' };
import * as browserSodium from './browser/sodium.ts';
import { bytesFromHex, randomBytes, utf8 } from './bytes.ts';
import * as nodeSodium from './node/sodium.ts';
import { hex } from './node/text.ts';
import { isSafePublicKey, keyPairFromSeed, sign, verify } from './signature.ts';

const bytes = (text: string) => bytesFromHex(text, text.length / 2)!;

describe('signatures', () => {
  it.each(vectors.cases)('edge case $number of twelve is accepted: $accept', (vector) => {
    const { message, publicKey, signature, accept } = vector;
    expect(verify(bytes(signature), bytes(message), bytes(publicKey))).toBe(accept);
    expect(
      browserSodium.verifyDetached(bytes(signature), bytes(message), bytes(publicKey)),
      'the wasm build must agree',
    ).toBe(accept);
  });

  it('reproduces test 1 of RFC 8032', () => {
    const seed = bytes('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    const { publicKey, secretKey } = keyPairFromSeed(seed);
    expect(hex(publicKey)).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const signature = sign(new Uint8Array(0), secretKey);
    expect(hex(signature)).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
    expect(verify(signature, new Uint8Array(0), publicKey)).toBe(true);
  });

  it('signs the same bytes natively and in wasm', () => {
    for (let round = 0; round < 20; round += 1) {
      const seed = randomBytes(32);
      const native = nodeSodium.keypairFromSeed(seed);
      const wasm = browserSodium.keypairFromSeed(seed);
      expect(hex(wasm.publicKey)).toBe(hex(native.publicKey));
      const message = randomBytes(100);
      const signature = nodeSodium.signDetached(message, native.secretKey);
      expect(hex(browserSodium.signDetached(message, wasm.secretKey))).toBe(hex(signature));
      const hashed = nodeSodium.sha256(message);
      const digest = hex(hashed);
      nodeSodium.sha256(Uint8Array.of(1));
      expect(hex(hashed)).toBe(digest); // a result is nobody else's
      expect(hex(browserSodium.sha256(message))).toBe(digest);
      for (const { sha256Hex } of [nodeSodium, browserSodium]) {
        expect(sha256Hex(message)).toBe(digest);
      }
      for (const { sha256Into } of [nodeSodium, browserSodium]) {
        const target = new Uint8Array(32);
        sha256Into(target, message);
        expect(hex(target)).toBe(digest);
      }
    }
  });

  it('refuses any flipped bit and any wrong length', () => {
    const { publicKey, secretKey } = keyPairFromSeed(randomBytes(32));
    const message = utf8('one job, one price');
    const signature = sign(message, secretKey);
    for (let bit = 0; bit < 512; bit += 1) {
      const forged = Uint8Array.from(signature);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(forged, message, publicKey), `bit ${bit}`).toBe(false);
    }
    expect(verify(signature.subarray(1), message, publicKey)).toBe(false);
    expect(verify(signature, message, publicKey.subarray(1))).toBe(false);
  });

  it('refuses a seed of the wrong length', () => {
    expect(() => keyPairFromSeed(new Uint8Array(31))).toThrow(RangeError);
  });
});

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
      const key = bytes(text);
      expect(isSafePublicKey(key)).toBe(false);
      key[31] = (key[31] ?? 0) | 0x80;
      expect(isSafePublicKey(key)).toBe(false);
    }
  });

  it('refuses every y that is not below the field prime', () => {
    for (let low = 0xed; low <= 0xff; low += 1) {
      expect(isSafePublicKey(bytes(`${low.toString(16)}${high}7f`))).toBe(false);
      expect(isSafePublicKey(bytes(`${low.toString(16)}${high}ff`))).toBe(false);
    }
    expect(isSafePublicKey(bytes(`eb${high}7f`))).toBe(true);
    expect(isSafePublicKey(bytes(`ff00${'ff'.repeat(29)}7f`))).toBe(true);
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
      expect(sodium.crypto_core_ed25519_is_valid_point(bytes(text) as Buffer)).toBe(false);
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
    for (const text of lowOrder) expect(verify(forged, message, bytes(text))).toBe(false);
  });
});
