import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import { bytes32, networkFromHash, signatureBytesOf } from '../network.ts';
import { type Signed, signDocument, verifyDocument } from './document.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(1));
const signer = { publicKey: hex(publicKey), secretKey };
const context = { tag: 'offer', network } as const;
const signed = signDocument(context, { a: 1, b: ['x'] }, signer);
const isValid = (document: Signed<unknown>) => verifyDocument('offer', network, document);

describe('a signed document', () => {
  it('is valid whatever the order of its keys', () => {
    expect(isValid(signed)).toBe(true);
    expect(isValid({ ...signed, payload: { b: ['x'], a: 1 } })).toBe(true);
  });

  it('is not valid for another tag, network, payload or key', () => {
    const other = networkFromHash('other', 'cd'.repeat(32));
    expect(verifyDocument('receipt', network, signed)).toBe(false);
    expect(verifyDocument('offer', other, signed)).toBe(false);
    expect(isValid({ ...signed, payload: { a: 2, b: ['x'] } })).toBe(false);
    const stranger = hex(keyPairFromSeed(new Uint8Array(32).fill(2)).publicKey);
    expect(isValid({ ...signed, signer: stranger })).toBe(false);
  });

  it('is not valid, and nothing is thrown, when a part has no canonical form', () => {
    for (const payload of [Number.NaN, { a: undefined }, { a: 1n }, () => 1]) {
      expect(isValid({ ...signed, payload })).toBe(false);
      expect(() => signDocument(context, payload, signer)).toThrow(TypeError);
    }
    expect(isValid({ ...signed, signer: 'x' })).toBe(false);
    expect(isValid({ ...signed, signature: 'x' })).toBe(false);
  });

  it('does not take a fault of its reader for a wrong signature', () => {
    const payload = {
      get a(): number {
        throw new SyntaxError('a bug');
      },
    };
    expect(() => isValid({ ...signed, payload })).toThrow(SyntaxError);
  });
});

describe('hex of fixed size', () => {
  it('is bytes, or a bug for a hash, or nothing that verifies for a signature', () => {
    expect(bytes32('07'.repeat(32))).toEqual(new Uint8Array(32).fill(7));
    expect(() => bytes32('07')).toThrow(RangeError);
    expect(signatureBytesOf('07')).toEqual(new Uint8Array(0));
  });
});
