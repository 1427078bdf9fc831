import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createOrderedList } from './ordered-list.ts';

const order = (a: number, b: number): number => a - b;
const byTens = { keyOf: (item: number) => Math.floor(item / 10), order };

test('a list stays in order while items come and go, over many chunks', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3_000 })), {
    maxLength: 4_000,
    size: 'max',
  });
  const property = fc.property(steps, (moves) => {
    const list = createOrderedList(byTens);
    const model = new Set<number>();
    for (const [isInsert, item] of moves) {
      if (!isInsert) expect(list.remove(item)).toBe(model.delete(item));
      else if (!model.has(item)) {
        model.add(item);
        list.insert(item);
      }
    }
    const sorted = [...model].sort(order);
    const seen: number[] = [];
    list.scan({ from: 0, to: list.size }, (item) => {
      seen.push(item);
      return false;
    });
    expect(seen).toEqual(sorted);
    expect(list.size).toBe(sorted.length);
    const middle = sorted.length >> 1;
    expect(list.at(middle)).toBe(sorted[middle]);
    const bound = sorted[middle] ?? 0;
    expect(list.partition((item) => item < bound)).toBe(middle);
  });
  fc.assert(property, { numRuns: 60 });
});

test('a scan reads a range and stops when the visitor has enough', () => {
  const list = createOrderedList(byTens);
  for (let item = 0; item < 5_000; item += 1) list.insert((item * 7) % 5_000);
  const seen: number[] = [];
  expect(
    list.scan({ from: 1_000, to: 4_000 }, (item) => {
      seen.push(item);
      return item === 2_999;
    }),
  ).toBe(true);
  expect([seen[0], seen.length]).toEqual([1_000, 2_000]);
  expect(list.scan({ from: 10, to: 10 }, () => true)).toBe(false);
  expect(list.at(5_000)).toBeUndefined();
  expect(list.partition(() => true)).toBe(5_000);
  expect(list.remove(9_999)).toBe(false);
});
