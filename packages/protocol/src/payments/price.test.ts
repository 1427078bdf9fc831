import { amountMax } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chargeFor, fullCharge, promptTokensBound } from './price.ts';

const price = { inputPerMTok: 100_000n, outputPerMTok: 400_000n, perRequest: 7n };
const counts = fc.nat({ max: 8_192 });
const prices = fc.record({
  inputPerMTok: fc.bigInt(0n, amountMax),
  outputPerMTok: fc.bigInt(0n, amountMax),
  perRequest: fc.bigInt(0n, amountMax),
});

describe('the price of a job', () => {
  it('is never above an amount, and never falls with the work', () => {
    const dear = { ...price, perRequest: amountMax };
    expect(fullCharge(dear, { promptTokens: 1, outputTokens: 1 })).toBe(amountMax);
    fc.assert(
      fc.property(prices, fc.tuple(counts, counts, counts), (any, numbers) => {
        const [promptTokens, outputTokens, more] = numbers;
        const charge = fullCharge(any, { promptTokens, outputTokens });
        expect(charge).toBeLessThanOrEqual(amountMax);
        const longer = fullCharge(any, { promptTokens, outputTokens: outputTokens + more });
        expect(longer).toBeGreaterThanOrEqual(charge);
        const usage = { promptTokens, outputTokens };
        expect(chargeFor(any, usage, 'provider_error')).toBeLessThanOrEqual(
          chargeFor(any, usage, 'complete'),
        );
      }),
    );
  });

  it('leaves the prompt and the request out when the provider failed', () => {
    const usage = { promptTokens: 100, outputTokens: 100 };
    expect(chargeFor(price, usage, 'complete')).toBe(7n + 10n + 40n);
    expect(chargeFor(price, usage, 'client_abort')).toBe(57n);
    expect(chargeFor(price, usage, 'limit')).toBe(57n);
    expect(chargeFor(price, usage, 'provider_error')).toBe(40n);
    expect(chargeFor(price, { promptTokens: 100, outputTokens: 0 }, 'provider_error')).toBe(0n);
  });

  it('has a bound of the prompt that counts bytes, not characters', () => {
    const bound = (content: string) => promptTokensBound([{ role: 'user', content }]);
    expect(bound('🦊') - bound('')).toBe(4);
    expect(bound('abcd') - bound('')).toBe(4);
    expect(promptTokensBound([])).toBeLessThan(bound(''));
  });
});
