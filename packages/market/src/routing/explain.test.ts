import { expect, test } from 'vitest';
import { decisionText, lineBehind, linesOf } from './explain.ts';
import { rankOffers } from './rank-offers.ts';
import type { RouteQuery } from './route-types.ts';
import { marketOf, type OfferSketch, queryOf } from './testing/market.ts';

function told(
  sketches: readonly OfferSketch[],
  query: Partial<RouteQuery> = {},
  draw = 0.5,
): Record<string, string> {
  const { index, facts } = marketOf(sketches, draw);
  const lines = linesOf(rankOffers(index, queryOf(query), facts));
  return Object.fromEntries(lines.map((line) => [line.provider, decisionText(line)]));
}

const winner = { provider: 'winner', output: 1_000n, firstTokenMs: 100, tokensPerSecond: 40 };

test('each loser reads the factor that decided, with both figures', () => {
  const loser = (provider: string, changes: Partial<OfferSketch>) => ({
    ...{ ...winner, ...changes, provider },
  });
  expect(
    told([
      winner,
      loser('dear', { output: 1_120n }),
      loser('slow', { tokensPerSecond: 10 }),
      loser('late', { firstTokenMs: 800 }),
      loser('busy', { gauges: { running: 2, waiting: 1, slots: 2 } }),
      loser('unreliable', { reputation: 500 }),
      { provider: 'new', output: 1_000n },
      { provider: 'newish', output: 1_000n, firstTokenMs: 10, samples: 2 },
    ]),
  ).toEqual({
    winner: 'ranked first',
    dear: 'price 12 % above the winner',
    slow: '10.0 tokens/s, the winner gives 40.0',
    late: "first token after 800 ms, the winner's after 100 ms",
    busy: "queue 3 ahead of the winner's",
    unreliable: 'reputation 500 of 1000, the winner has 1000',
    new: 'no receipt yet: new provider share used up',
    newish: 'only 2 of 3 receipts yet: new provider share used up',
  });
});

test('who was left out reads by which wish, and a new provider in its turn takes the place', () => {
  const other = { ...winner, provider: 'other', output: 2_000n };
  expect(told([winner, other], { provider: { max_price: { completion: '1500' } } })).toEqual({
    winner: 'ranked first',
    other: "above the buyer's highest price",
  });
  expect(told([winner, { provider: 'new', output: 1_000n }], {}, 0.01)).toEqual({
    new: 'ranked first',
    winner: 'a new provider had its turn',
  });
  expect(told([winner, other], { provider: { order: ['other'] } }).winner).toBe(
    'the buyer named another provider first',
  );
});

test('who stood behind all that were looked at is told too, without a rank', () => {
  const sketches = Array.from({ length: 30 }, (_, at) => ({
    ...winner,
    provider: `p${at}`,
    output: BigInt(1_000 + at * 100),
  }));
  const { index, facts } = marketOf(sketches);
  const ranking = rankOffers(index, queryOf(), facts);
  expect(ranking.looked).toHaveLength(12);
  const [last] = index.listings('p29');
  const line = last && lineBehind(ranking, last);
  expect(line).toMatchObject({ rank: null, candidates: 12, factor: 'price' });
  expect(line && decisionText(line)).toBe(
    'price 290 % above the winner; behind all that were looked at',
  );
  const [first] = index.listings('p0');
  expect(first && lineBehind(ranking, first)).toBeUndefined();
});
