import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChunkReader, createEventReader, createLineReader, LineError } from './line-reader.ts';

function inParts(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let from = 0;
  const parts = sizes.map((size) => {
    from += size;
    return bytes.subarray(from - size, from);
  });
  return [...parts, bytes.subarray(from)];
}

function all(reader: ChunkReader, chunks: Iterable<Uint8Array>): string[] {
  const texts: string[] = [];
  for (const chunk of chunks) texts.push(...reader.feed(chunk));
  return [...texts, ...reader.end()];
}

describe('line reader', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ' '));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(7)), (lines, sizes) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        expect(all(createLineReader(), inParts(bytes, sizes))).toEqual(lines);
      }),
    );
  });

  it('takes a last line without an end, and drops carriage returns', () => {
    expect(all(createLineReader(), [Buffer.from('a\r\nb')])).toEqual(['a', 'b']);
  });

  it('takes a line of exactly the bound and refuses one byte more', () => {
    expect(all(createLineReader(4), inParts(Buffer.from('abcd\n'), [2]))).toEqual(['abcd']);
    const long = () => all(createLineReader(4), inParts(Buffer.from('abcde\n'), [2]));
    expect(long).toThrow(LineError);
  });

  it('refuses an endless line before it has all of it', () => {
    const reader = createLineReader(40);
    for (let fed = 0; fed < 10; fed += 1) expect(reader.feed(Buffer.from('xxxx'))).toEqual([]);
    expect(() => reader.feed(Buffer.from('xxxx'))).toThrow(LineError);
  });

  it('refuses bytes that are not UTF-8', () => {
    const bad = () => all(createLineReader(), [Uint8Array.of(0x61, 0xff, 0x0a)]);
    expect(bad).toThrow(LineError);
  });
});

describe('event reader', () => {
  const bytesOf = (...lines: string[]) => Buffer.from(lines.join('\n'));

  it('joins data lines and drops comments and other fields', () => {
    const source = bytesOf(': ping', 'event: x', 'data: a', 'data:b', '', '', 'data: c');
    for (const sizes of [[], [1, 2, 3], [9, 9, 9]]) {
      expect(all(createEventReader(), inParts(source, sizes))).toEqual(['a\nb', 'c']);
    }
  });

  it('bounds an event of many lines', () => {
    const source = bytesOf('data: aaaa', 'data: bbbb', 'data: cccc');
    expect(() => all(createEventReader(12), [source])).toThrow(LineError);
  });
});
