/** Time as an argument: rules never read a clock, they are handed one of these. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
}

/** Time from one reading to a later one, ms; none when the machine's clock was set back in between. */
export const elapsedMs = (sinceMs: number, nowMs: number): number => Math.max(0, nowMs - sinceMs);

/** The clock of the machine. */
export const systemClock: Clock = { nowMs: () => Date.now() };

/** A clock that stands still until it is moved; for tests and simulations. */
export function createManualClock(startMs = 0): Clock & { advance(byMs: number): void } {
  let now = startMs;
  return {
    nowMs: () => now,
    advance(byMs) {
      now += byMs;
    },
  };
}
