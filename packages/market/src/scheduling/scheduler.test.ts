import { describe, expect, it } from 'vitest';
import { createScheduler, type SchedulerOptions } from './scheduler.ts';
import { type Arrival, type Fate, play } from './testing/simulate.ts';
import type { JobWish } from './waiting-job.ts';

const speed = { msPerPromptToken: 1, msPerToken: 10 };
const roomy: SchedulerOptions = {
  ...{ jobsMax: 10_000, tokensMax: 10_000_000 },
  ...{ residentMax: 0, stayMs: 10_000, stayJobs: 20, slotsOf: () => 1 },
};
const wish: JobWish = {
  ...{ payer: 'a', model: 'm', promptTokens: 50, outputTokens: 100, firstTokenMs: 30_000 },
};
const come = (change: Partial<Arrival> = {}): Arrival => {
  const outputTokens = change.outputTokens ?? wish.outputTokens;
  return { ...wish, atMs: 0, usedTokens: outputTokens, ...change };
};
const times = <T>(count: number, of: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => of(index));
const order = (fates: readonly Fate[]) =>
  fates
    .filter(({ startedAtMs }) => startedAtMs !== undefined)
    .sort((one, other) => (one.startedAtMs ?? 0) - (other.startedAtMs ?? 0))
    .map(({ arrival }) => arrival.payer);

describe('the order', () => {
  it('alternates between payers however many jobs one of them has sent before', () => {
    const arrivals = [
      ...times(8, () => come({ payer: 'heavy' })),
      ...times(3, () => come({ payer: 'light', atMs: 1 })),
    ];
    const { fates } = play({ options: roomy, speed, arrivals });
    const [h, l] = ['heavy', 'light'];
    expect(order(fates)).toEqual([h, h, l, h, l, h, l, h, h, h, h]);
  });

  it('counts tokens and not jobs: ten small jobs weigh as much as a large one', () => {
    const arrivals = [
      ...times(4, () => come({ payer: 'large', outputTokens: 995, firstTokenMs: 9e9 })),
      ...times(30, () => come({ payer: 'small', outputTokens: 95, firstTokenMs: 9e9 })),
    ];
    const { fates } = play({ options: roomy, speed, arrivals });
    const until = order(fates).lastIndexOf('large');
    const small = order(fates)
      .slice(0, until)
      .filter((payer) => payer === 'small');
    expect(small.length).toBeGreaterThanOrEqual(20);
  });

  it('runs the shortest promise of a payer first', () => {
    const arrivals = [200, 300, 20, 100].map((outputTokens, index) =>
      come({ outputTokens, atMs: index }),
    );
    const { fates } = play({ options: roomy, speed, arrivals });
    const started = [...fates].sort((one, other) => one.startedAtMs! - other.startedAtMs!);
    expect(started.map(({ arrival }) => arrival.outputTokens)).toEqual([200, 20, 100, 300]);
  });

  it('lets those who are due go first when somebody would be late by his turn', () => {
    const learn = times(5, (index) => come({ atMs: index * 2_000, firstTokenMs: 60_000 }));
    const running = come({ payer: 'x', atMs: 20_000, firstTokenMs: 60_000 });
    const old = times(2, () => come({ payer: 'old', atMs: 20_001, firstTokenMs: 4_600 }));
    const others = times(3, (index) =>
      come({ payer: `new ${index}`, atMs: 20_010, firstTokenMs: 9e9 }),
    );
    const arrivals = [...learn, running, ...old, ...others];
    const { fates } = play({ options: roomy, speed, arrivals });
    // Turn by turn the second old one would be the last, and late.
    expect(order(fates).slice(6)).toEqual(['old', 'new 0', 'old', 'new 1', 'new 2']);
    const second = fates[7];
    expect((second?.firstAtMs ?? 0) - 20_001).toBeLessThan(4_600);
  });
});

describe('the room', () => {
  it('has half of its places for one payer, and a place for the next', () => {
    const scheduler = createScheduler({ ...roomy, jobsMax: 10 });
    const tries = (payer: string, count: number) =>
      times(count, () => {
        const refusal = scheduler.refusal({ ...wish, payer }, 0);
        if (!refusal) scheduler.enter({ ...wish, payer }, 0);
        return refusal?.code ?? 'in';
      }).filter((code) => code === 'in').length;
    scheduler.enter(wish, 0);
    scheduler.start(0);
    expect(tries('a', 20)).toBe(5);
    expect(tries('b', 20)).toBe(3);
    expect(tries('c', 20)).toBe(1);
  });

  it('is bounded by the tokens that are promised', () => {
    const scheduler = createScheduler({ ...roomy, tokensMax: 100 });
    scheduler.enter(wish, 0);
    scheduler.start(0);
    const large = { ...wish, outputTokens: 60 };
    expect(scheduler.refusal({ ...wish, outputTokens: 101 }, 0)?.code).toBe('QUEUE_FULL');
    expect(scheduler.refusal(large, 0)).toBeUndefined();
    scheduler.enter(large, 0);
    expect(scheduler.refusal({ ...large, payer: 'b' }, 0)?.code).toBe('QUEUE_FULL');
  });

  it('frees the place of a job that is cancelled at once', () => {
    const scheduler = createScheduler({ ...roomy, jobsMax: 1 });
    scheduler.enter(wish, 0);
    scheduler.start(0);
    const waiting = scheduler.enter(wish, 1);
    expect(scheduler.refusal(wish, 2)?.code).toBe('QUEUE_FULL');
    scheduler.leave(waiting, 3);
    expect(scheduler.refusal(wish, 3)).toBeUndefined();
    expect(scheduler.load()).toEqual({ running: 1, waiting: 0, waitingTokens: 0 });
  });

  it('refuses what would be late, and never while a slot is free', () => {
    const learn = times(5, (index) => come({ atMs: index * 2_000 }));
    const busy = come({ atMs: 20_000, outputTokens: 1_000 });
    const late = come({ atMs: 20_001, payer: 'b', firstTokenMs: 5_000 });
    const patient = come({ atMs: 20_002, payer: 'c', firstTokenMs: 15_000 });
    const again = come({ atMs: 60_000, firstTokenMs: 1 });
    const { fates } = play({
      options: roomy,
      speed,
      arrivals: [...learn, busy, late, patient, again],
    });
    const [, , , , , , refused, taken, idle] = fates;
    expect(refused?.startedAtMs).toBeUndefined();
    // The slot is free after 10 s, so 5 s before that the job would have been in time.
    expect(refused?.retryAfterMs).toBeGreaterThan(4_500);
    expect(refused?.retryAfterMs).toBeLessThan(6_000);
    expect(taken?.startedAtMs).toBe(30_050);
    expect(idle?.startedAtMs).toBe(60_000);
  });
});

describe('a model that is held', () => {
  const one = { ...roomy, residentMax: 1, stayMs: 5_000, stayJobs: 4 };
  const slow = { ...speed, loadMs: 2_000 };

  it('stays for some jobs while others wait, and then makes room', () => {
    const arrivals = times(24, (index) =>
      come({ model: index % 2 ? 'x' : 'y', atMs: index, outputTokens: 20, firstTokenMs: 600_000 }),
    );
    const { fates, loads } = play({ options: one, speed: slow, arrivals });
    expect(fates.every(({ endedAtMs }) => endedAtMs !== undefined)).toBe(true);
    // Turn by turn it would be 24 loads; each stay takes at least 4 jobs.
    expect(loads.length).toBeLessThanOrEqual(6);
    expect(loads.length).toBeGreaterThan(2);
  });

  it('goes at once when nobody wants it', () => {
    const arrivals = [come(), come({ model: 'x', atMs: 10 }), come({ model: 'z', atMs: 20_000 })];
    const { fates } = play({ options: one, speed: slow, arrivals });
    expect(fates.map(({ startedAtMs }) => startedAtMs)).toEqual([0, 3_050, 20_000]);
  });

  it('stays three times as long as the next one takes to load', () => {
    const loud = times(40, (index) => come({ model: 'x', atMs: 20_000 + index }));
    const first = [come({ model: 'y', atMs: 0 }), come({ model: 'x', atMs: 5_000 })];
    const wanted = come({ model: 'y', atMs: 20_100, firstTokenMs: 600_000 });
    const arrivals = [...first, ...loud, wanted].map((arrival) => ({
      ...arrival,
      firstTokenMs: 600_000,
    }));
    const { fates } = play({ options: { ...one, stayMs: 1, stayJobs: 1 }, speed: slow, arrivals });
    // x came at 5 s and stayed far longer than 6 s: y gets in after the running job.
    expect(fates.at(-1)?.startedAtMs).toBeLessThan(22_300);
  });
});
