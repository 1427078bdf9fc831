import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineError, readEventData, readLines } from './line-reader.ts';

async function* inParts(bytes: Uint8Array, sizes: readonly number[]) {
  let from = 0;
  for (const size of sizes) {
    yield bytes.subarray(from, from + size);
    from += size;
  }
  yield bytes.subarray(from);
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

describe('readLines', () => {
  it('gives the same lines however the bytes are cut', async () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ' '));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(7)), async (lines, sizes) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        expect(await all(readLines(inParts(bytes, sizes)))).toEqual(lines);
      }),
    );
  });

  it('takes a last line without an end, and drops carriage returns', async () => {
    expect(await all(readLines(inParts(Buffer.from('a\r\nb'), [])))).toEqual(['a', 'b']);
  });

  it('takes a line of exactly the bound and refuses one byte more', async () => {
    expect(await all(readLines(inParts(Buffer.from('abcd\n'), [2]), 4))).toEqual(['abcd']);
    const long = all(readLines(inParts(Buffer.from('abcde\n'), [2]), 4));
    await expect(long).rejects.toBeInstanceOf(LineError);
  });

  it('refuses an endless line before it has all of it', async () => {
    let sent = 0;
    async function* endless() {
      for (;;) {
        sent += 1;
        yield Buffer.from('xxxx');
      }
    }
    await expect(all(readLines(endless(), 40))).rejects.toBeInstanceOf(LineError);
    expect(sent).toBe(11);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const bad = all(readLines(inParts(Uint8Array.of(0x61, 0xff, 0x0a), [])));
    await expect(bad).rejects.toBeInstanceOf(LineError);
  });
});

describe('readEventData', () => {
  async function* lines(...texts: string[]) {
    yield* texts;
  }

  it('joins data lines and drops comments and other fields', async () => {
    const source = lines(': ping', 'event: x', 'data: a', 'data:b', '', '', 'data: c');
    expect(await all(readEventData(source))).toEqual(['a\nb', 'c']);
  });

  it('bounds an event of many lines', async () => {
    const source = lines('data: aaaa', 'data: bbbb', 'data: cccc');
    await expect(all(readEventData(source, 12))).rejects.toBeInstanceOf(LineError);
  });
});
