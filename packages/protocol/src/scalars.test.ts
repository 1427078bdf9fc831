import { addressFromId } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import { accountIdOf, amountOf, zAddress, zAmount, zBase64, zCount, zHash } from './scalars.ts';

const address = addressFromId(new Uint8Array(32).fill(7));

describe('scalars of JSON', () => {
  it('have one spelling', () => {
    const accepted = [
      [zAmount, '18446744073709551615'],
      [zAddress, address],
      [zHash, 'ab'.repeat(32)],
      [zBase64, 'QUI='],
      [zCount, 0],
    ] as const;
    for (const [schema, value] of accepted) expect(schema.safeParse(value).success).toBe(true);
    const refused = [
      [zAmount, '18446744073709551616'],
      [zAmount, '01'],
      [zAddress, address.toUpperCase()],
      [zAddress, `${address}q`],
      [zAddress, 'a'.repeat(91)],
      [zHash, 'AB'.repeat(32)],
      [zHash, 'ab'.repeat(31)],
      [zBase64, 'QU I='],
      [zCount, -1],
      [zCount, 2 ** 53],
      [zCount, 1.5],
    ] as const;
    for (const [schema, value] of refused) {
      expect(schema.safeParse(value).success, String(value)).toBe(false);
    }
  });

  it('become values, or AMOUNT_INVALID and ADDRESS_INVALID with what was got', () => {
    expect(amountOf('42')).toBe(42n);
    expect(() => amountOf('1.5')).toThrow(
      expect.objectContaining({ code: 'AMOUNT_INVALID', facts: { got: '1.5' } }),
    );
    expect(accountIdOf(address)).toEqual({ ok: true, value: '07'.repeat(32) });
    expect(accountIdOf('x'.repeat(1_000))).toMatchObject({
      code: 'ADDRESS_INVALID',
      facts: { got: 'x'.repeat(90) },
    });
  });
});
