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

it('forgets what is stored and keeps what is not', () => {
  const stored = new Map<string, Uint8Array>();
  const layer = createFinalLayer({ get: (key) => stored.get(key) });
  layer.push(
    7,
    new Map([
      ['a', bytes(3)],
      ['b', bytes(5)],
    ]),
  );
  layer.push(8, new Map([['a', bytes(4)]]));
  stored.set('b', bytes(6)); // as if the store had moved on
  expect(layer.get('b')).toEqual(bytes(5));
  layer.forget(7);
  expect(layer.get('a')).toEqual(bytes(4));
  expect(layer.get('b')).toEqual(bytes(6));
  layer.forget(8);
  expect(layer.get('a')).toBeUndefined();
});
