import { describe, expect, it } from 'vitest';
import { createSchedule } from './schedule.ts';

const validators = (...stakes: bigint[]) =>
  stakes.map((stake, index) => ({ publicKey: index.toString(16).padStart(64, '0'), stake }));

describe('the leader schedule', () => {
  it('gives every view to a lone validator', () => {
    const leaderOf = createSchedule(validators(7n));
    expect([1, 2, 3, 1_000_000].map(leaderOf)).toEqual([0, 0, 0, 0]);
  });

  it('rotates over equal stakes', () => {
    const leaderOf = createSchedule(validators(5n, 5n, 5n, 5n));
    expect(Array.from({ length: 8 }, (_, view) => leaderOf(view))).toEqual([
      0, 1, 2, 3, 0, 1, 2, 3,
    ]);
  });

  it('leads in proportion to stake and never bunches the large one', () => {
    const leaderOf = createSchedule(validators(2n, 1n, 1n));
    const leaders = Array.from({ length: 48 }, (_, view) => leaderOf(view));
    expect(leaders.filter((index) => index === 0)).toHaveLength(24);
    expect(leaders.filter((index) => index === 1)).toHaveLength(12);
    expect(
      leaders.some(
        (index, view) => index === 0 && leaders[view + 1] === 0 && leaders[view + 2] === 0,
      ),
    ).toBe(false);
  });

  it('refuses an empty set', () => {
    expect(() => createSchedule([])).toThrow(RangeError);
  });
});
