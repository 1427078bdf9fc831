import { createReader, createWriter, DecodeError, hex } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as field from './fields.ts';
import { addressOf, type Field, readRecord, recordFromJson, writeRecord } from './fields.ts';

const id = 'ab'.repeat(32);
const rows = field.list({ a: field.u8 }, 2);
const refuse = <T>(one: Field<T>, json: unknown) => expect(() => one.fromJson(json));

function bytesOf<T>(one: Field<T>, value: T): Uint8Array {
  const writer = createWriter();
  one.write(writer, value);
  return writer.finish();
}

describe('fields from JSON', () => {
  it.each([
    ['u8', field.u8, [256, -1, 1.5, '1', null, Number.NaN]],
    ['u16', field.u16, [65_536, -1]],
    ['u32', field.u32, [2 ** 32, -1]],
    ['count', field.count, [2 ** 53, -1, 0.5, 1n]],
    ['amount', field.amount, ['-1', '1.5', '01', 1, null, (2n ** 64n).toString()]],
    ['hash', field.hash, [id.slice(2), id.toUpperCase(), `${id}ab`, 7, null]],
    ['signature', field.signature, [id, null]],
    ['account', field.account, [id, 7, null, addressOf(id).toUpperCase()]],
    ['text', field.text(4), ['12345', 'ééé', 7, null, '\ud800']],
    ['bytes', field.bytes(2), ['abc', 'aabbcc', 'AA', 'a', 'zz', 7, null]],
    ['list', rows, [{}, 'x', null, [{}], [{ a: 1, b: 1 }], [{ a: 1 }, { a: 2 }, { a: 3 }]]],
  ] as [string, Field<unknown>, unknown[]][])('refuse what is no %s', (_, one, values) => {
    for (const value of values) refuse(one, value).toThrow(DecodeError);
  });

  it('are values of the record; a foreign fault is not hidden as a refusal', () => {
    const broken: Field<number> = {
      ...field.u8,
      fromJson() {
        throw new TypeError('a bug');
      },
    };
    expect(() => recordFromJson({ broken }, { broken: 1 })).toThrow(TypeError);
  });
});

describe('fields to bytes', () => {
  it('refuse to write what does not fit', () => {
    const write = <T>(one: Field<T>, value: T) => expect(() => bytesOf(one, value));
    write(field.u8, 256).toThrow(RangeError);
    write(field.u16, -1).toThrow(RangeError);
    write(field.u32, 0.5).toThrow(RangeError);
    write(field.count, 2 ** 53).toThrow(RangeError);
    write(field.count, -1).toThrow(RangeError);
    write(field.amount, 2n ** 64n).toThrow(RangeError);
    write(field.hash, 'ab').toThrow(DecodeError);
    write(rows, [{ a: 1 }, { a: 2 }, { a: 3 }]).toThrow(RangeError);
    expect(() => addressOf('ab')).toThrow(RangeError);
  });
});

describe('fields from bytes', () => {
  const read = <T>(one: Field<T>, ...bytes: number[]) =>
    expect(() => one.read(createReader(Uint8Array.from(bytes))));

  it('refuse a count above 2^53-1, a part above its limit and an early end', () => {
    read(field.count, 0, 0x20, 0, 0, 0, 0, 0, 0).toThrow(/above 2\^53-1/);
    read(field.count, 0, 0, 0).toThrow(DecodeError);
    read(field.bytes(2), 0, 3, 1, 2, 3).toThrow(/above its limit/);
    read(field.text(2), 0, 3, 65, 66, 67).toThrow(/above its limit/);
    read(rows, 0, 3, 1, 2, 3).toThrow(/more than 2 rows/);
    read(rows, 0, 2, 1).toThrow(DecodeError);
  });

  it('keep every text as it was, a byte order mark in front too', () => {
    const marked = field.text(64);
    expect(marked.read(createReader(bytesOf(marked, '\ufeffname')))).toBe('\ufeffname');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (raw) => {
        const message = createWriter().variable(raw).finish();
        let value: string;
        try {
          value = marked.read(createReader(message));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(hex(bytesOf(marked, value))).toBe(hex(message));
      }),
      {
        numRuns: 500,
        examples: [[Uint8Array.of(0xef, 0xbb, 0xbf)], [Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)]],
      },
    );
  });

  it('are records in order', () => {
    const fields = { a: field.u8, b: rows };
    const writer = createWriter();
    writeRecord(fields, writer, { a: 7, b: [{ a: 1 }, { a: 2 }] });
    const bytes = writer.finish();
    expect([...bytes]).toEqual([7, 0, 2, 1, 2]);
    expect(readRecord(fields, createReader(bytes))).toEqual({ a: 7, b: [{ a: 1 }, { a: 2 }] });
  });
});
