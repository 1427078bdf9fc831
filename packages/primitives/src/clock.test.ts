import { expect, it } from 'vitest';
import { createManualClock, elapsedMs } from './clock.ts';

it('takes the time between two readings, and none when the clock was set back', () => {
  const clock = createManualClock(1_000);
  clock.advance(30);
  expect(elapsedMs(1_000, clock.nowMs())).toBe(30);
  clock.advance(-40);
  expect(elapsedMs(1_000, clock.nowMs())).toBe(0);
});
