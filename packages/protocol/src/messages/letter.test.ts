import { createSealOpener, hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../limits.ts';
import { networkFromHash } from '../network.ts';
import {
  decodeLetter,
  isLetterSigned,
  type LetterHead,
  letterIdOf,
  letterPayloadBytesMax,
  noLetter,
  openLetter,
  writeLetter,
} from './letter.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const other = networkFromHash('other', 'cd'.repeat(32));
const keysOf = (fill: number) => keyPairFromSeed(new Uint8Array(32).fill(fill));
const [alice, bob, eve] = [keysOf(1), keysOf(2), keysOf(3)];
const nowMs = 1_700_000_000_000;

const head: Omit<LetterHead, 'sender'> = {
  ...{ receiver: hex(bob.publicKey), stream: '07'.repeat(16), sequence: 1, timeMs: nowMs },
  ...{ expiresMs: nowMs + 1_000, previous: noLetter, priorUntilMs: 0 },
};
const text = { contentType: 'text/plain', payload: utf8('hello'), replyTo: noLetter };

describe('a letter', () => {
  it('has its parts where the specification says', () => {
    const { bytes, id } = writeLetter(network, { ...head, ...text }, alice);
    const at = (from: number, size: number) => hex(bytes.subarray(from, from + size));
    expect([at(0, 1), at(1, 4)]).toEqual(['01', 'abababab']);
    expect([at(5, 32), at(37, 32)]).toEqual([hex(alice.publicKey), hex(bob.publicKey)]);
    expect([at(69, 16), at(85, 8)]).toEqual(['07'.repeat(16), '0000000000000001']);
    expect([at(109, 32), at(141, 8)]).toEqual([noLetter, '00'.repeat(8)]);
    const sealed = 48 + 32 + 32 + 2 + 10 + 5;
    expect(Number.parseInt(at(149, 4), 16)).toBe(sealed);
    expect(bytes.length).toBe(153 + sealed + 64);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gives its receiver what its sender put in, and nobody else', () => {
    const contents = fc.record({
      contentType: fc.string({ minLength: 1, maxLength: 16, unit: 'grapheme-ascii' }),
      payload: fc.uint8Array({ maxLength: 200 }),
      replyTo: fc.constantFrom(noLetter, '12'.repeat(32)),
    });
    void fc.assert(
      fc.property(contents, (content) => {
        const { bytes, id } = writeLetter(network, { ...head, ...content }, alice);
        const letter = decodeLetter(bytes);
        if (!letter) throw new Error('it does not decode');
        expect(letterIdOf(network, letter)).toBe(id);
        expect(letter).toMatchObject({ ...head, sender: hex(alice.publicKey) });
        expect(isLetterSigned(network, letter)).toBe(true);
        expect(isLetterSigned(other, letter)).toBe(false);
        expect(openLetter(letter, createSealOpener(bob))).toEqual(content);
        expect(openLetter(letter, createSealOpener(eve))).toBe(undefined);
      }),
      { numRuns: 40 },
    );
  });

  it('is void when a single byte of it is another', () => {
    const { bytes } = writeLetter(network, { ...head, ...text }, alice);
    void fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        const letter = decodeLetter(changed);
        const isGood = letter?.chain === network.chain && isLetterSigned(network, letter) === true;
        expect(isGood).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('cannot be signed by another as his own', () => {
    const stolen = decodeLetter(writeLetter(network, { ...head, ...text }, alice).bytes);
    const own = writeLetter(network, { ...head, ...text }, eve).bytes;
    const forged = decodeLetter(own);
    if (!stolen || !forged) throw new Error('it does not decode');
    expect(openLetter({ ...forged, sealed: stolen.sealed }, createSealOpener(bob))).toBe(undefined);
  });

  it('fits into one message of the bus, whatever it holds, and no more can be put in', () => {
    const payload = new Uint8Array(letterPayloadBytesMax(10));
    const { bytes } = writeLetter(network, { ...head, ...text, payload }, alice);
    expect(bytes.length).toBe(limits.letterBytes);
    expect(limits.letterBytes).toBeLessThanOrEqual(limits.busPayloadBytes);
    const larger = { ...head, ...text, payload: new Uint8Array(payload.length + 1) };
    expect(() => writeLetter(network, larger, alice)).toThrow('the limit is');
    expect(() => writeLetter(network, { ...head, ...text, contentType: '' }, alice)).toThrow(
      'content type',
    );
    const weak = { ...head, ...text, receiver: '00'.repeat(32) };
    expect(() => writeLetter(network, weak, alice)).toThrow('no key');
  });

  it('is none with a number, a link or a lifetime that no letter may have', () => {
    const write = (changes: Partial<LetterHead>) =>
      decodeLetter(writeLetter(network, { ...head, ...text, ...changes }, alice).bytes);
    expect(write({})).toBeDefined();
    expect(write({ sequence: 0 })).toBe(undefined);
    expect(write({ sequence: 2 })).toBe(undefined);
    expect(write({ previous: '12'.repeat(32), priorUntilMs: 5 })).toBe(undefined);
    expect(write({ expiresMs: nowMs })).toBe(undefined);
    expect(write({ expiresMs: nowMs + limits.letterLifetimeMs + 1 })).toBe(undefined);
  });

  it('is never read from random bytes, and reading never throws', () => {
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const letter = decodeLetter(bytes);
        expect(letter === undefined || !isLetterSigned(network, letter)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
