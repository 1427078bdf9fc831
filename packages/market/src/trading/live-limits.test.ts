import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundPrice, type PriceAt } from './live-limits.ts';
import { strategies } from './strategies/all.ts';
import { parametersOf, strategyFault } from './strategy.ts';

const limits = { floorNait: 1_000n, ceilingNait: 10_000n, changeBpsPerHour: 1_000n };
const hourMs = 3_600_000;

describe('the limits of a live price', () => {
  it('say which of them held it back', () => {
    const now = { nowMs: 10, past: [] };
    expect(boundPrice(500n, limits, now)).toEqual({ price: 1_000n, bound: 'floor' });
    expect(boundPrice(20_000n, limits, now)).toEqual({ price: 10_000n, bound: 'ceiling' });
    expect(boundPrice(5_000n, limits, now)).toEqual({ price: 5_000n, bound: null });
    const past = [{ atMs: 0, price: 5_000n }];
    expect(boundPrice(9_000n, limits, { nowMs: 10, past })).toEqual({
      price: 5_500n,
      bound: 'change',
    });
    expect(boundPrice(9_000n, limits, { nowMs: hourMs, past })).toEqual({
      price: 5_500n,
      bound: 'change',
    });
  });

  it('hold over any number of small steps within an hour', () => {
    const wishes = fc.array(fc.bigInt({ min: 0n, max: 30_000n }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(wishes, (list) => {
        const past: PriceAt[] = [{ atMs: 0, price: 5_000n }];
        for (const [at, wanted] of list.entries()) {
          const nowMs = (at + 1) * 60_000;
          const { price } = boundPrice(wanted, limits, { nowMs, past });
          expect(price >= 4_500n && price <= 5_500n).toBe(true);
          past.push({ atMs: nowMs, price });
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('the table of strategies', () => {
  it('has names of its own, and every usual value is allowed', () => {
    expect(new Set(strategies.map(({ name }) => name)).size).toBe(strategies.length);
    for (const strategy of strategies) {
      expect(strategyFault(strategy)).toBeUndefined();
      const trader = strategy.create(
        parametersOf(strategy.parameters, parametersOf(strategy.parameters)),
      );
      trader.restore(trader.serialise());
    }
  });

  it('refuses parameters that it does not know, and values out of bounds', () => {
    const table = strategies.find(({ name }) => name === 'undercut')?.parameters ?? {};
    expect(() => parametersOf(table, { by: 1n })).toThrow('known: byBps, floorBps');
    expect(() => parametersOf(table, { byBps: 9_001n })).toThrow('byBps 9001');
  });

  it('names what a plugin lacks', () => {
    const whole = { name: 'x', side: 'seller', about: '', parameters: {}, create: () => ({}) };
    expect(strategyFault(whole)).toBeUndefined();
    const faults = [
      undefined,
      { ...whole, name: 'X' },
      { ...whole, side: 'both' },
      { ...whole, about: 1 },
    ];
    const more = [
      { ...whole, create: 1 },
      { ...whole, parameters: null },
    ];
    const floats = { ...whole, parameters: { a: { about: '', usual: 0.5, least: 0n, most: 1n } } };
    for (const fault of [...faults, ...more, floats]) expect(strategyFault(fault)).toBeDefined();
  });
});
