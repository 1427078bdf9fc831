import { describe, expect, it } from 'vitest';
import { boundsOf, createDraws, drawdownOf, hitBpsOf, sharpeMilliOf } from './statistics.ts';

describe('figures of a run', () => {
  it('are of its own profits', () => {
    expect(sharpeMilliOf([1n, 3n])).toBe(2_000); // mean 2, deviation 1
    expect(sharpeMilliOf([-1n, -3n])).toBe(-2_000);
    expect([sharpeMilliOf([5n, 5n]), sharpeMilliOf([5n]), sharpeMilliOf([])]).toEqual([
      null,
      null,
      null,
    ]);
    expect(drawdownOf([5n, -2n, -4n, 3n, -1n])).toBe(6n);
    expect(drawdownOf([-2n, -1n])).toBe(3n);
    expect(drawdownOf([1n, 2n])).toBe(0n);
    expect(hitBpsOf([1n, 0n, -1n, 2n])).toBe(6_667);
    expect(hitBpsOf([0n, 0n])).toBe(null);
  });

  it('come with the same bounds for the same seed, around the mean', () => {
    const draw = createDraws(5);
    const values = Array.from({ length: 100 }, () => BigInt(Math.floor(draw() * 1_000)));
    const one = boundsOf(values, { seed: 3 });
    expect(boundsOf(values, { seed: 3 })).toEqual(one);
    expect(boundsOf(values, { seed: 4 })).not.toEqual(one);
    expect(one.lowNait < one.meanNait && one.meanNait < one.highNait).toBe(true);
    expect(boundsOf([], { seed: 1 }).highNait).toBe(0n);
  });

  it('hold the true mean nineteen times of twenty, about', () => {
    let held = 0;
    for (let seed = 0; seed < 200; seed += 1) {
      const draw = createDraws(seed);
      const values = Array.from({ length: 100 }, () =>
        BigInt(Math.round((draw() - 0.5) * 2_000_000)),
      );
      const { lowNait, highNait } = boundsOf(values, { seed, resamples: 200 });
      if (lowNait <= 0n && highNait >= 0n) held += 1;
    }
    // 190 are expected; blocks of a hundred values are few, so it is a little less.
    expect(held).toBeGreaterThan(165);
    expect(held).toBeLessThan(200);
  });
});
