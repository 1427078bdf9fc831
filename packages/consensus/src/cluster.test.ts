import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClusterOptions,
  crashAll,
  createCluster,
  createDraw,
  runCluster,
} from './testing/cluster.ts';
import { stubValidators } from './testing/stub-scheme.ts';

const lastHeight = 10;
const faultsMs = 3_000;
/** From the last fault on: the longest timers at the upper bound of the hop, several silent leaders in a row. */
const recoveryMs = 60_000;

function check(seed: number, options: Partial<ClusterOptions> & { blackoutMs?: number } = {}) {
  const size = options.size ?? 4;
  const cluster = createCluster({
    size,
    draw: createDraw(seed),
    lastHeight,
    faultsMs,
    lossPercent: 10,
    ...options,
  });
  if (options.blackoutMs !== undefined) {
    runCluster(cluster, options.blackoutMs);
    crashAll(cluster);
  }
  const isDone = () => cluster.honest.every(({ final }) => final.height === lastHeight);
  runCluster(cluster, faultsMs + recoveryMs, isDone);
  expect(cluster.problems).toEqual([]);
  expect(cluster.honest.map(({ final }) => final.height)).toEqual(
    cluster.honest.map(() => lastHeight),
  );
  const liarKey = stubValidators(size)[options.liar ?? -1]?.publicKey;
  for (const { validator } of cluster.evidence) expect(validator).toBe(liarKey);
  return cluster;
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 });

describe('a cluster of cores', () => {
  it('agrees and ends its epoch on a quiet network', () => {
    const cluster = check(1, { faultsMs: 0 });
    expect(cluster.nowMs).toBeLessThan(5_000);
    expect(cluster.evidence).toEqual([]);
  });

  it('agrees and ends its epoch after loss, repetition, reordering and crashes', () => {
    fc.assert(
      fc.property(seeds, fc.nat(40), (seed, lossPercent) => void check(seed, { lossPercent })),
      { numRuns: 40 },
    );
  });

  it('agrees and ends its epoch with one of four lying', () => {
    fc.assert(
      fc.property(seeds, fc.nat(3), (seed, liar) => void check(seed, { liar })),
      { numRuns: 40 },
    );
  });

  it('agrees and ends its epoch with one of seven lying', () => {
    fc.assert(
      fc.property(seeds, fc.nat(6), (seed, liar) => void check(seed, { size: 7, liar })),
      { numRuns: 8 },
    );
  });

  it('goes on after all nodes lost power at once and a liar fell silent', () => {
    fc.assert(
      fc.property(seeds, fc.nat(3), fc.integer({ min: 50, max: 3_000 }), (seed, liar, at) => {
        check(seed, { liar, blackoutMs: at, faultsMs: at });
      }),
      { numRuns: 60 },
    );
  });

  it('goes on with one of four silent from the beginning', () => {
    check(3, { liar: 2, faultsMs: 0 });
  });

  it('gives the same run for the same seed', () => {
    const runOf = () => {
      const { steps, nowMs, honest } = check(77, { liar: 1 });
      return { steps, nowMs, chain: honest[0]?.final };
    };
    expect(runOf()).toEqual(runOf());
  });
});
