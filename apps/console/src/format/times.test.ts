import { expect, it } from 'vitest';
import { agoText, counted, quantile, rateText, spanText } from './times.ts';

it('spans have the unit that fits', () => {
  const spans = [0, 3.14, 12, 999, 1_400, 42_000, 180_000, 7_300_000, 400_000_000].map(spanText);
  expect(spans).toEqual([
    '0 ms',
    '3.1 ms',
    '12 ms',
    '999 ms',
    '1.4 s',
    '42 s',
    '3 min',
    '2 h',
    '4 d',
  ]);
});

it('times tell how long ago', () => {
  expect(agoText(1_000, 1_400)).toBe('now');
  expect(agoText(1_000, 9_900)).toBe('8 s ago');
  expect(agoText(200_000, 1_000)).toBe('in 3 min');
});

it('rates, counts and quantiles', () => {
  expect([0, 0.31, 12.4, 1_240].map(rateText)).toEqual(['0', '0.3', '12', '1 240']);
  expect([counted(1, 'vote'), counted(2, 'vote')]).toEqual(['1 vote', '2 votes']);
  expect(quantile([5, 1, 9], 0.5)).toBe(5);
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(quantile([], 0.5)).toBeUndefined();
});
