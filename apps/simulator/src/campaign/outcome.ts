/** What one run gives back, whichever level it was. */
import { type Facts, ViolationError } from '../engine/violation.ts';
import type { Note } from '../engine/world.ts';
import type { FaultKind, Fits, Plan, Scale } from '../faults/plan.ts';

/** A broken promise. */
export interface Violation {
  readonly invariant: string;
  readonly facts: Facts;
}

/** One run of one plan. */
export interface Outcome {
  readonly violation: Violation | undefined;
  readonly hash: string;
  readonly events: number;
  readonly views: number;
  readonly finalBlocks: number;
  /** From the last fault to the first new block that is final everywhere, in Δ; undefined on a violation. */
  readonly recoveryDeltas: number | undefined;
  readonly checks: Readonly<Record<string, number>>;
  readonly evidence: Readonly<Record<string, number>>;
  /** Messages lost, blocked and so on; syncs, forged signatures. */
  readonly happened: Readonly<Record<string, number>>;
}

/** A level: a way to run plans. */
export interface Level {
  readonly name: 'agreement' | 'whole' | 'market';
  /** Nodes of a run when nobody says how many. */
  readonly nodes: number;
  readonly roles: readonly string[];
  readonly scale: Scale;
  /** Kinds of faults that it knows. */
  readonly kinds: readonly FaultKind[];
  /** Whether a role is one for this node. */
  readonly fits: Fits;
  readonly invariants: readonly string[];
  /** Names of the faults that can be planted in the code under test. */
  readonly bugs: readonly string[];
  run(plan: Plan, options: RunOptions): Outcome;
}

export interface RunOptions {
  readonly bug?: string;
  readonly note?: Note;
}

/** The violation that ended a run: a broken promise, or a crash of the code under test. */
export function violationOf(error: unknown): Violation {
  if (error instanceof ViolationError) return { invariant: error.invariant, facts: error.facts };
  const { message, stack } = error as Error;
  const facts = { message, stack: stack?.split('\n').slice(1, 6).join(' | ') };
  return { invariant: 'crash', facts };
}

/** Bound of recovery in Δ: ten, and three more for each Byzantine leader beyond the first. */
export function recoveryMaxDeltas(nodes: number): number {
  return 10 + 3 * Math.max(0, Math.floor((nodes - 1) / 3) - 1);
}
