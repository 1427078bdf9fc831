/**
 * How many jobs at once a model is worth: the ladder 1, 2, 4, 8 is climbed until a step brings no more. A
 * step counts when all of this holds:
 *
 *   all streams together are at least a twentieth faster than on the step before
 *   the slow pieces of one stream (95th percentile) take less than twice the time they take alone
 *   no stream waits for its first token as long as half a stream takes alone
 *
 * An engine that lets the rest wait for a slot shows in the last, whatever the noise of the machine does to
 * the first; one that makes all streams slow, in the second.
 */

/** What is looked at of a step. */
export interface Rung {
  readonly atOnce: number;
  readonly tokensPerSecond: number;
  readonly firstTokenMsP95: number;
  readonly gapMsP95: number;
}

/** The steps that are climbed. */
export const ladder: readonly number[] = [1, 2, 4, 8];
/** Tokens of a stream on the ladder. */
export const ladderTokens = 64;

const gainMin = 1.05;
const gapGrowthMax = 2;
const waitShareMax = 0.5;

/** True when `next` is worth it after `before`; `alone` is the first step. */
export function isWorthIt(next: Rung, before: Rung, alone: Rung): boolean {
  const isFaster = next.tokensPerSecond >= before.tokensPerSecond * gainMin;
  const streamMs = (ladderTokens * 1_000) / Math.max(alone.tokensPerSecond, Number.MIN_VALUE);
  const isServed = next.firstTokenMsP95 - alone.firstTokenMsP95 < streamMs * waitShareMax;
  return isFaster && isServed && next.gapMsP95 < alone.gapMsP95 * gapGrowthMax;
}

/** The highest step that is worth it, 1 for none. */
export function slotsOfLadder(rungs: readonly Rung[]): number {
  const alone = rungs[0];
  let best = alone;
  for (const rung of rungs.slice(1)) {
    if (!alone || !best || !isWorthIt(rung, best, alone)) break;
    best = rung;
  }
  return best?.atOnce ?? 1;
}
