import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createOfferIndex } from './offer-index.ts';
import { rankOffers } from './rank-offers.ts';
import type { Gauges, Measured, RouteQuery } from './route-types.ts';
import { entryOf, nowMs, queryOf } from './testing/market.ts';
import { naiveRank } from './testing/naive-rank.ts';

const quantizations = ['Q4_0', 'q8_0', 'F16'];
const models = ['m', 'n'];
const speeds = [undefined, 20, 100, 100, 400, 3_000];

const update = fc.record({
  what: fc.constantFrom('offers', 'offers', 'gauges', 'gauges', 'measured', 'gone', 'silent'),
  who: fc.nat({ max: 60 }),
  model: fc.constantFrom(...models),
  output: fc.constantFrom(90n, 100n, 100n, 101n, 104n, 106n, 150n, 400n),
  quantization: fc.constantFrom(...quantizations),
  contextMax: fc.constantFrom(1_024, 4_096, 8_192),
  outputMax: fc.constantFrom(256, 512),
  canResume: fc.boolean(),
  isEmbedder: fc.boolean(),
  verifiable: fc.boolean(),
  isSuspect: fc.constantFrom(false, false, true),
  isOver: fc.constantFrom(false, false, false, true),
  busy: fc.nat({ max: 4 }),
  slots: fc.nat({ max: 3 }),
  firstTokenMs: fc.constantFrom(...speeds),
  tokensPerSecond: fc.constantFrom(10, 10, 40, 90),
  reputation: fc.constantFrom(1_000, 1_000, 700, 50),
});
type Update = typeof update extends fc.Arbitrary<infer T> ? T : never;

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const names = fc.array(
  fc.nat({ max: 60 }).map((at) => `p${at}`),
  { minLength: 1, maxLength: 6 },
);
const wishes = fc.record({
  order: maybe(names),
  only: maybe(names),
  ignore: maybe(names),
  allow_fallbacks: maybe(fc.boolean()),
  require_parameters: maybe(fc.boolean()),
  verifiable: maybe(fc.boolean()),
  quantizations: maybe(fc.subarray(['q4_0', 'Q8_0', 'f16', 'none'], { minLength: 1 })),
  sort: maybe(fc.constantFrom('price' as const, 'latency' as const, 'throughput' as const)),
  max_price: maybe(
    fc.record({
      completion: maybe(fc.constantFrom('95', '100', '105')),
      prompt: maybe(fc.constant('1')),
    }),
  ),
  preferred_max_latency: maybe(fc.constantFrom(0.1, 0.4, { p90: 0.02 })),
  preferred_min_throughput: maybe(fc.constantFrom(40, { p50: 90 })),
});
const queries = fc.record({
  models: fc.subarray(['n', 'm', 'none'], { minLength: 1 }),
  provider: wishes,
  contextTokens: maybe(fc.constantFrom(1_000, 5_000, 9_000)),
  outputTokens: maybe(fc.constant(300)),
  serves: maybe(fc.constantFrom('chat' as const, 'embed' as const)),
  canResume: maybe(fc.boolean()),
  limit: fc.integer({ min: 1, max: 20 }),
});
const draws = fc.double({ min: 0.05, max: 0.999, noNaN: true });

function measuredOf({ firstTokenMs, tokensPerSecond }: Update): Measured {
  const firstTokenMsP50 = firstTokenMs ?? null;
  return {
    firstTokenMsP50,
    firstTokenMsP90: firstTokenMsP50,
    tokensPerSecondP50: firstTokenMs === undefined ? null : tokensPerSecond,
    samples: firstTokenMs === undefined ? 0 : 5,
  };
}

/** A market that is moved by updates, a few hundred of them before the first query. */
function createMovedMarket() {
  const measured = new Map<string, Measured>();
  const reputations = new Map<string, number>();
  const suspects = new Map<string, boolean>();
  const index = createOfferIndex({
    measured: (provider, model) => measured.get(`${provider} ${model}`) ?? measuredOf({} as Update),
    reputation: (provider) => reputations.get(provider) ?? 1_000,
    isSuspect: (provider) => suspects.get(provider) ?? false,
  });
  const apply = (one: Update): void => {
    const provider = `p${one.who}`;
    const gauges: Gauges = { running: one.busy, waiting: 0, slots: one.slots };
    if (one.what === 'gone') index.remove(provider);
    if (one.what === 'gauges') index.heard(provider, { atMs: nowMs, gauges });
    if (one.what === 'silent') index.heard(provider, { atMs: nowMs - 10_001 });
    if (one.what === 'measured') {
      measured.set(`${provider} ${one.model}`, measuredOf(one));
      reputations.set(provider, one.reputation);
      suspects.set(provider, one.isSuspect);
      index.renew(provider, one.model);
    }
    if (one.what !== 'offers') return;
    const other = index.ofProvider(provider).filter(({ model }) => model !== one.model);
    const { model, output, quantization, contextMax, outputMax, canResume, verifiable } = one;
    const validUntilMs = one.isOver ? nowMs : nowMs * 2;
    const serves = one.isEmbedder ? (['embed'] as const) : (['chat'] as const);
    const abilities = { contextMax, outputMax, canResume, verifiable };
    const sketch = { provider, model, output, quantization, ...abilities };
    const offerId = `${provider} ${model} ${output} ${quantization}`;
    index.put(provider, [...other, entryOf({ ...sketch, offerId, serves, validUntilMs })]);
    if (!index.standing(provider) || index.standing(provider)?.lastFrameMs === -Infinity) {
      index.heard(provider, { atMs: nowMs, gauges });
    }
  };
  return { index, apply };
}

function listingsOf(index: ReturnType<typeof createOfferIndex>) {
  return Array.from({ length: 61 }, (_, at) => index.listings(`p${at}`)).flat();
}

function expectEqual(
  index: ReturnType<typeof createOfferIndex>,
  query: RouteQuery,
  draw: number,
): void {
  const facts = { nowMs, draw };
  const { offers } = rankOffers(index, query, facts);
  expect(offers.map(({ offerId }) => offerId)).toEqual(naiveRank(listingsOf(index), query, facts));
}

test('the index answers what filtering and sorting everything would, after any updates', () => {
  const property = fc.property(
    fc.array(update, { minLength: 20, maxLength: 300, size: 'max' }),
    fc.array(fc.tuple(queries, draws, update), { minLength: 1, maxLength: 12 }),
    (updates, asked) => {
      const { index, apply } = createMovedMarket();
      for (const one of updates) apply(one);
      for (const [query, draw, one] of asked) {
        expectEqual(index, query as RouteQuery, draw);
        apply(one);
      }
    },
  );
  fc.assert(property, { numRuns: 400 });
});

test('each wish alone leaves what its naive filter leaves', () => {
  const { index, apply } = createMovedMarket();
  for (const one of fc.sample(update, { numRuns: 600, seed: 7 })) apply(one);
  const alone: Partial<RouteQuery>[] = [
    { provider: { only: ['p1', 'p2', 'p3'] } },
    { provider: { ignore: ['p1', 'p2', 'p3'] } },
    { provider: { order: ['p9', 'p4'] } },
    { provider: { order: ['p9', 'p4'], allow_fallbacks: false } },
    { provider: { allow_fallbacks: false } },
    { provider: { quantizations: ['f16'] } },
    { provider: { max_price: { completion: '100' } } },
    { provider: { require_parameters: true }, outputTokens: 300 },
    { provider: { preferred_max_latency: 0.1 } },
    { provider: { preferred_min_throughput: 40 } },
    { provider: { sort: 'price' } },
    { provider: { sort: 'latency' } },
    { provider: { sort: 'throughput' } },
    { contextTokens: 5_000 },
    { serves: 'embed' },
    { canResume: true },
  ];
  for (const changes of alone) {
    for (const draw of [0.05, 0.3, 0.77]) {
      expectEqual(index, queryOf({ limit: 20, ...changes }), draw);
    }
  }
});

test('rare wishes are gathered from their own lists in a large market, with the same answer', () => {
  const index = createOfferIndex();
  for (let number = 0; number < 6_000; number += 1) {
    const provider = `p${number}`;
    const rare = number % 97 === 0;
    const sketch = {
      ...{ provider, output: BigInt(1_000 + (number % 50)), canResume: rare },
      ...{ quantization: rare ? 'F16' : 'Q4_0', contextMax: rare ? 65_536 : 4_096 },
    };
    index.put(provider, [entryOf(sketch)]);
    index.heard(provider, { atMs: nowMs, gauges: { running: number % 3, waiting: 0, slots: 2 } });
  }
  const all = Array.from({ length: 6_000 }, (_, at) => index.listings(`p${at}`)).flat();
  const asked: Partial<RouteQuery>[] = [
    { canResume: true },
    { contextTokens: 60_000 },
    { provider: { quantizations: ['f16'] } },
    { provider: { max_price: { completion: '1002' } } },
    { provider: { max_price: { completion: '1002' }, sort: 'price' }, canResume: true },
  ];
  for (const changes of asked) {
    for (const draw of [0.05, 0.4, 0.9]) {
      const query = queryOf({ limit: 20, ...changes });
      const { offers } = rankOffers(index, query, { nowMs, draw });
      expect(offers).not.toHaveLength(0);
      expect(offers.map(({ offerId }) => offerId)).toEqual(naiveRank(all, query, { nowMs, draw }));
    }
  }
  const none = rankOffers(index, queryOf({ contextTokens: 99_999 }), { nowMs, draw: 0.5 });
  expect(none.offers).toEqual([]);
  expect(none.excluded).toEqual({ context: 6_000 });
});
