import { expect, it } from 'vitest';
import { type Offer, sortedOffers } from './sort-offers.ts';

const offer = (offerId: string, output: string, [first, speed]: (number | null)[]) =>
  ({
    offerId,
    offer: { payload: { model: offerId, price: { inputPerMTok: output, outputPerMTok: output } } },
    measured: { firstTokenMsP50: first, tokensPerSecondP50: speed },
  }) as unknown as Offer;
const offers = [
  offer('b', '9', [20, null]),
  offer('a', '10', [null, 40]),
  offer('c', '100000000000000000001', [5, 80]),
];
const ids = (key: Parameters<typeof sortedOffers>[1]) =>
  sortedOffers(offers, key).map(({ offerId }) => offerId);

it('orders by price as numbers, and puts what is not measured last', () => {
  expect(ids('output')).toEqual(['b', 'a', 'c']);
  expect(ids('input')).toEqual(['b', 'a', 'c']);
  expect(ids('latency')).toEqual(['c', 'b', 'a']);
  expect(ids('speed')).toEqual(['c', 'a', 'b']);
  expect(ids('model')).toEqual(['a', 'b', 'c']);
});
