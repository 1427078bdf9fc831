import type { MarketEvent } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { pricesOver } from './prices-over.ts';

const up = (atMs: number, [offerId, nait, model = 'm']: string[]): MarketEvent =>
  ({
    seq: atMs,
    atMs,
    provider: 'p',
    facts: { kind: 'offer_up', offerId, model, inputPerMTok: nait, outputPerMTok: nait },
  }) as unknown as MarketEvent;
const down = (atMs: number, offerId: string): MarketEvent =>
  ({
    seq: atMs,
    atMs,
    provider: 'p',
    facts: { kind: 'offer_down', offerId, model: 'm' },
  }) as unknown as MarketEvent;

it('follows the lowest offer, up and down, until nobody offers it', () => {
  const events = [
    up(10, ['a', '3000000000']),
    up(15, ['x', '1', 'other']),
    up(20, ['b', '2000000000']),
    down(30, 'b'),
    down(40, 'a'),
  ];
  const outputs = pricesOver(events, 'm', 50).map(({ atMs, output }) => [atMs, output]);
  expect(outputs).toEqual([
    [9, null],
    [10, 3],
    [19, 3],
    [20, 2],
    [29, 2],
    [30, 3],
    [39, 3],
    [40, null],
    [50, null],
  ]);
  expect(pricesOver([], 'm', 50)).toEqual([]);
});
