/**
 * Takes a model off sale when its engine crashes again and again.
 *
 *   CLOSED ─crashes within the window reach the limit→ OPEN ─time is over→ HALF OPEN ─a job or test succeeds→ CLOSED
 *                                                                          HALF OPEN ─it crashes→ OPEN, twice as long
 *
 * CLOSED sells; it holds the times of the newest crashes. OPEN sells nothing until a time. HALF OPEN sells nothing
 * either: its owner runs one test. A success in CLOSED changes nothing: an engine that crashes with
 * every third prompt is broken. After a success in HALF OPEN the next opening is as short as the first one
 * only when a whole window passed in peace.
 *
 * Time comes in as an argument.
 */
export interface BreakerOptions {
  readonly crashesMax: number;
  readonly windowMs: number;
  /** How long it is open the first time. */
  readonly openMs: number;
  readonly openMsMax: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

/** The breaker of one model. */
export interface CircuitBreaker {
  crashed(nowMs: number): void;
  /** A test in HALF OPEN went well. */
  worked(nowMs: number): void;
  state(nowMs: number): BreakerState;
  /** When OPEN ends, as time from now; 0 in the other states. */
  opensForMs(nowMs: number): number;
}

/** A closed breaker. */
export function createCircuitBreaker(options: BreakerOptions): CircuitBreaker {
  const { crashesMax, windowMs, openMs, openMsMax } = options;
  let crashes: number[] = [];
  let openUntilMs: number | undefined;
  let nextOpenMs = openMs;
  let closedAtMs = Number.NEGATIVE_INFINITY;
  const stateAt = (nowMs: number): BreakerState => {
    if (openUntilMs === undefined) return 'closed';
    return nowMs < openUntilMs ? 'open' : 'half-open';
  };
  const open = (nowMs: number): void => {
    openUntilMs = nowMs + nextOpenMs;
    nextOpenMs = Math.min(nextOpenMs * 2, openMsMax);
    crashes = [];
  };
  return {
    crashed(nowMs) {
      const state = stateAt(nowMs);
      if (state === 'half-open') open(nowMs);
      if (state !== 'closed') return;
      if (nowMs - Math.max(closedAtMs, crashes.at(-1) ?? closedAtMs) > windowMs)
        nextOpenMs = openMs;
      crashes = [...crashes.filter((atMs) => nowMs - atMs < windowMs), nowMs];
      if (crashes.length >= crashesMax) open(nowMs);
    },
    worked(nowMs) {
      if (stateAt(nowMs) !== 'half-open') return;
      openUntilMs = undefined;
      closedAtMs = nowMs;
    },
    state: stateAt,
    opensForMs: (nowMs) => Math.max((openUntilMs ?? nowMs) - nowMs, 0),
  };
}
