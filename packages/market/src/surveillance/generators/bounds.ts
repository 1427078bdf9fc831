/** Shares with an interval that holds in 95 of 100 cases (Wilson): right also for few cases and for shares of 0 and 1. */

/** A share and its bounds, each from 0 to 1; null where nothing was counted. */
export interface Share {
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

const z = 1.959964;

/** So many of all. */
export function shareOf(count: number, all: number): Share | null {
  if (all === 0) return null;
  const share = count / all;
  const middle = share + (z * z) / (2 * all);
  const spread = z * Math.sqrt((share * (1 - share)) / all + (z * z) / (4 * all * all));
  const whole = 1 + (z * z) / all;
  const low = count === 0 ? 0 : (middle - spread) / whole;
  const high = count === all ? 1 : (middle + spread) / whole;
  return { share, low, high };
}
