import { expect, test } from 'vitest';
import { createOfferIndex, referencePriceOf } from './offer-index.ts';
import { entryOf } from './testing/market.ts';

test('offers of a model stand cheapest first', () => {
  const index = createOfferIndex();
  index.put('a', [entryOf({ provider: 'a', offerId: 'a1', output: 300n })]);
  index.put('b', [entryOf({ provider: 'b', offerId: 'b1', output: 100n })]);
  index.put('c', [entryOf({ provider: 'c', offerId: 'c1', output: 200n })]);
  expect(index.ofModel('m').map(({ offerId }) => offerId)).toEqual(['b1', 'c1', 'a1']);
});

test('a new list of a provider replaces its old one', () => {
  const index = createOfferIndex();
  index.put('a', [
    entryOf({ provider: 'a', offerId: 'a1' }),
    entryOf({ provider: 'a', offerId: 'a2', model: 'n' }),
  ]);
  index.put('a', [entryOf({ provider: 'a', offerId: 'a3' })]);
  expect(index.size).toBe(1);
  expect(index.models()).toEqual(['m']);
  expect(index.get('a1')).toBeUndefined();
  expect(index.ofProvider('a').map(({ offerId }) => offerId)).toEqual(['a3']);
});

test('a removed provider leaves nothing behind', () => {
  const index = createOfferIndex();
  index.put('a', [entryOf({ provider: 'a', offerId: 'a1' })]);
  index.remove('a');
  index.remove('a');
  expect(index.size).toBe(0);
  expect(index.models()).toEqual([]);
  expect(index.page({ limit: 10 })).toEqual([]);
});

test('an offer that is listed twice, or is of somebody else, counts once or not at all', () => {
  const index = createOfferIndex();
  const own = entryOf({ provider: 'a', offerId: 'a1' });
  index.put('a', [own, own, entryOf({ provider: 'b', offerId: 'b1' })]);
  expect(index.size).toBe(1);
  index.remove('a');
  expect(index.size).toBe(0);
});

test('pages walk through all offers once, also when the offer of the cursor is gone', () => {
  const index = createOfferIndex();
  for (const number of [5, 3, 1, 4, 2]) {
    const provider = `p${number}`;
    index.put(provider, [entryOf({ provider, offerId: `id${number}` })]);
  }
  const ids = (after?: string) => index.page({ after, limit: 2 }).map(({ offerId }) => offerId);
  expect(ids()).toEqual(['id1', 'id2']);
  expect(ids('id2')).toEqual(['id3', 'id4']);
  index.remove('p4');
  expect(ids('id4')).toEqual(['id5']);
  expect(index.page({ model: 'other', limit: 2 })).toEqual([]);
  index.put('p6', [entryOf({ provider: 'p6', offerId: 'id0', model: 'other' })]);
  expect(index.page({ model: 'other', limit: 2 })).toMatchObject([{ offerId: 'id0' }]);
  expect(index.page({ model: 'm', limit: 9 })).toHaveLength(4);
});

test('two price lists that differ at all have different reference prices', () => {
  const price = { inputPerMTok: 1n, outputPerMTok: 1n, perRequest: 0n };
  const base = referencePriceOf(price);
  expect(base).toBe(1_500n);
  expect(referencePriceOf({ ...price, inputPerMTok: 2n })).toBeGreaterThan(base);
  expect(referencePriceOf({ ...price, perRequest: 1n })).toBe(1_001_500n);
});
