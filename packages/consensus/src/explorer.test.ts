import { describe, expect, it } from 'vitest';
import { createDraw } from './testing/cluster.ts';
import { type ExploreOptions, explore, wander } from './testing/explorer.ts';
import { plantedBugs } from './testing/planted-bugs.ts';

const scope: ExploreOptions = {
  liar: 1,
  views: 2,
  lastHeight: 9,
  crashes: 0,
  states: 2_000,
  progressEvery: 50,
};

describe('the explorer', () => {
  it('sees all of one view with a lying leader, and nothing is broken or stuck', () => {
    const report = explore({ ...scope, views: 1, states: 100_000, progressEvery: 100 });
    expect(report.violation).toBe(undefined);
    expect(report).toMatchObject({ exhausted: true, states: 3_692 });
    expect(report.finalStates).toBeGreaterThan(500);
  });

  it('sees all of one view with an honest leader, restarts between any two steps included', () => {
    const report = explore({ ...scope, liar: 0, views: 1, crashes: 1, states: 100_000 });
    expect(report.violation).toBe(undefined);
    expect(report.exhausted).toBe(true);
  });

  it.each([
    ['a lying leader of the first view', { liar: 1 }],
    ['a lying leader of the second view', { liar: 2 }],
    ['a restart', { liar: 1, crashes: 1 }],
    ['the end of an epoch', { liar: 2, lastHeight: 1 }],
  ])('finds nothing in the first worlds of two views with %s', (_, changes) => {
    expect(explore({ ...scope, ...changes }).violation).toBe(undefined);
  });

  it.each([
    ['three views', { views: 3 }],
    ['three views and restarts', { views: 3, crashes: 3 }],
    ['the end of an epoch in four views', { views: 4, lastHeight: 2, liar: 3 }],
  ])('finds nothing on random walks through %s', (_, changes) => {
    const report = wander({ ...scope, ...changes, states: 10_000, depth: 80 }, createDraw(5));
    expect(report.violation).toBe(undefined);
    expect(report.finalStates).toBeGreaterThan(0);
  });

  it.each(Object.entries(plantedBugs))('finds a core that %s', (_, create) => {
    const deep = { ...scope, views: 3, crashes: 1, create, progressEvery: 0 };
    const found =
      explore({ ...scope, views: 1, crashes: 2, create, progressEvery: 1, states: 1_200 })
        .violation ??
      explore({ ...deep, states: 2_000 }).violation ??
      wander({ ...deep, states: 20_000, depth: 80 }, createDraw(7)).violation;
    expect(found).toBeDefined();
  });
});
