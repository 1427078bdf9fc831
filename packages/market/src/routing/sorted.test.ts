import fc from 'fast-check';
import { expect, test } from 'vitest';
import { insertSorted, lowerBound, removeSorted } from './sorted.ts';

const order = (a: number, b: number): number => a - b;

test('a list stays sorted while items come and go', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 20 }))), (steps) => {
      const list: number[] = [];
      const model: number[] = [];
      for (const [isInsert, item] of steps) {
        if (isInsert) {
          insertSorted(list, item, order);
          model.push(item);
        } else {
          const at = model.indexOf(item);
          if (at >= 0) model.splice(at, 1);
          expect(removeSorted(list, item, order)).toBe(at >= 0);
        }
      }
      expect(list).toEqual([...model].sort(order));
    }),
  );
});

test('the lower bound is the first place that is not before the item', () => {
  expect(lowerBound([1, 3, 3, 5], 3, order)).toBe(1);
  expect(lowerBound([1, 3, 3, 5], 4, order)).toBe(3);
  expect(lowerBound([1, 3, 3, 5], 9, order)).toBe(4);
  expect(lowerBound([], 9, order)).toBe(0);
});
