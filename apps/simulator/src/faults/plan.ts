/**
 * The plan of a run: everything that chance decides beforehand, made from the seed alone: the shape of
 * the network, who is Byzantine and how, and a list of faults with their times. A plan is data: taking
 * elements out (`keep`) gives a smaller plan that runs the same way, which is how failures are shrunk.
 *
 * Swarm testing: each seed draws which kinds of faults it uses at all, because a run that always uses
 * everything never sees what only happens without the rest.
 *
 * At most f = (n-1)/3 validators are Byzantine, or lose their journal or the end of it, counted together; everything else
 * (crashes, partitions, loss) may hit all of them at once.
 */
import type { Delays } from '../engine/network.ts';
import { createRandom, type Random } from '../engine/random.ts';
import type { Clock } from '../engine/world.ts';

/** A fault that begins and ends. */
export type Fault = { readonly atUs: number; readonly forUs: number } & (
  | { readonly kind: 'partition'; readonly side: readonly number[] }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number }
  | { readonly kind: 'clog'; readonly node: number }
  | { readonly kind: 'loss'; readonly share: number }
  | { readonly kind: 'duplicate'; readonly share: number }
  | { readonly kind: 'slow'; readonly node: number; readonly factor: number }
  | { readonly kind: 'pause'; readonly node: number }
  | { readonly kind: 'crash'; readonly node: number }
  | { readonly kind: 'power' }
  | { readonly kind: 'slowDisk'; readonly node: number; readonly factor: number }
  | { readonly kind: 'tornJournal'; readonly node: number }
  | { readonly kind: 'lostJournal'; readonly node: number }
);

export type FaultKind = Fault['kind'];

export const faultKinds = [
  'partition',
  'cut',
  'clog',
  'loss',
  'duplicate',
  'slow',
  'pause',
  'crash',
  'power',
  'slowDisk',
  'tornJournal',
  'lostJournal',
] as const satisfies readonly FaultKind[];

/** A Byzantine validator and what it does. */
export interface Villain {
  readonly node: number;
  readonly roles: readonly string[];
}

/** Everything a run needs. Times are microseconds of virtual time. */
export interface Plan {
  readonly seed: number;
  readonly nodes: number;
  readonly delays: Delays;
  readonly syncMinMs: number;
  readonly syncMaxMs: number;
  readonly executeMaxMs: number;
  readonly hopMinMs: number;
  readonly hopMaxMs: number;
  readonly epochBlocks: number;
  readonly clocks: readonly Clock[];
  readonly villains: readonly Villain[];
  readonly faults: readonly Fault[];
  /** Faults end here; from here on a block must become final in time. */
  readonly calmUs: number;
}

/** What a plan is made from. */
export interface PlanOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly views: number;
  /** Roles of Byzantine validators to choose from. */
  readonly roles: readonly string[];
  /** Kinds of faults and roles to use; all when absent. */
  readonly only?: readonly string[];
  readonly scale: Scale;
  /** Kinds of faults that the level knows; all when absent. */
  readonly kinds?: readonly FaultKind[];
  /** Whether a role is one for this node; every role is for everybody when absent. */
  readonly fits?: Fits;
}

/** Whether a role is one for a node. */
export type Fits = (role: string, node: number) => boolean;

/** Orders of magnitude that a level's plans are drawn from. */
export interface Scale {
  /** Longest ordinary hops to choose from. */
  readonly hopsUs: readonly number[];
  /** Lower bound of `hopMaxMs`, the cap of the timers. */
  readonly hopMaxMs: number;
}

/** Most Byzantine validators that agreement bears. */
export function faultyMaxOf(nodes: number): number {
  return Math.floor((nodes - 1) / 3);
}

/** The plan of a seed. */
export function planOf(options: PlanOptions): Plan {
  const { seed, nodes, views, only } = options;
  const random = createRandom(seed).fork('plan');
  const shape = shapeOf(random, nodes, options.scale);
  const hopsPerView = 3;
  const calmUs = Math.round(views * hopsPerView * shape.delays.boundUs);
  const faultyMax = faultyMaxOf(nodes);
  const allowed = (name: string): boolean => only === undefined || only.includes(name);
  const roles = options.roles.filter(allowed);
  const fits = options.fits ?? (() => true);
  const villains = villainsOf(random.fork('villains'), { nodes, faultyMax, roles, fits });
  const kinds = (options.kinds ?? faultKinds).filter(allowed);
  const frame: Frame = { nodes, calmUs, hopUs: shape.delays.boundUs, views };
  const drawn = faultsOf(random.fork('faults'), kinds, frame);
  const faults = withinBudget(drawn, villains, faultyMax);
  return { seed, nodes, ...shape, villains, faults, calmUs };
}

/** The plan with only these elements: villains first, then faults, numbered from 0. */
export function keepOf(plan: Plan, keep: readonly number[]): Plan {
  const kept = new Set(keep);
  const count = plan.villains.length;
  return {
    ...plan,
    villains: plan.villains.filter((_, at) => kept.has(at)),
    faults: plan.faults.filter((_, at) => kept.has(count + at)),
  };
}

/** The plan with its faults ended at a time at the latest. */
export function untilOf(plan: Plan, untilUs: number): Plan {
  const calmUs = Math.min(plan.calmUs, untilUs);
  return { ...plan, calmUs, faults: plan.faults.filter(({ atUs }) => atUs < calmUs) };
}

/** All elements of a plan by their numbers. */
export function allOf({ villains, faults }: Plan): number[] {
  return Array.from({ length: villains.length + faults.length }, (_, at) => at);
}

function shapeOf(random: Random, nodes: number, scale: Scale) {
  const boundUs = random.pick(scale.hopsUs);
  const boundMs = boundUs / 1_000;
  const clocks = Array.from({ length: nodes }, () => ({
    rate: 1 + (random.unit() - 0.5) * 0.02,
    offsetUs: random.below(1_000_000_000),
  }));
  return {
    delays: {
      minUs: Math.round(boundUs * random.pick([0.1, 0.5, 0.9])),
      boundUs,
      tail: random.pick([0, 0.01, 0.1]),
    },
    syncMinMs: boundMs * 0.01,
    syncMaxMs: boundMs * random.pick([0.05, 0.2, 0.5]),
    executeMaxMs: boundMs * random.pick([0, 0.1, 0.5]),
    hopMinMs: boundMs * random.pick([0.5, 1, 2]),
    hopMaxMs: Math.max(scale.hopMaxMs, boundMs * random.pick([4, 8])),
    epochBlocks: random.pick([3, 10, 50, 1_000]),
    clocks,
  };
}

function villainsOf(
  random: Random,
  options: {
    readonly nodes: number;
    readonly faultyMax: number;
    readonly roles: readonly string[];
    readonly fits: Fits;
  },
): Villain[] {
  const { nodes, faultyMax, roles, fits } = options;
  if (roles.length === 0) return [];
  const count = random.chance(0.2) ? 0 : random.between(Math.min(1, faultyMax), faultyMax);
  const chosen = random.shuffled(Array.from({ length: nodes }, (_, node) => node)).slice(0, count);
  return chosen.flatMap((node) => {
    const fitting = roles.filter((role) => fits(role, node));
    if (fitting.length === 0) return [];
    const first = random.pick(fitting);
    const second = random.pick(fitting);
    const both = random.chance(0.3) && first !== second;
    return [{ node, roles: both ? [first, second] : [first] }];
  });
}

interface Frame {
  readonly nodes: number;
  readonly calmUs: number;
  readonly hopUs: number;
  readonly views: number;
}

function faultsOf(random: Random, kinds: readonly FaultKind[], frame: Frame): Fault[] {
  const used = kinds.filter(() => random.chance(0.5));
  if (used.length === 0) return [];
  const viewsPerFault = random.pick([2, 5, 20, 100]);
  const count = Math.min(200, Math.floor(frame.views / viewsPerFault));
  const faults: Fault[] = [];
  for (let done = 0; done < count; done += 1) faults.push(...faultsFrom(random, used, frame));
  return faults.sort((a, b) => a.atUs - b.atUs);
}

/** One fault, or a swizzle: nodes clogged one after the other and freed in another order. */
function faultsFrom(random: Random, kinds: readonly FaultKind[], frame: Frame): Fault[] {
  const kind = random.pick(kinds);
  const atUs = random.below(frame.calmUs);
  if (kind !== 'clog') return [oneFault(random, kind, { ...frame, atUs })];
  const nodes = random.shuffled(nodesOf(frame)).slice(0, random.between(1, frame.nodes));
  return nodes.map((node, at) => {
    const startUs = Math.min(atUs + at * frame.hopUs, frame.calmUs - 1);
    return { kind, node, ...spanOf(random, { ...frame, atUs: startUs }) };
  });
}

function oneFault(
  random: Random,
  kind: Exclude<FaultKind, 'clog'>,
  frame: Frame & { readonly atUs: number },
): Fault {
  const span = spanOf(random, frame);
  const node = random.below(frame.nodes);
  const factor = random.pick([3, 10, 30]);
  if (kind === 'partition') {
    const side = random.shuffled(nodesOf(frame)).slice(0, random.between(1, frame.nodes - 1));
    return { kind, ...span, side };
  }
  if (kind === 'cut') {
    return {
      kind,
      ...span,
      from: node,
      to: (node + random.between(1, frame.nodes - 1)) % frame.nodes,
    };
  }
  if (kind === 'loss') return { kind, ...span, share: random.pick([0.02, 0.1, 0.3, 0.7]) };
  if (kind === 'duplicate') return { kind, ...span, share: random.pick([0.05, 0.5]) };
  if (kind === 'slow' || kind === 'slowDisk') return { kind, ...span, node, factor };
  if (kind === 'power') return { kind, ...span };
  // A node that comes back at once is asked for the votes it has just forgotten.
  if (kind === 'lostJournal' || kind === 'tornJournal') {
    return { kind, node, atUs: span.atUs, forUs: frame.hopUs };
  }
  return { kind, ...span, node };
}

function spanOf(random: Random, frame: Frame & { readonly atUs: number }) {
  const longUs = frame.hopUs * random.pick([1, 5, 20, 100]);
  const forUs = Math.round(Math.min(longUs * (0.5 + random.unit()), frame.calmUs - frame.atUs));
  return { atUs: frame.atUs, forUs };
}

function nodesOf({ nodes }: Frame): number[] {
  return Array.from({ length: nodes }, (_, node) => node);
}

/** Drops lost and torn journals beyond what agreement bears together with the villains. */
function withinBudget(
  faults: readonly Fault[],
  villains: readonly Villain[],
  faultyMax: number,
): Fault[] {
  const faulty = new Set(villains.map(({ node }) => node));
  return faults.filter((fault) => {
    if (fault.kind !== 'lostJournal' && fault.kind !== 'tornJournal') return true;
    if (!faulty.has(fault.node) && faulty.size >= faultyMax) return false;
    faulty.add(fault.node);
    return true;
  });
}
