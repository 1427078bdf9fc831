import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCharacterHold, createStopHold } from './text-hold.mjs';

type Piece = [string, number];

/** A tokenizer of one token per byte: the worst case for characters. */
function detokenize(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('utf8');
}

function throughCharacters(bytes: Iterable<number>): { pieces: Piece[]; rest: number } {
  const hold = createCharacterHold(detokenize);
  const pieces: Piece[] = [];
  for (const byte of bytes) {
    const piece = hold.push(byte) as Piece | undefined;
    if (piece) pieces.push(piece);
  }
  return { pieces, rest: hold.releaseCounts() };
}

function throughStops(stops: string[], texts: string[]) {
  const hold = createStopHold(stops);
  const out: Piece[] = [];
  for (const text of texts) {
    const { pieces, stopped } = hold.push([text, 1]) as { pieces: Piece[]; stopped: boolean };
    out.push(...pieces);
    if (stopped) return { text: out.map(([part]) => part).join(''), stopped };
  }
  out.push(...(hold.flush() as Piece[]));
  return { text: out.map(([part]) => part).join(''), stopped: false, pieces: out };
}

describe('character hold', () => {
  it('puts characters together and loses no token', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = Buffer.from(text);
        const { pieces, rest } = throughCharacters(bytes);
        expect(pieces.map(([part]) => part).join('')).toBe(bytes.toString('utf8'));
        expect(pieces.reduce((sum, [, tokens]) => sum + tokens, rest)).toBe(bytes.length);
      }),
    );
  });

  it('lets broken bytes go after four tokens', () => {
    const { pieces, rest } = throughCharacters([0xff, 0xff, 0xff, 0xff, 0x61]);
    expect(pieces).toEqual([
      ['\uFFFD\uFFFD\uFFFD\uFFFD', 4],
      ['a', 1],
    ]);
    expect(rest).toBe(0);
  });

  it('counts a token once when its count was released before its text', () => {
    const hold = createCharacterHold(detokenize);
    expect(hold.push(0xc3)).toBeUndefined();
    expect(hold.releaseCounts()).toBe(1);
    expect(hold.push(0xa9)).toEqual(['é', 1]);
  });

  it('shows the detokenizer the answer that is continued, whose end decides about spaces', () => {
    // A tokenizer that adds a space to every word but the first of a text.
    const spaced = (words: string[], before: string[]) =>
      (before.length > 0 ? ' ' : '') + words.join(' ');
    const first = createCharacterHold(spaced);
    const next = createCharacterHold(spaced, ['the', 'cat']);
    expect([first.push('the'), first.push('cat')]).toEqual([
      ['the', 1],
      [' cat', 1],
    ]);
    expect(next.push('sat')).toEqual([' sat', 1]);
  });
});

describe('stop hold', () => {
  it('cuts in front of the first stop string, wherever tokens end', () => {
    const word = fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', 'c');
    fc.assert(
      fc.property(fc.array(word), fc.array(word, { maxLength: 3 }), (texts, stops) => {
        const whole = texts.join('');
        const cuts = stops.map((stop) => whole.indexOf(stop)).filter((index) => index >= 0);
        const { text, stopped } = throughStops(stops, texts);
        expect(stopped).toBe(cuts.length > 0);
        expect(text).toBe(cuts.length > 0 ? whole.slice(0, Math.min(...cuts)) : whole);
      }),
    );
  });

  it('keeps the tokens of pieces that it held', () => {
    const { pieces } = throughStops(['abcd'], ['x', 'ab', 'c', 'x']);
    expect(pieces).toEqual([
      ['x', 1],
      ['ab', 1],
      ['c', 1],
      ['x', 1],
    ]);
  });
});
