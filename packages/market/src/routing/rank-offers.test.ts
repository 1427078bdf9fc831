import { limits } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rankOffers } from './rank-offers.ts';
import type { RouteQuery } from './route-types.ts';
import { marketOf, nowMs, type OfferSketch, queryOf } from './testing/market.ts';

function rank(sketches: readonly OfferSketch[], query: Partial<RouteQuery> = {}, draw = 0.5) {
  const { index, facts } = marketOf(sketches, draw);
  const { offers, excluded } = rankOffers(index, queryOf(query), facts);
  const names = offers.map(({ offer }) => offer.payload.provider);
  return { names, reasons: offers.map(({ reason }) => reason), excluded, offers };
}

const busy = { running: 2, waiting: 1, slots: 2 };

describe('by default', () => {
  test('a clearly lower price wins, whatever the latency', () => {
    const { names, reasons } = rank([
      { provider: 'dear', output: 1_100n, firstTokenMs: 10 },
      { provider: 'cheap', output: 1_000n, firstTokenMs: 900 },
    ]);
    expect(names).toEqual(['cheap', 'dear']);
    expect(reasons).toEqual(['price', 'price']);
  });

  test('inside five per cent the measured first-token time decides', () => {
    const { names, reasons } = rank([
      { provider: 'slow', output: 1_000n, firstTokenMs: 200 },
      { provider: 'fast', output: 1_050n, firstTokenMs: 100 },
    ]);
    expect(names).toEqual(['fast', 'slow']);
    expect(reasons).toEqual(['latency', 'latency']);
  });

  test('a nait less buys no place, but decides between equals', () => {
    const { names, reasons } = rank([
      { provider: 'a', output: 1_001n, firstTokenMs: 100 },
      { provider: 'b', output: 1_000n, firstTokenMs: 100 },
    ]);
    expect(names).toEqual(['b', 'a']);
    expect(reasons).toEqual(['price', 'price']);
  });

  test('a free slot comes before speed, and load decides between equals', () => {
    const { names, reasons } = rank([
      { provider: 'full', firstTokenMs: 10, gauges: busy },
      { provider: 'half', firstTokenMs: 100, gauges: { running: 1, waiting: 0, slots: 2 } },
      { provider: 'idle', firstTokenMs: 100 },
    ]);
    expect(names).toEqual(['idle', 'half', 'full']);
    expect(reasons).toEqual(['load', 'load', 'capacity']);
  });

  test('unmeasured providers stand behind the measured ones of their price', () => {
    const { names, reasons } = rank([
      { provider: 'new', output: 1_000n },
      { provider: 'two samples', output: 1_001n, firstTokenMs: 1, samples: 2 },
      { provider: 'known', output: 1_020n, firstTokenMs: 500 },
      { provider: 'dear', output: 2_000n, firstTokenMs: 1 },
    ]);
    expect(names).toEqual(['known', 'new', 'two samples', 'dear']);
    expect(reasons).toEqual(['latency', 'latency', 'price', 'price']);
  });

  test('equals are told apart by their ids and a lone offer says that it is alone', () => {
    expect(rank([{ provider: 'b' }, { provider: 'a' }])).toMatchObject({
      names: ['a', 'b'],
      reasons: ['tie', 'tie'],
    });
    expect(rank([{ provider: 'a' }]).reasons).toEqual(['only candidate']);
  });

  test('the worked example of docs/spec/market.md is true', () => {
    const { names, reasons } = rank([
      { provider: 'A', output: 100n, input: 0n, firstTokenMs: 400 },
      { provider: 'B', output: 103n, input: 0n, firstTokenMs: 150 },
      { provider: 'C', output: 104n, input: 0n, firstTokenMs: 90, gauges: busy },
      { provider: 'D', output: 110n, input: 0n, firstTokenMs: 20 },
    ]);
    expect(names).toEqual(['B', 'A', 'C', 'D']);
    expect(reasons).toEqual(['latency', 'latency', 'capacity', 'price']);
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
    expect(reasons).toEqual(['exploration', 'exploration', 'price']);
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

test('answers are fitting, free of doubles, bounded, and by rising price band', () => {
  const sketch = fc.record({
    output: fc.bigInt({ min: 1n, max: 400n }),
    gauges: fc.record({
      running: fc.nat({ max: 3 }),
      waiting: fc.nat({ max: 2 }),
      slots: fc.nat({ max: 3 }),
    }),
    firstTokenMs: fc.option(fc.nat({ max: 2_000 }), { nil: undefined }),
    validUntilMs: fc.constantFrom(nowMs + 1, nowMs - 1),
  });
  const property = fc.property(
    fc.array(sketch, { maxLength: 80 }),
    fc.double({ min: 0, max: 0.999, noNaN: true }),
    fc.integer({ min: 1, max: 20 }),
    (market, draw, limit) => {
      const sketches = market.map(({ firstTokenMs, ...rest }, at) => {
        const measured = firstTokenMs === undefined ? {} : { firstTokenMs };
        return { ...rest, ...measured, provider: `p${at}` };
      });
      const { names, offers } = rank(sketches, { limit }, draw);
      const fitting = sketches.filter(({ validUntilMs }) => validUntilMs > nowMs);
      expect(names.length).toBeLessThanOrEqual(limit);
      if (fitting.length <= 32) expect(names.length).toBe(Math.min(limit, fitting.length));
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) expect(fitting.map(({ provider }) => provider)).toContain(name);
      expect(offers.map(({ rank: at }) => at)).toEqual(names.map((_, at) => at));
      const explored = offers.filter(({ reason }, at) => at === 0 && reason === 'exploration');
      const ruled = offers.slice(explored.length).map(({ offer }) => {
        return Number(offer.payload.price.outputPerMTok);
      });
      for (const [at, price] of ruled.entries()) {
        for (const earlier of ruled.slice(0, at)) expect(earlier).toBeLessThanOrEqual(price * 1.05);
      }
    },
  );
  fc.assert(property, { numRuns: 300 });
});
