/**
 * The observer sees everything and takes part in nothing: it checks the promises of agreement at each
 * event of each honest node and counts how often it looked.
 *
 *   agreement   one final block for each height, over all nodes and all their lives
 *   order       a node commits its chain without holes, each block on the one before
 *   proof       what a node believes, passes on or commits by carries a quorum for the real scheme
 *   honesty     a node never signs two votes of one view that contradict, across crashes too
 *   durability  a vote leaves a node only when it is on the disk
 *   evidence    only Byzantine validators are accused
 *   caught      who contradicted himself towards one honest node is accused by that node
 *   memory      the state of a core stays within its windows
 *   liveness    after the last fault a new block becomes final everywhere in time (checked by the run)
 *
 * Villains are not watched; what they do shows in what honest nodes do.
 */
import { type Facts, ViolationError } from '../engine/violation.ts';
import {
  type CheckCounts,
  type Desk,
  type Invariant,
  invariants,
  type ObserverOptions,
} from './invariants.ts';
import { createFinalWatch, type FinalWatch } from './watch-finals.ts';
import { createLiarWatch, type LiarWatch } from './watch-liars.ts';
import { createVoteWatch, type VoteWatch } from './watch-votes.ts';

export interface Observer extends VoteWatch, FinalWatch, LiarWatch {
  isVillain(node: number): boolean;
  /** What a core keeps, and the most that it may. */
  kept(node: number, count: number, bound: number): void;
  fail(invariant: Invariant, facts: Facts): never;
  readonly counts: CheckCounts;
}

/** An observer that has seen nothing. */
export function createObserver(options: ObserverOptions): Observer {
  const counts = Object.fromEntries(invariants.map((name) => [name, 0])) as CheckCounts;
  const fail = (invariant: Invariant, facts: Facts): never => {
    throw new ViolationError(invariant, { atMs: options.atMs(), ...facts });
  };
  const desk: Desk = { ...options, counts, fail };
  return {
    ...createVoteWatch(desk),
    ...createFinalWatch(desk),
    ...createLiarWatch(desk),
    isVillain: options.isVillain,
    kept(node, count, bound) {
      counts.memory += 1;
      if (count > bound) fail('memory', { node, count, bound });
    },
    fail,
    counts,
  };
}
