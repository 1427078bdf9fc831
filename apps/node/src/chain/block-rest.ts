/**
 * How long a busy node rests between two blocks. A block costs each node some milliseconds whatever it holds: votes,
 * syncs, messages. On an idle machine that is nothing; on a busy one it is taken from the transactions. So
 * the rest follows how busy the main thread was: none below a third, up to `restMsMax` when it never waits.
 */
import { performance } from 'node:perf_hooks';

const freeShare = 0.33;
const restMsMax = 120; // with the votes after it still below the 150 ms that half of all transfers may take
const lookMs = 250;

/** The rest that the last quarter of a second asks for, ms. */
export function createBlockRest(): () => number {
  let before = performance.eventLoopUtilization();
  let beforeMs = performance.now();
  let share = 0;
  return () => {
    const nowMs = performance.now();
    if (nowMs - beforeMs >= lookMs) {
      const now = performance.eventLoopUtilization();
      share = performance.eventLoopUtilization(now, before).utilization;
      before = now;
      beforeMs = nowMs;
    }
    return Math.max(0, (share - freeShare) / (1 - freeShare)) * restMsMax;
  };
}
