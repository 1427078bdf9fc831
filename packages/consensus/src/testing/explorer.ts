/**
 * Search of a small world by the real core: breadth first, every order of everything that may happen, or at random
 * and deep. See `explorer-world.ts` for what may happen and `explorer-rules.ts` for what must hold.
 *
 * A world that was met before, in everything that decides how it goes on, is not searched again. Worlds are
 * remembered by 53 bits of a hash of their names, as model checkers do: among a million worlds the chance that two
 * are mistaken for one is about 1 in 18 000.
 */
import { problemOf, stuckIn } from './explorer-rules.ts';
import { firstWorld, movesOf, nameOf, type Scope, type World } from './explorer-world.ts';

/** What to search and how much of it. */
export interface ExploreOptions extends Scope {
  /** Most worlds to visit. */
  readonly states: number;
  /** Every so many worlds it is checked that honest validators can still go on by themselves; 0 for never. */
  readonly progressEvery: number;
}

/** What was searched and what was found. */
export interface ExploreReport {
  readonly states: number;
  readonly transitions: number;
  /** Most moves from the first world to a visited one. */
  readonly depth: number;
  /** Nothing is left to visit. */
  readonly exhausted: boolean;
  readonly progressChecks: number;
  /** Worlds in which some node has a final block. */
  readonly finalStates: number;
  /** The first broken invariant and the way to it, the shortest one if the search was breadth first. */
  readonly violation: { readonly what: string; readonly path: readonly string[] } | undefined;
}

interface Step {
  readonly from: Step | undefined;
  readonly label: string;
}

interface Visit {
  readonly world: World;
  readonly step: Step;
}

type Counts = { -readonly [K in keyof ExploreReport]: ExploreReport[K] };

/** Searches breadth first until something is broken, everything was seen or the bound is reached. */
export function explore(options: ExploreOptions): ExploreReport {
  const report = emptyReport();
  const seen = new Set<number>();
  let level: Visit[] = [{ world: firstWorld(options), step: { from: undefined, label: 'start' } }];
  for (; level.length > 0; report.depth += 1) {
    const nextLevel: Visit[] = [];
    for (const visit of level) {
      if (report.states >= options.states) return report;
      report.violation = check(options, visit, report);
      if (report.violation) return report;
      nextLevel.push(...newSuccessors(options, visit, { seen, report }));
    }
    level = nextLevel;
  }
  report.exhausted = true;
  return report;
}

function newSuccessors(
  options: Scope,
  { world, step }: Visit,
  { seen, report }: { readonly seen: Set<number>; readonly report: Counts },
): Visit[] {
  const found: Visit[] = [];
  for (const { label, run } of movesOf(options, world)) {
    report.transitions += 1;
    const next: Visit = { world: run(), step: { from: step, label } };
    const name = hashOf(nameOf(next.world));
    if (seen.has(name) && next.world.broken === undefined) continue;
    seen.add(name);
    found.push(next);
  }
  return found;
}

/** Walks at random, each walk to its end or to `depth` moves, until something is broken or the bound is reached. */
export function wander(
  options: ExploreOptions & { readonly depth: number },
  draw: (size: number) => number,
): ExploreReport {
  const report = emptyReport();
  while (report.states < options.states) {
    let visit: Visit = { world: firstWorld(options), step: { from: undefined, label: 'start' } };
    for (let depth = 0; depth <= options.depth; depth += 1) {
      report.depth = Math.max(report.depth, depth);
      report.violation = check(options, visit, report);
      if (report.violation) return report;
      const moves = movesOf(options, visit.world);
      const move = moves[draw(moves.length)];
      if (!move) break;
      report.transitions += 1;
      visit = { world: move.run(), step: { from: visit.step, label: move.label } };
    }
  }
  return report;
}

function emptyReport(): Counts {
  const counts = { states: 0, transitions: 0, depth: 0, progressChecks: 0, finalStates: 0 };
  return { ...counts, exhausted: false, violation: undefined };
}

function check(
  options: ExploreOptions,
  { world, step }: Visit,
  counts: Counts,
): ExploreReport['violation'] {
  counts.states += 1;
  if (world.nodes.some(({ state }) => state.final.height > 0)) counts.finalStates += 1;
  let what = problemOf(options, world);
  if (
    what === undefined &&
    options.progressEvery > 0 &&
    counts.states % options.progressEvery === 0
  ) {
    counts.progressChecks += 1;
    what = stuckIn(options, world);
  }
  return what === undefined ? undefined : { what, path: pathTo(step) };
}

function pathTo(last: Step): string[] {
  const path: string[] = [];
  for (let step: Step | undefined = last; step; step = step.from) path.unshift(step.label);
  return path;
}

/** Two rounds of multiplying and mixing over the text, joined to 53 bits. */
function hashOf(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return 2 ** 32 * (high & 0x1fffff) + (low >>> 0);
}
