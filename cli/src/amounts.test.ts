import { describe, expect, it } from 'vitest';
import { aitText, amountFromInput } from './amounts.ts';

const codeOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('amounts on the command line', () => {
  it('are AIT by default and nait when asked for', () => {
    expect(amountFromInput('1.5', false)).toBe(1_500_000_000n);
    expect(amountFromInput('0.000000001', false)).toBe(1n);
    expect(amountFromInput('15', true)).toBe(15n);
  });

  it('are refused when they are no amount, never rounded', () => {
    for (const text of ['1,5', '-1', '1e3', '', '0.0000000001', 'NaN', '99999999999']) {
      expect(
        codeOf(() => amountFromInput(text, false)),
        text,
      ).toBe('CLI_USAGE');
    }
    for (const text of ['1.5', '-1', '01', '', '18446744073709551616']) {
      expect(
        codeOf(() => amountFromInput(text, true)),
        text,
      ).toBe('AMOUNT_INVALID');
    }
  });

  it('are shown in AIT without trailing zeros', () => {
    expect(aitText('1500000000')).toBe('1.5 AIT');
    expect(aitText(-42n)).toBe('-0.000000042 AIT');
  });
});
