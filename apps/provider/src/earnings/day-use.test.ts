import type { IdleReason } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { createDayUse } from './day-use.ts';

function dayUseAt(startMs: number) {
  const state = { nowMs: startMs, reason: 'not_asked' as IdleReason, writes: 0 };
  const sums = new Map<string, number>();
  const dayUse = createDayUse({
    nowMs: () => state.nowMs,
    reason: () => state.reason,
    add(day, reason, ms) {
      state.writes += 1;
      sums.set(`${day} ${reason}`, (sums.get(`${day} ${reason}`) ?? 0) + ms);
    },
  });
  const pass = (seconds: number, reason: IdleReason) => {
    state.reason = reason;
    for (let second = 0; second < seconds; second += 1) {
      state.nowMs += 1_000;
      dayUse.look();
    }
  };
  return { dayUse, state, pass, sums: () => Object.fromEntries(sums) };
}

describe('the use of a day', () => {
  it('puts every second down to what was seen, on the day it was seen', () => {
    const { dayUse, pass, sums } = dayUseAt(Date.parse('2026-11-23T23:59:50Z'));
    pass(5, 'busy');
    pass(15, 'not_asked');
    dayUse.stop();
    expect(sums()).toEqual({
      '2026-11-23 busy': 5_000,
      '2026-11-23 not_asked': 4_000,
      '2026-11-24 not_asked': 11_000,
    });
  });

  it('is written every half minute, and once what is left', () => {
    const { dayUse, pass, state, sums } = dayUseAt(Date.parse('2026-11-23T12:00:00Z'));
    pass(29, 'busy');
    expect(state.writes).toBe(0);
    pass(31, 'busy');
    expect(state.writes).toBe(2);
    dayUse.stop();
    dayUse.write();
    expect([state.writes, sums()]).toEqual([2, { '2026-11-23 busy': 60_000 }]);
  });

  it('counts no time that the machine slept or a clock jumped over', () => {
    const { dayUse, pass, state, sums } = dayUseAt(Date.parse('2026-11-23T12:00:00Z'));
    pass(1, 'busy');
    state.nowMs += 3_600_000;
    dayUse.look();
    state.nowMs -= 1_800_000;
    dayUse.look();
    dayUse.stop();
    expect(sums()).toEqual({ '2026-11-23 busy': 3_000 });
  });
});
