/**
 * Shrinking a failing plan: takes faults and villains away and runs again, as long as the same invariant
 * breaks (delta debugging); then ends the faults earlier. What is left is the failure without its company.
 */
import { allOf, keepOf, type Plan, untilOf } from '../faults/plan.ts';
import type { Level, RunOptions, Violation } from './outcome.ts';

/** A plan that still fails, and how to get it from its seed. */
export interface Shrunk {
  readonly plan: Plan;
  /** Elements of the seed's plan that are left. */
  readonly keep: readonly number[];
  readonly untilUs: number;
  readonly runs: number;
  readonly violation: Violation;
}

export interface ShrinkParts {
  readonly level: Level;
  readonly plan: Plan;
  readonly violation: Violation;
  readonly options: RunOptions;
}

const runsMax = 400;

/** The smallest plan found within a bounded number of runs. */
export function shrinkPlan({ level, plan, violation, options }: ShrinkParts): Shrunk {
  let runs = 0;
  let last = violation;
  const fails = (candidate: Plan): boolean => {
    if (runs >= runsMax) return false;
    runs += 1;
    const found = level.run(candidate, options).violation;
    if (found?.invariant !== violation.invariant) return false;
    last = found;
    return true;
  };
  const keep = smallest(allOf(plan), (kept) => fails(keepOf(plan, kept)));
  const kept = keepOf(plan, keep);
  let untilUs = plan.calmUs;
  while (untilUs > 1_000 && fails(untilOf(kept, Math.floor(untilUs / 2)))) {
    untilUs = Math.floor(untilUs / 2);
  }
  return { plan: untilOf(kept, untilUs), keep, untilUs, runs, violation: last };
}

/** A small list of elements that still fails: halves, then quarters, down to single ones, left out. */
function smallest(all: readonly number[], fails: (kept: readonly number[]) => boolean): number[] {
  if (all.length > 0 && fails([])) return [];
  let kept = [...all];
  let parts = 2;
  while (kept.length > 1) {
    const size = Math.ceil(kept.length / parts);
    const starts = Array.from({ length: Math.ceil(kept.length / size) }, (_, at) => at * size);
    const smaller = starts
      .map((start) => kept.filter((_, at) => at < start || at >= start + size))
      .find((rest) => fails(rest));
    if (smaller) {
      kept = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(kept.length, parts * 2);
  }
  return kept;
}
