import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as browserSodium from './browser/sodium.ts';
import { bytesFromHex, randomBytes, utf8 } from './bytes.ts';
import * as nodeSodium from './node/sodium.ts';
import { createSealOpener, sealBytes, sealTo } from './sealed-box.ts';
import { keyPairFromSeed } from './signature.ts';

const receiver = keyPairFromSeed(new Uint8Array(32).fill(7));
const other = keyPairFromSeed(new Uint8Array(32).fill(8));

describe('sealed boxes', () => {
  it('open to the message for the receiver and to nothing for anybody else', () => {
    const [mine, theirs] = [createSealOpener(receiver), createSealOpener(other)];
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        const sealed = sealTo(receiver.publicKey, message)!;
        expect(sealed).toHaveLength(message.length + sealBytes);
        expect(mine.open(sealed)).toEqual(message);
        expect(theirs.open(sealed)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  it('do not open once a byte was changed or cut off', () => {
    const opener = createSealOpener(receiver);
    const sealed = sealTo(receiver.publicKey, utf8('for your eyes'))!;
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(opener.open(changed), `byte ${at}`).toBeUndefined();
      expect(opener.open(sealed.subarray(0, at)), `${at} bytes`).toBeUndefined();
    }
  });

  it('cannot be made for a key that is no point or has a low order', () => {
    expect(sealTo(new Uint8Array(32), utf8('x'))).toBeUndefined();
    expect(sealTo(new Uint8Array(31), utf8('x'))).toBeUndefined();
    expect(sealTo(new Uint8Array(32).fill(2), utf8('x'))).toBeUndefined();
    const noKeys = { publicKey: new Uint8Array(32), secretKey: new Uint8Array(64) };
    expect(() => createSealOpener(noKeys)).toThrow(RangeError);
  });

  it('pass between the native and the wasm build in both directions', () => {
    const message = randomBytes(100);
    for (const [from, to] of [
      [nodeSodium, browserSodium],
      [browserSodium, nodeSodium],
    ] as const) {
      const sealed = from.boxSeal(message, from.boxKeyOf(receiver.publicKey)!);
      const secret = to.boxSecretOf(receiver.secretKey);
      expect(to.boxOpen(sealed, to.boxKeyOf(receiver.publicKey)!, secret)).toEqual(message);
      expect(
        to.boxOpen(sealed.subarray(1), to.boxKeyOf(receiver.publicKey)!, secret),
      ).toBeUndefined();
      expect(to.boxKeyOf(bytesFromHex('01'.padEnd(64, '0'), 32)!)).toBeUndefined();
    }
  });
});
