import { expect, test } from 'vitest';
import { shareOf } from './bounds.ts';

test('a share has the bounds of Wilson, and none for nothing', () => {
  expect(shareOf(0, 0)).toBeNull();
  // Wilson's interval of 81 of 263 at 95 %: 0.2553 to 0.3662
  const known = shareOf(81, 263);
  expect(known?.low).toBeCloseTo(0.2553, 4);
  expect(known?.high).toBeCloseTo(0.3662, 4);
  expect(shareOf(0, 120)).toMatchObject({ share: 0, low: 0 });
  expect(shareOf(120, 120)).toMatchObject({ share: 1, high: 1 });
  expect(shareOf(120, 120)?.low).toBeCloseTo(0.969, 3);
});
