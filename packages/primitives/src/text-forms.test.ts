import { bech32, bech32m } from '@scure/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromId, idFromAddress } from './address.ts';
import { aitFromNait, amountFromText, amountMax, isAmount, naitFromAit } from './amount.ts';
import * as browserText from './browser/text.ts';
import { bytesFromBase64, bytesFromHex, compareBytes, concat, equalBytes } from './bytes.ts';
import { canonicalJson, type JsonValue } from './canonical-json.ts';
import { createManualClock } from './clock.ts';
import * as nodeText from './node/text.ts';

const { base64, hex } = nodeText;
const id = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('addresses', () => {
  it('have one spelling: decode ∘ encode is the identity', () => {
    fc.assert(
      fc.property(id, (accountId) => {
        const address = addressFromId(accountId);
        const decoded = idFromAddress(address);
        expect(decoded.ok && hex(decoded.accountId)).toBe(hex(accountId));
        expect(idFromAddress(address.toUpperCase()).ok).toBe(false);
      }),
    );
  });

  it('catch every single wrong character', () => {
    const address = addressFromId(new Uint8Array(32).fill(7));
    for (let at = 4; at < address.length; at += 1) {
      const wrong = address[at] === 'q' ? 'p' : 'q';
      const typo = address.slice(0, at) + wrong + address.slice(at + 1);
      expect(idFromAddress(typo).ok, typo).toBe(false);
    }
  });

  it.each(['', 'ait1', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', `ait1${'q'.repeat(200)}`])(
    'refuse %s',
    (text) => {
      expect(idFromAddress(text).ok).toBe(false);
    },
  );

  it('hold exactly 32 bytes and no bit more', () => {
    for (const size of [0, 20, 31, 33]) {
      const words = bech32m.toWords(new Uint8Array(size));
      const address = bech32m.encode('ait', words, false);
      expect(idFromAddress(address), address).toMatchObject({ reason: 'it must hold 32 bytes' });
      expect(() => addressFromId(new Uint8Array(size))).toThrow(RangeError);
    }
    const words = bech32m.toWords(new Uint8Array(32));
    words[words.length - 1] = 1; // a bit behind the last byte
    expect(idFromAddress(bech32m.encode('ait', words)).ok).toBe(false);
    expect(idFromAddress(bech32m.encode('bc', bech32m.toWords(new Uint8Array(32)))).ok).toBe(false);
    const old = bech32.encode('ait', bech32.toWords(new Uint8Array(32)));
    expect(idFromAddress(old)).toMatchObject({ reason: 'its checksum is wrong' });
  });
});

describe('amounts', () => {
  it('are canonical decimal strings of nait', () => {
    for (const text of [
      '-1',
      '1.0',
      '1e3',
      '01',
      ' 1',
      '+1',
      '',
      '0x1',
      '18446744073709551616',
      'NaN',
    ]) {
      expect(amountFromText(text), text).toBeUndefined();
    }
    for (const value of [1, 1.5, null, undefined, 1n, {}])
      expect(amountFromText(value)).toBeUndefined();
    expect(amountFromText('18446744073709551615')).toBe(amountMax);
    expect(isAmount(amountMax + 1n)).toBe(false);
    expect(isAmount(-1n)).toBe(false);
  });

  it('survive the way to AIT and back', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, amountMax), (amount) => {
        expect(naitFromAit(aitFromNait(amount))).toBe(amount);
        expect(amountFromText(amount.toString())).toBe(amount);
      }),
    );
    expect(aitFromNait(1_500_000_000n)).toBe('1.5');
    expect(aitFromNait(-42n)).toBe('-0.000000042');
    expect(naitFromAit('1.0000000001')).toBeUndefined();
    expect(naitFromAit('99999999999')).toBeUndefined();
  });
});

describe('bytes', () => {
  it('come back from hex and base64, and only from the canonical spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        expect(bytesFromHex(hex(value), value.length)).toEqual(value);
        expect(bytesFromBase64(base64(value))).toEqual(value);
        expect(base64(value)).toBe(Buffer.from(value).toString('base64'));
      }),
    );
    expect(bytesFromHex('AA', 1)).toBeUndefined();
    expect(bytesFromHex('aaa', 1)).toBeUndefined();
    expect(bytesFromBase64('QQ')).toBeUndefined();
    expect(bytesFromBase64('QR==')).toBeUndefined();
    expect(bytesFromBase64('Q===')).toBeUndefined();
    expect(bytesFromBase64('=AAA')).toBeUndefined();
    for (const text of ['QUJD\nQQ=', 'QU*D', 'QUI', 'QUJ=', 'Q===', 'é===', 'QUJDQUJé', '====']) {
      expect(bytesFromBase64(text), text).toBeUndefined();
    }
  });

  it('are written the same in Node and in a browser', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        expect(browserText.hex(value)).toBe(nodeText.hex(value));
        expect(browserText.base64(value)).toBe(nodeText.base64(value));
      }),
    );
  });

  it('have an order', () => {
    expect(compareBytes(new Uint8Array([1]), new Uint8Array([1, 0]))).toBeLessThan(0);
    expect(compareBytes(new Uint8Array([2]), new Uint8Array([1, 9]))).toBeGreaterThan(0);
    expect(compareBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBe(0);
    expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBe(true);
    expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 3]))).toBe(false);
    expect(equalBytes(new Uint8Array([1]), new Uint8Array([1, 0]))).toBe(false);
    expect(concat(new Uint8Array([1]), new Uint8Array([2, 3]))).toEqual(new Uint8Array([1, 2, 3]));
  });
});

describe('canonical JSON', () => {
  it('does not depend on the order of keys and parses back', () => {
    const { json } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
      ),
      json: fc.oneof(
        { maxDepth: 4 },
        tie('leaf'),
        fc.array(tie('json'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('json'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value as JsonValue);
        expect(JSON.parse(text)).toEqual(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
    expect(canonicalJson({ b: 1, a: [true, null, 'x'] })).toBe('{"a":[true,null,"x"],"b":1}');
    expect(canonicalJson({ a: { d: 1, c: 2 } })).toBe(canonicalJson({ a: { c: 2, d: 1 } }));
  });

  it.each([[1.5], [Number.NaN], [2 ** 60], [undefined], [1n], ['\ud800'], [{ '\udc00': 1 }]])(
    'refuses %s',
    (value) => {
      expect(() => canonicalJson(value as unknown as JsonValue)).toThrow(TypeError);
    },
  );

  it('refuses what is nested more than a hundred times, before it fills the stack', () => {
    const nested = (depth: number): JsonValue =>
      JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as JsonValue;
    expect(canonicalJson(nested(101)).length).toBe(202);
    expect(() => canonicalJson(nested(102))).toThrow(TypeError);
    expect(() => canonicalJson(nested(50_000))).toThrow(TypeError);
  });
});

it('a manual clock stands still until it is moved', () => {
  const clock = createManualClock(5);
  expect(clock.nowMs()).toBe(5);
  clock.advance(10);
  expect(clock.nowMs()).toBe(15);
});
