import { expect, it } from 'vitest';
import { createFinalLayer } from './layer.ts';

const bytes = (value: number): Uint8Array => Uint8Array.of(value);

it('shows the newest final write, and the store where nothing was written since', () => {
  const stored = new Map([
    ['a', bytes(1)],
    ['b', bytes(2)],
  ]);
  const layer = createFinalLayer({ get: (key) => stored.get(key) });
  layer.push(7, new Map([['a', bytes(3)]]));
  layer.push(8, new Map([['a', bytes(4)]]));
  expect([layer.get('a'), layer.get('b'), layer.get('c')]).toEqual([bytes(4), bytes(2), undefined]);
});

it('shows the head while the store moves on under it', () => {
  const stored = new Map<string, Uint8Array>();
  const layer = createFinalLayer({ get: (key) => stored.get(key) });
  const heads = [
    { a: 3, b: 5 },
    { a: 4, b: 5 },
    { a: 4, b: 6 },
  ].map((head) => new Map(Object.entries(head).map(([key, value]) => [key, bytes(value)])));
  const shown = () => ['a', 'b'].map((key) => layer.get(key));
  const expected = [...(heads[2] as Map<string, Uint8Array>).values()];
  for (const [at, head] of heads.entries()) layer.push(7 + at, head);
  for (const [at, head] of heads.entries()) {
    for (const [key, value] of head) {
      stored.set(key, value);
      expect(shown()).toEqual(expected);
    }
    layer.forget(7 + at);
    expect(shown()).toEqual(expected);
  }
});

it('asks the store once for what it was asked often, and never for what was just stored', () => {
  const asked: string[] = [];
  const layer = createFinalLayer({
    get(key) {
      asked.push(key);
      return bytes(1);
    },
  });
  layer.push(7, new Map([['b', bytes(2)]]));
  layer.forget(7);
  for (const value of [layer.get('a'), layer.get('a')]) expect(value).toEqual(bytes(1));
  expect(layer.get('b')).toEqual(bytes(2));
  expect(asked).toEqual(['a']);
});

it('keeps a bounded number of entries of the store', () => {
  let asked = 0;
  const layer = createFinalLayer({
    get() {
      asked += 1;
      return bytes(1);
    },
  });
  for (let key = 0; key < 20_000; key += 1) layer.get(`${key}`);
  asked = 0;
  layer.get('0');
  layer.get('19999');
  expect(asked).toBe(1);
});
