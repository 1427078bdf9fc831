import { describe, expect, it } from 'vitest';
import { judge, lineThrough } from './judge.mjs';

/** Samples of an hour whose measures are those of `at`, each ten seconds. */
function hour(at: (hours: number) => object) {
  return Array.from({ length: 361 }, (_, place) => {
    const atHours = place / 360;
    const steady = { heapMb: 40, outsideMb: 4, residentMb: 120, handles: 50, threads: 13 };
    const done = { txs: 1_000 * atHours, jobs: 1_000 * atHours, diskBytes: 1e6 };
    return { atHours, ...steady, ...done, ...at(atHours) };
  });
}

const rest = { before: 46, after: 48 };

const failing = (at: (hours: number) => object, node = rest) =>
  judge({ node: hour(at) }, { node })
    .filter(({ holds }) => !holds)
    .map(({ label }) => label);

describe('the judgement of a soak', () => {
  it('draws the line of least squares', () => {
    const points = [1, 2, 3, 4].map((x) => ({ x, y: 3 * x + 1 }));
    expect(lineThrough(points)).toMatchObject({ slope: 3, offset: 1, error: 0 });
    expect(lineThrough(points.slice(0, 2))).toBeUndefined();
  });

  it('lets pass what stays, and what only fills its caches at the beginning', () => {
    expect(failing(() => ({}))).toEqual([]);
    expect(failing((hours) => ({ heapMb: 40 + Math.min(hours, 0.4) * 100 }))).toEqual([]);
    expect(failing((hours) => ({ residentMb: 120 + 30 * Math.sin(hours * 90) }))).toEqual([]);
  });

  it('fails a leak of each kind', () => {
    expect(failing((hours) => ({ heapMb: 40 + 30 * hours }))).toEqual(['heap after collection']);
    expect(failing(() => ({}), { before: 46, after: 60 })).toEqual(['open handles at rest']);
    expect(failing((hours) => ({ threads: 13 + 5 * hours }))).toEqual(['threads']);
    expect(failing((hours) => ({ diskBytes: 1e6 + 20_000_000 * hours }))).toEqual(['disk']);
  });

  it('does not take calls under way on a busy machine for a leak', () => {
    expect(failing((hours) => ({ handles: 50 + 100 * hours }))).toEqual([]);
  });

  it('lets a provider fill its kept answers, and no more', () => {
    const of = (rise: number) =>
      judge(
        { provider: hour((hours) => ({ heapMb: 40 + rise * hours, residentMb: 120 })) },
        { provider: rest },
      );
    expect(of(35).every(({ holds }) => holds)).toBe(true);
    expect(of(60).filter(({ holds }) => !holds)).toHaveLength(1);
  });

  it('fails what it has too few samples of', () => {
    const rows = judge({ wallet: hour(() => ({})).slice(0, 6) }, { wallet: rest });
    const lines = rows.filter(({ label }) => label !== 'open handles at rest');
    expect(lines.every(({ holds }) => !holds)).toBe(true);
  });
});
