import { describe, expect, it } from 'vitest';
import vectors from '../vectors/ed25519-edge-cases.json' with { type: 'json' };
import * as browserSodium from './browser/sodium.ts';
import { bytesFromHex, hex, randomBytes, utf8 } from './bytes.ts';
import * as nodeSodium from './node/sodium.ts';
import { keyPairFromSeed, sign, verify } from './signature.ts';

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
      expect(hex(browserSodium.sha256(message))).toBe(hex(nodeSodium.sha256(message)));
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
