/** Runs many seeds, adds up what happened, and shrinks the first failures. */
import { allOf, keepOf, type Plan, planOf, untilOf } from '../faults/plan.ts';
import type { Level, Outcome, RunOptions, Violation } from './outcome.ts';
import { type Shrunk, shrinkPlan } from './shrink.ts';

export interface CampaignOptions {
  readonly level: Level;
  readonly seed: number;
  readonly seeds: number;
  readonly nodes: number;
  readonly views: number;
  readonly only?: readonly string[];
  readonly bug?: string;
  readonly keep?: readonly number[];
  readonly untilUs?: number;
  /** Stop after this many failing seeds. */
  readonly failuresMax: number;
  /** False leaves failures as they are. */
  readonly shrinks?: boolean;
  /** CPU seconds used so far by this process. */
  readonly cpuSeconds: () => number;
  /** Told after each seed. */
  readonly onSeed?: (done: number, totals: Totals) => void;
}

/** A failing seed. */
export interface Failure {
  readonly seed: number;
  readonly violation: Violation;
  readonly shrunk: Shrunk;
}

/** What all seeds together did. */
export interface Totals {
  seeds: number;
  events: number;
  views: number;
  finalBlocks: number;
  cpuSeconds: number;
  readonly faults: Record<string, number>;
  readonly villains: Record<string, number>;
  readonly evidence: Record<string, number>;
  readonly checks: Record<string, number>;
  readonly happened: Record<string, number>;
  readonly recoveries: number[];
  readonly hashes: string[];
}

export interface Report {
  readonly options: CampaignOptions;
  readonly totals: Totals;
  readonly failures: readonly Failure[];
}

/** The plan of one seed of a campaign. */
export function campaignPlan(options: CampaignOptions, seed: number): Plan {
  const { nodes, views, only, keep, untilUs, level } = options;
  const whole = planOf({
    seed,
    nodes,
    views,
    roles: level.roles,
    scale: level.scale,
    kinds: level.kinds,
    fits: level.fits,
    ...(only && { only }),
  });
  const kept = keep ? keepOf(whole, keep) : whole;
  return untilUs === undefined ? kept : untilOf(kept, untilUs);
}

/** Runs a campaign to its end. */
export function runCampaign(options: CampaignOptions): Report {
  const { level, seed, seeds, bug } = options;
  const runOptions: RunOptions = bug === undefined ? {} : { bug };
  const totals = emptyTotals();
  const failures: Failure[] = [];
  for (let at = seed; at < seed + seeds && failures.length < options.failuresMax; at += 1) {
    const plan = campaignPlan(options, at);
    const before = options.cpuSeconds();
    const outcome = level.run(plan, runOptions);
    totals.cpuSeconds += options.cpuSeconds() - before;
    addOutcome(totals, plan, outcome);
    if (outcome.violation) {
      const { violation } = outcome;
      const asItIs = { plan, keep: allOf(plan), untilUs: plan.calmUs, runs: 0, violation };
      const parts = { level, plan, violation, options: runOptions };
      const shrunk = options.shrinks === false ? asItIs : shrinkPlan(parts);
      failures.push({ seed: at, violation, shrunk });
    }
    options.onSeed?.(totals.seeds, totals);
  }
  return { options, totals, failures };
}

function emptyTotals(): Totals {
  return {
    seeds: 0,
    events: 0,
    views: 0,
    finalBlocks: 0,
    cpuSeconds: 0,
    faults: {},
    villains: {},
    evidence: {},
    checks: {},
    happened: {},
    recoveries: [],
    hashes: [],
  };
}

function addOutcome(totals: Totals, plan: Plan, outcome: Outcome): void {
  totals.seeds += 1;
  totals.events += outcome.events;
  totals.views += outcome.views;
  totals.finalBlocks += outcome.finalBlocks;
  for (const { kind } of plan.faults) add(totals.faults, kind, 1);
  for (const { roles } of plan.villains) for (const role of roles) add(totals.villains, role, 1);
  for (const [name, count] of Object.entries(outcome.evidence)) add(totals.evidence, name, count);
  for (const [name, count] of Object.entries(outcome.checks)) add(totals.checks, name, count);
  for (const [name, count] of Object.entries(outcome.happened)) add(totals.happened, name, count);
  if (outcome.recoveryDeltas !== undefined) totals.recoveries.push(outcome.recoveryDeltas);
  totals.hashes.push(outcome.hash);
}

function add(sums: Record<string, number>, name: string, count: number): void {
  sums[name] = (sums[name] ?? 0) + count;
}
