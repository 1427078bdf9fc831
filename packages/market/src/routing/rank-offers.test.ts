import { limits } from '@aitbc/protocol';
import { describe, expect, test } from 'vitest';
import { nothing } from './measurements.ts';
import { createOfferIndex } from './offer-index.ts';
import { rankOffers } from './rank-offers.ts';
import type { RouteQuery } from './route-types.ts';
import { entryOf, marketOf, nowMs, type OfferSketch, queryOf } from './testing/market.ts';

function rank(sketches: readonly OfferSketch[], query: Partial<RouteQuery> = {}, draw = 0.5) {
  const { index, facts } = marketOf(sketches, draw);
  const { offers, excluded } = rankOffers(index, queryOf(query), facts);
  const names = offers.map(({ offer }) => offer.payload.provider);
  return { names, reasons: offers.map(({ reason }) => reason), excluded, offers };
}

const busy = { running: 2, waiting: 1, slots: 2 };

describe('by default', () => {
  test('a much lower price wins over any speed', () => {
    const { names, reasons } = rank([
      { provider: 'dear', output: 2_600n, firstTokenMs: 10, tokensPerSecond: 40 },
      { provider: 'cheap', output: 1_000n, firstTokenMs: 9_000, tokensPerSecond: 40 },
    ]);
    expect(names).toEqual(['cheap', 'dear']);
    expect(reasons).toEqual(['price', 'price']);
  });

  test('a first token in half the time is worth about a tenth of the price', () => {
    const fast = { provider: 'fast', firstTokenMs: 200 };
    const slow = { provider: 'slow', firstTokenMs: 400, output: 1_000n };
    expect(rank([slow, { ...fast, output: 1_040n }])).toMatchObject({
      names: ['fast', 'slow'],
      reasons: ['latency', 'latency'],
    });
    expect(rank([slow, { ...fast, output: 1_200n }])).toMatchObject({
      names: ['slow', 'fast'],
      reasons: ['price', 'price'],
    });
  });

  test('speed, queue and reputation are weighed too, and each says that it decided', () => {
    const base = { firstTokenMs: 100, tokensPerSecond: 40 };
    const best = { ...base, provider: 'best' };
    const behind = (changes: Partial<OfferSketch>) => {
      const { names, reasons } = rank([{ ...base, provider: 'worse', ...changes }, best]);
      expect(names).toEqual(['best', 'worse']);
      return reasons[1];
    };
    expect(behind({ tokensPerSecond: 10 })).toBe('throughput');
    expect(behind({ gauges: busy })).toBe('queue');
    expect(behind({ gauges: { running: 0, waiting: 0, slots: 0 } })).toBe('queue');
    expect(behind({ reputation: 600 })).toBe('reputation');
    expect(behind({ output: 1_200_000n })).toBe('price');
  });

  test('a free slot comes before speed, and a longer queue behind a shorter one', () => {
    const { names } = rank([
      { provider: 'long', firstTokenMs: 10, gauges: { running: 2, waiting: 6, slots: 2 } },
      { provider: 'short', firstTokenMs: 10, gauges: busy },
      { provider: 'free', firstTokenMs: 100, gauges: { running: 1, waiting: 0, slots: 2 } },
    ]);
    expect(names).toEqual(['free', 'short', 'long']);
  });

  test('unmeasured providers stand behind all measured ones, whatever they ask', () => {
    const { names, reasons } = rank([
      { provider: 'new', output: 1n },
      { provider: 'two samples', output: 2n, firstTokenMs: 1, samples: 2 },
      { provider: 'known', output: 1_020n, firstTokenMs: 500 },
      { provider: 'dear', output: 2_000n, firstTokenMs: 500 },
    ]);
    expect(names).toEqual(['known', 'dear', 'new', 'two samples']);
    expect(reasons).toEqual(['price', 'price', 'newcomer', 'price']);
  });

  test('equals take turns, each first in its share of the answers, and say so', () => {
    const sketches = ['a', 'b', 'c', 'd'].map((provider) => ({ provider, firstTokenMs: 100 }));
    const wins = new Map<string | undefined, number>();
    for (let number = 0; number < 4_000; number += 1) {
      const { names, reasons } = rank(sketches, {}, 0.05 + (number / 4_000) * 0.95);
      expect([...names].sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(reasons).toEqual(['tie', 'tie', 'tie', 'tie']);
      wins.set(names[0], (wins.get(names[0]) ?? 0) + 1);
    }
    for (const count of wins.values()) expect(count).toBeGreaterThan(850);
    expect(wins.size).toBe(4);
  });

  test('a lone offer says that it is alone', () => {
    expect(rank([{ provider: 'a' }]).reasons).toEqual(['only candidate']);
  });

  test('the worked example of docs/spec/market.md is true', () => {
    const { names, reasons } = rank([
      { provider: 'A', output: 100n, input: 0n, firstTokenMs: 400 },
      { provider: 'B', output: 103n, input: 0n, firstTokenMs: 150 },
      { provider: 'C', output: 104n, input: 0n, firstTokenMs: 90, gauges: busy },
      { provider: 'D', output: 140n, input: 0n, firstTokenMs: 60 },
    ]);
    expect(names).toEqual(['B', 'A', 'D', 'C']);
    expect(reasons).toEqual(['latency', 'latency', 'price', 'queue']);
  });
});

describe('exploration', () => {
  const sketches = [
    { provider: 'known', output: 1_000n, firstTokenMs: 100 },
    { provider: 'new', output: 1_040n },
    { provider: 'new and dear', output: 1_600n },
  ];

  test('a draw below the share puts the cheapest newcomer first', () => {
    const { names, reasons } = rank(sketches, {}, 0.049);
    expect(names).toEqual(['new', 'known', 'new and dear']);
    expect(reasons).toEqual(['exploration', 'exploration', 'newcomer']);
  });

  test('every other draw leaves the order alone', () => {
    expect(rank(sketches, {}, 0.05).names[0]).toBe('known');
    expect(rank(sketches, {}, 0.999).names[0]).toBe('known');
  });

  test('a newcomer that is too dear, is full or was not wished for is not explored', () => {
    const dear = { provider: 'new', output: 1_501n };
    expect(rank([...sketches.slice(0, 1), dear], {}, 0).names[0]).toBe('known');
    const full = { provider: 'new', gauges: busy, output: 1_000n };
    expect(rank([...sketches.slice(0, 1), full], {}, 0).names[0]).toBe('known');
    expect(rank(sketches, { provider: { sort: 'price' } }, 0).names[0]).toBe('known');
    expect(rank(sketches, { provider: { order: ['known'] } }, 0).names[0]).toBe('known');
  });

  test('a flood of newcomers gets no more than its share', () => {
    const flood = Array.from({ length: 100 }, (_, at) => ({ provider: `n${at}`, output: 1_000n }));
    const market = [{ provider: 'known', output: 1_001n, firstTokenMs: 100 }, ...flood];
    const draws = Array.from({ length: 200 }, (_, at) => at / 200);
    const first = draws.map((draw) => rank(market, { limit: 1 }, draw).offers[0]?.reason);
    expect(first.filter((reason) => reason === 'exploration').length).toBeLessThanOrEqual(10);
  });
});

describe('wishes', () => {
  const sketches = [
    { provider: 'a', output: 100_000n, input: 10_000n, perRequest: 5n, firstTokenMs: 300 },
    {
      provider: 'b',
      output: 200_000n,
      quantization: 'F16',
      firstTokenMs: 100,
      tokensPerSecond: 50,
    },
    { provider: 'c', output: 300_000n, contextMax: 32_768, firstTokenMs: 200, tokensPerSecond: 90 },
  ];
  const names = (provider: RouteQuery['provider'], changes: Partial<RouteQuery> = {}) =>
    rank(sketches, { provider, ...changes }).names;

  test('only, ignore and order choose providers', () => {
    expect(names({ only: ['c', 'b', 'c', 'nobody'] })).toEqual(['b', 'c']);
    expect(names({ ignore: ['a'] })).toEqual(['b', 'c']);
    expect(names({ order: ['c', 'nobody'] })).toEqual(['c', 'a', 'b']);
    expect(rank(sketches, { provider: { order: ['c', 'b'] } }).reasons).toEqual([
      'order',
      'order',
      'order',
    ]);
    expect(names({ order: ['c'], ignore: ['c'] })).toEqual(['a', 'b']);
  });

  test('quantizations, max_price and context leave offers out', () => {
    expect(names({ quantizations: ['f16'] })).toEqual(['b']);
    expect(names({ max_price: { completion: '200000' } })).toEqual(['a', 'b']);
    expect(names({ max_price: { prompt: '9999' } })).toEqual(['b', 'c']);
    expect(names({ max_price: { request: '4' } })).toEqual(['b', 'c']);
    expect(names({}, { contextTokens: 4_097 })).toEqual(['c']);
  });

  test('sort says which figure counts', () => {
    expect(names({ sort: 'price' })).toEqual(['a', 'b', 'c']);
    expect(names({ sort: 'latency' })).toEqual(['b', 'c', 'a']);
    expect(names({ sort: 'throughput' })).toEqual(['c', 'b', 'a']);
    expect(names({ sort: 'throughput' }, { limit: 1 })).toEqual(['c']);
    expect(rank(sketches, { provider: { sort: 'latency' } }).reasons[0]).toBe('latency');
  });

  test('a figure ranks what fits only, the unmeasured last, and wished order still comes first', () => {
    const more = [...sketches, { provider: 'd', output: 1n }];
    const named = (provider: RouteQuery['provider'], limit = 5) =>
      rank(more, { provider, limit }).names;
    expect(named({ sort: 'latency' })).toEqual(['b', 'c', 'a', 'd']);
    expect(named({ sort: 'throughput' }).slice(0, 2)).toEqual(['c', 'b']);
    expect(named({ sort: 'latency', ignore: ['b'] }, 2)).toEqual(['c', 'a']);
    expect(named({ sort: 'throughput', only: ['a', 'b'] })).toEqual(['b', 'a']);
    expect(named({ sort: 'latency', order: ['a'] }, 1)).toEqual(['a']);
    expect(named({ sort: 'latency', order: ['a'] }, 2)).toEqual(['a', 'b']);
    expect(rank(more, { provider: { order: ['a'] }, limit: 1 }).reasons).toEqual(['order']);
  });

  test('a second model is looked at only while there is room', () => {
    const two = [...sketches, { provider: 'd', model: 'n', output: 1n, contextMax: 1 }];
    const wish = { models: ['m', 'n'], contextTokens: 2, provider: { order: ['d'] } };
    expect(rank(two, { ...wish, limit: 3 }).excluded).toEqual({});
    expect(rank(two, { ...wish, limit: 4 }).excluded).not.toEqual({});
  });

  test('models are tried in the order they are named', () => {
    const two = [...sketches, { provider: 'd', model: 'n', output: 1n }];
    expect(rank(two, { models: ['m', 'n', 'm'] }).names).toEqual(['a', 'b', 'c', 'd']);
    expect(rank(two, { models: ['n', 'm'], limit: 2 })).toMatchObject({
      names: ['d', 'a'],
      reasons: ['model', 'model'],
    });
  });

  test('an empty answer says what kept the offers out', () => {
    const { names: none, excluded } = rank(sketches, {
      provider: { ignore: ['a'], max_price: { completion: '1' } },
    });
    expect(none).toEqual([]);
    expect(excluded).toEqual({ ignore: 1, max_price: 2 });
  });
});

describe('presence', () => {
  test('a provider that was silent for two heartbeats or is gone is not ranked', () => {
    const edgeMs = nowMs - 2 * limits.heartbeatMs;
    const { names, excluded } = rank([
      { provider: 'there', lastFrameMs: edgeMs },
      { provider: 'silent', lastFrameMs: edgeMs - 1 },
      { provider: 'gone', gauges: 'absent' },
    ]);
    expect(names).toEqual(['there']);
    expect(excluded).toEqual({ lease: 2 });
  });

  test('an offer that has run out is not ranked', () => {
    const { names } = rank([
      { provider: 'valid', validUntilMs: nowMs + 1 },
      { provider: 'over', validUntilMs: nowMs },
    ]);
    expect(names).toEqual(['valid']);
  });
});

describe('the vocabulary of OpenRouter', () => {
  const sketches = [
    { provider: 'a', output: 100n, firstTokenMs: 900, tokensPerSecond: 20, outputMax: 256 },
    { provider: 'b', output: 400n, firstTokenMs: 200, tokensPerSecond: 60, canResume: true },
    { provider: 'c', output: 900n, firstTokenMs: 300, tokensPerSecond: 90, serves: ['embed'] },
  ] as const;
  const names = (provider: RouteQuery['provider'], changes: Partial<RouteQuery> = {}) =>
    rank(sketches, { provider, ...changes }).names;

  test('preferred speeds put others behind and leave nobody out', () => {
    expect(names({})).toEqual(['a', 'b', 'c']);
    expect(names({ preferred_max_latency: 0.5 })).toEqual(['b', 'c', 'a']);
    expect(names({ preferred_min_throughput: 80 })).toEqual(['c', 'a', 'b']);
    expect(names({ preferred_max_latency: { p90: 0.25 } })).toEqual(['b', 'a', 'c']);
    expect(rank(sketches, { provider: { preferred_max_latency: 0.5 } }).reasons).toEqual([
      'price',
      'price',
      'preference',
    ]);
  });

  test('without fallbacks there is only what was named, or only the first', () => {
    expect(names({ allow_fallbacks: false })).toEqual(['a']);
    expect(names({ allow_fallbacks: false, order: ['c', 'b'] })).toEqual(['c', 'b']);
    expect(names({ allow_fallbacks: true, order: ['c'] })).toEqual(['c', 'a', 'b']);
  });

  test('require_parameters leaves out who cannot write the whole answer', () => {
    expect(names({ require_parameters: true }, { outputTokens: 300 })).toEqual(['b', 'c']);
    expect(names({}, { outputTokens: 300 })).toEqual(['a', 'b', 'c']);
  });

  test('the kind of job and resuming are traits of the offer', () => {
    expect(names({}, { serves: 'embed' })).toEqual(['c']);
    expect(names({}, { canResume: true })).toEqual(['b']);
  });
});

describe('the verifiable class', () => {
  const sketches: OfferSketch[] = [
    { provider: 'plain' },
    { provider: 'audited', verifiable: true },
    { provider: 'suspect', verifiable: true, isSuspect: true },
  ];

  test('has offers that can be audited, of providers that no audit speaks against', () => {
    const { names, excluded } = rank(sketches, { provider: { verifiable: true } });
    expect(names).toEqual(['audited']);
    expect(excluded).toEqual({ verifiable: 2 });
  });

  test('is asked for by those who want it; the others buy of all', () => {
    for (const provider of [{}, { verifiable: false }]) {
      expect(rank(sketches, { provider }).names).toHaveLength(3);
    }
  });

  test('is left and entered while a provider stays connected', () => {
    const suspects = new Set<string>();
    const index = createOfferIndex({
      measured: () => nothing,
      reputation: () => 1_000,
      isSuspect: (provider) => suspects.has(provider),
    });
    index.put('p', [entryOf({ provider: 'p', verifiable: true })]);
    index.heard('p', { atMs: nowMs, gauges: { running: 0, waiting: 0, slots: 1 } });
    const query = queryOf({ provider: { verifiable: true } });
    const found = () => rankOffers(index, query, { nowMs, draw: 0.5 }).offers.length;
    expect(found()).toBe(1);
    suspects.add('p');
    index.renew('p', '');
    expect(found()).toBe(0);
    suspects.clear();
    index.renew('p', '');
    expect(found()).toBe(1);
  });
});
