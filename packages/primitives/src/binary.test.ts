import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReader, createWriter, DecodeError } from './binary.ts';

const parts = fc.array(
  fc.oneof(
    fc.nat({ max: 0xff }).map((value) => ({ kind: 'u8' as const, value })),
    fc.nat({ max: 0xffff }).map((value) => ({ kind: 'u16' as const, value })),
    fc.nat({ max: 0xffff_ffff }).map((value) => ({ kind: 'u32' as const, value })),
    fc.bigInt(0n, 2n ** 64n - 1n).map((value) => ({ kind: 'u64' as const, value })),
    fc.uint8Array({ maxLength: 700 }).map((value) => ({ kind: 'variable' as const, value })),
    fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((value) => ({ kind: 'fixed' as const, value })),
  ),
  { maxLength: 20 },
);

describe('the binary layout', () => {
  it('gives back what was written, whatever the sizes', () => {
    fc.assert(
      fc.property(parts, (message) => {
        const writer = createWriter();
        for (const { kind, value } of message) {
          if (kind === 'fixed') writer.fixed(value, 32);
          else writer[kind](value as never);
        }
        const reader = createReader(writer.finish());
        for (const { kind, value } of message) {
          const read = kind === 'fixed' ? reader.fixed(32) : reader[kind](700);
          expect(read).toEqual(value);
        }
        expect(reader.left()).toBe(0);
        reader.end();
      }),
    );
  });

  it('refuses to write what does not fit', () => {
    const writer = createWriter();
    for (const [kind, max] of [
      ['u8', 0xff],
      ['u16', 0xffff],
      ['u32', 0xffff_ffff],
    ] as const) {
      for (const value of [max + 1, -1, 0.5, Number.NaN]) {
        expect(() => writer[kind](value), `${kind} ${value}`).toThrow(RangeError);
      }
    }
    for (const value of [-1n, 2n ** 64n]) expect(() => writer.u64(value)).toThrow(RangeError);
    expect(() => writer.fixed(new Uint8Array(3), 4)).toThrow(RangeError);
    expect(() => writer.variable(new Uint8Array(0x1_0000))).toThrow(RangeError);
  });

  it('keeps writers apart that work at the same time, and their results from later ones', () => {
    const outer = createWriter().u32(1);
    const long = new Uint8Array(3_000).fill(7);
    const inner = createWriter().variable(long).finish();
    const outerBytes = outer.u32(2).finish();
    expect(createWriter().u64(0n).u64(0n).finish()).toEqual(new Uint8Array(16));
    expect(outerBytes).toEqual(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2));
    expect(inner.subarray(2)).toEqual(long);
    expect(() => outer.u8(1)).toThrow(/finished writer/);
    expect(() => outer.finish()).toThrow(/finished writer/);
  });

  it('reads a count up to 2^53-1', () => {
    for (const value of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const bytes = createWriter().u64(BigInt(value)).finish();
      expect(createReader(bytes).count()).toBe(value);
    }
    const above = createWriter()
      .u64(2n ** 53n)
      .finish();
    expect(() => createReader(above).count()).toThrow(/above 2\^53-1/);
    expect(() => createReader(above.subarray(1)).count()).toThrow(DecodeError);
  });

  it('ends with DecodeError when bytes are missing, left over or above their limit', () => {
    const three = Uint8Array.of(0, 2, 9);
    expect(() => createReader(three).u32()).toThrow(DecodeError);
    expect(() => createReader(three).u64()).toThrow(DecodeError);
    expect(() => createReader(three).fixed(4)).toThrow(DecodeError);
    expect(() => createReader(three).variable(10)).toThrow(DecodeError);
    expect(() => createReader(three).variable(1)).toThrow(/above its limit 1/);
    const reader = createReader(three);
    reader.u8();
    expect(() => reader.end()).toThrow(/2 bytes too many/);
  });
});
