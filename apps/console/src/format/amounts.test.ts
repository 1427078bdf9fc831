import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amountText, exactAit, grouped, toldAmount } from './amounts.ts';

describe('amounts', () => {
  it('are nait while they are small and AIT from there on', () => {
    expect(amountText('0')).toBe('0 nait');
    expect(amountText(4_350n)).toBe('4 350 nait');
    expect(amountText('99999')).toBe('99 999 nait');
    expect(amountText('100000')).toBe('0.0001 AIT');
    expect(amountText(1_234_567_890n)).toBe('1.234 AIT');
    expect(amountText(-100_000_000_000n)).toBe('-100 AIT');
    expect(amountText(4_000_000_123_456_789n)).toBe('4 000 000 AIT');
  });

  it('lose nothing in the exact form', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (amount) => {
        const [whole = '', fraction = ''] = exactAit(amount).replace('-', '').split('.');
        const back = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
        expect(amount < 0n ? -back : back).toBe(amount);
      }),
    );
  });

  it('never show more than there is', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), (amount) => {
        const { value, unit } = toldAmount(amount);
        const [whole = '', fraction = ''] = value.replaceAll(' ', '').split('.');
        const scale = unit === 'AIT' ? 1_000_000_000n : 1n;
        const shown =
          BigInt(whole) * scale + (unit === 'AIT' ? BigInt(fraction.padEnd(9, '0')) : 0n);
        expect(shown <= amount).toBe(true);
        expect(amount - shown < scale).toBe(true);
      }),
    );
  });

  it('group by three', () => {
    expect([grouped(1), grouped(1_000), grouped('1234567')]).toEqual(['1', '1 000', '1 234 567']);
  });
});
