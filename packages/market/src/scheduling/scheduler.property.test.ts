import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SchedulerOptions } from './scheduler.ts';
import { type Arrival, type Fate, play } from './testing/simulate.ts';
import { overtakenMs } from './waiting-job.ts';

const runs = { numRuns: 150 };
const payers = ['a', 'b', 'c', 'd'];
const speed = { msPerPromptToken: 0.2, msPerToken: 5, loadMs: 300 };

const options = fc.record<SchedulerOptions>({
  jobsMax: fc.integer({ min: 0, max: 40 }),
  tokensMax: fc.integer({ min: 0, max: 20_000 }),
  residentMax: fc.constantFrom(0, 1, 2),
  stayMs: fc.constantFrom(100, 2_000),
  stayJobs: fc.constantFrom(1, 5),
  slotsOf: fc.constantFrom(1, 2, 4).map((slots) => () => slots),
});

const arrival = fc
  .record({
    atMs: fc.integer({ min: 0, max: 20_000 }),
    payer: fc.constantFrom(...payers),
    model: fc.constantFrom('x', 'y', 'z'),
    promptTokens: fc.integer({ min: 1, max: 2_000 }),
    outputTokens: fc.integer({ min: 1, max: 1_000 }),
    share: fc.double({ min: 0.1, max: 1, noNaN: true }),
    firstTokenMs: fc.constantFrom(1_000, 10_000),
    leaves: fc.boolean(),
  })
  .map(({ share, leaves, ...job }): Arrival => {
    const usedTokens = Math.max(1, Math.round(job.outputTokens * share));
    return { ...job, usedTokens, ...(leaves ? { cancelAfterMs: 1_000 } : {}) };
  });
const crowd = fc
  .array(arrival, { maxLength: 150 })
  .map((all) => all.sort((one, other) => one.atMs - other.atMs));

/** Everybody waits from the beginning, without bounds: the order alone decides. */
const unbounded = (slots: number): SchedulerOptions => ({
  ...{ jobsMax: 1e6, tokensMax: 1e9, residentMax: 0, stayMs: 0, stayJobs: 0 },
  slotsOf: () => slots,
});
const patient = fc.record({
  payer: fc.constantFrom(...payers),
  outputTokens: fc.integer({ min: 1, max: 1_000 }),
});
const started = (fates: readonly Fate[]): Fate[] =>
  fates
    .filter(({ startedAtMs }) => startedAtMs !== undefined)
    .sort((one, other) => (one.startedAtMs ?? 0) - (other.startedAtMs ?? 0));

describe('whatever comes', () => {
  it('no bound of slots, places or tokens is passed, and nothing is idle while somebody waits', () => {
    fc.assert(
      fc.property(options, crowd, (given, arrivals) => {
        const { peaks, idleWithWork } = play({ options: given, speed, arrivals });
        const models = given.residentMax === 0 ? 3 : given.residentMax;
        expect(peaks.running).toBeLessThanOrEqual(given.slotsOf('x') * models);
        expect(peaks.waiting).toBeLessThanOrEqual(given.jobsMax);
        expect(peaks.waitingTokens).toBeLessThanOrEqual(given.tokensMax);
        expect(idleWithWork).toBe(0);
      }),
      runs,
    );
  });

  it('every job is refused with a time, cancelled, or run to its end', () => {
    fc.assert(
      fc.property(options, crowd, (given, arrivals) => {
        const { fates } = play({ options: given, speed, arrivals });
        expect(fates).toHaveLength(arrivals.length);
        for (const { retryAfterMs, retryAfterSeconds = 0, isCancelled, endedAtMs } of fates) {
          if (retryAfterMs === undefined) {
            expect(isCancelled || endedAtMs !== undefined).toBe(true);
          } else {
            expect(retryAfterMs).toBeGreaterThanOrEqual(0);
            expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
            expect(retryAfterSeconds).toBeLessThanOrEqual(60);
          }
        }
      }),
      runs,
    );
  });
});

describe('shares', () => {
  it('of payers who wait differ by less than the largest job of each', () => {
    fc.assert(
      fc.property(
        fc.array(patient, { minLength: 2, maxLength: 80 }),
        fc.constantFrom(1, 3),
        (jobs, slots) => {
          const arrivals = jobs.map((job): Arrival => {
            const rest = { model: 'x', promptTokens: 0, firstTokenMs: 9e9, atMs: 1 };
            return { ...job, ...rest, usedTokens: job.outputTokens };
          });
          // The slots are taken by somebody else until all have come.
          const first = Array.from({ length: slots }, () => ({
            ...arrivals[0]!,
            payer: 'z',
            atMs: 0,
          }));
          const { fates } = play({
            options: unbounded(slots),
            speed,
            arrivals: [...first, ...arrivals],
          });
          checkShares(started(fates).filter(({ arrival: { payer } }) => payer !== 'z'));
        },
      ),
      runs,
    );
  });
});

function checkShares(fates: readonly Fate[]): void {
  const left = new Map<string, number>();
  const largest = new Map<string, number>();
  const served = new Map<string, number>();
  for (const { arrival } of fates) {
    const { payer, outputTokens } = arrival;
    left.set(payer, (left.get(payer) ?? 0) + 1);
    largest.set(payer, Math.max(largest.get(payer) ?? 0, outputTokens));
    served.set(payer, 0);
  }
  for (const [place, { arrival, startedAtMs }] of fates.entries()) {
    const { payer, outputTokens } = arrival;
    served.set(payer, (served.get(payer) ?? 0) + outputTokens);
    left.set(payer, (left.get(payer) ?? 0) - 1);
    if (left.get(payer) === 0) left.delete(payer);
    // Jobs that started at one moment are here in no order of their own.
    if (fates[place + 1]?.startedAtMs === startedAtMs) continue;
    for (const one of left.keys()) {
      for (const other of left.keys()) {
        const apart = (served.get(one) ?? 0) - (served.get(other) ?? 0);
        expect(apart).toBeLessThanOrEqual((largest.get(one) ?? 0) + (largest.get(other) ?? 0));
      }
    }
  }
}

describe('waiting', () => {
  it('is passed only by jobs of the same payer that came soon after', () => {
    fc.assert(
      fc.property(crowd, (arrivals) => {
        const wishes = arrivals.map((one) => {
          const { cancelAfterMs: _, ...rest } = one;
          return { ...rest, payer: 'a', model: 'x', firstTokenMs: 9e9 };
        });
        const { fates } = play({ options: unbounded(1), speed, arrivals: wishes });
        const order = started(fates);
        order.forEach((fate, place) => {
          for (const earlier of order.slice(0, place)) {
            expect(earlier.enteredAtMs - fate.enteredAtMs).toBeLessThan(overtakenMs);
          }
        });
      }),
      runs,
    );
  });

  it('of a payer ends after at most its own share of rounds, whatever the others send', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        (mine, theirs) => {
          const base = { model: 'x', promptTokens: 0, firstTokenMs: 9e9 };
          const flood = Array.from({ length: 120 }, (_, index): Arrival => {
            return { ...base, payer: 'b', atMs: index, outputTokens: theirs, usedTokens: theirs };
          });
          const me = { ...base, payer: 'a', atMs: 50, outputTokens: mine, usedTokens: mine };
          const arrivals = [...flood.slice(0, 51), me, ...flood.slice(51)];
          const { fates } = play({ options: unbounded(1), speed, arrivals });
          const mineAt = fates.find(({ arrival: { payer } }) => payer === 'a')?.startedAtMs ?? 0;
          const passed = fates.filter(
            ({ arrival, startedAtMs = 0 }) =>
              arrival.payer === 'b' && startedAtMs < mineAt && startedAtMs >= 50,
          );
          const tokens = passed.reduce((sum, { arrival }) => sum + arrival.outputTokens, 0);
          expect(tokens).toBeLessThanOrEqual(mine + theirs);
        },
      ),
      runs,
    );
  });
});

describe('forecasts', () => {
  // Jobs of usual sizes at a usual speed, three times as many as the engine can do.
  const usual = fc.record({
    slots: fc.constantFrom(1, 2, 4),
    jobs: fc.array(
      fc.record({
        payer: fc.constantFrom(...payers),
        outputTokens: fc.integer({ min: 50, max: 400 }),
        share: fc.double({ min: 0.6, max: 0.9, noNaN: true }),
        promptTokens: fc.integer({ min: 10, max: 1_000 }),
      }),
      { minLength: 120, maxLength: 160 },
    ),
  });
  type Sizes = { payer: string; outputTokens: number; promptTokens: number; share: number };
  const crowded = (slots: number, jobs: readonly Sizes[]) => {
    const arrivals = jobs.map(({ share, ...job }, index): Arrival => {
      const usedTokens = Math.max(1, Math.round(job.outputTokens * share));
      const atMs = (index * 300) / slots;
      return { ...job, model: 'x', firstTokenMs: 6_000, usedTokens, atMs };
    });
    return { options: { ...unbounded(slots), jobsMax: 60, tokensMax: 100_000 }, speed, arrivals };
  };

  it('keep ninety-nine of a hundred who are let in within the promised time', () => {
    let late = 0;
    let all = 0;
    fc.assert(
      fc.property(usual, ({ slots, jobs }) => {
        for (const fate of play(crowded(slots, jobs)).fates.slice(30)) {
          if (fate.firstAtMs === undefined) continue;
          all += 1;
          if (fate.firstAtMs - fate.enteredAtMs > fate.arrival.firstTokenMs) late += 1;
        }
      }),
      { numRuns: 60, seed: 5 },
    );
    expect(all).toBeGreaterThan(1_000);
    expect(late / all).toBeLessThan(0.01);
  });

  it('of the first token are right within a factor of two where one payer sends jobs in a row', () => {
    const ratios: number[] = [];
    fc.assert(
      fc.property(usual, ({ slots, jobs }) => {
        const own = jobs.map((job) => ({ ...job, payer: 'a', outputTokens: 200 }));
        for (const fate of play(crowded(slots, own)).fates.slice(30)) {
          if (fate.firstAtMs === undefined) continue;
          ratios.push((fate.firstAtMs - fate.enteredAtMs) / fate.expectedFirstMs);
        }
      }),
      { numRuns: 60, seed: 6 },
    );
    const right = ratios.filter((ratio) => ratio > 0.5 && ratio < 2).length;
    expect(right / ratios.length).toBeGreaterThan(0.95);
  });

  it('of room are right within a half, a quarter of a second aside, for whoever comes back when nobody else came', () => {
    const ratios: number[] = [];
    fc.assert(
      fc.property(usual, fc.constantFrom('a', 'e'), ({ slots, jobs }, payer) => {
        const scene = crowded(slots, jobs);
        const lastMs = scene.arrivals.at(-1)?.atMs ?? 0;
        const asked = {
          payer,
          model: 'x',
          promptTokens: 900,
          outputTokens: 300,
          firstTokenMs: 3_000,
        };
        let saidMs: number | undefined;
        let freeMs: number | undefined;
        play({
          ...scene,
          lookAtMs: Array.from({ length: 700 }, (_, index) => lastMs + index * 10),
          look({ scheduler, nowMs }) {
            if (nowMs < lastMs || freeMs !== undefined) return;
            const refusal = scheduler.refusal(asked, nowMs);
            if (!refusal) freeMs = nowMs - lastMs;
            else saidMs ??= Number(refusal.facts.retryAfterMs);
          },
        });
        if (saidMs === undefined || freeMs === undefined) return;
        ratios.push((saidMs + 250) / (freeMs + 250));
      }),
      { numRuns: 60, seed: 7 },
    );
    const right = ratios.filter((ratio) => ratio > 0.5 && ratio < 1.5).length;
    expect(ratios.length).toBeGreaterThan(20);
    expect(right / ratios.length).toBeGreaterThan(0.9);
  });
});
