import { limits } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { until } from '../testing/until.ts';
import { createDelivery } from './delivery.ts';

const quiet = { onDone: () => {}, onError: () => {}, onDrop: () => {} };

describe('a delivery', () => {
  it('is bounded in bytes, too', () => {
    const half = limits.busQueueBytes / 2;
    const handler = () => new Promise<void>(() => {});
    const refusing = createDelivery<string>({ ...quiet, handler, whenFull: 'refuse' });
    expect([refusing.offer('a', half), refusing.offer('b', half)]).toEqual([true, true]);
    expect(refusing.offer('c', 1)).toBe(false);
    let dropped = 0;
    const onDrop = () => {
      dropped += 1;
    };
    const dropping = createDelivery<string>({ ...quiet, handler, onDrop, whenFull: 'drop-oldest' });
    for (const name of ['a', 'b', 'c']) expect(dropping.offer(name, half)).toBe(true);
    expect([dropped, dropping.waiting()]).toEqual([1, 2]);
  });

  it('may be closed from inside its own handler', async () => {
    const got: string[] = [];
    const delivery = createDelivery<string>({
      ...quiet,
      whenFull: 'refuse',
      handler(message) {
        got.push(message);
        void delivery.close();
      },
    });
    delivery.offer('first', 1);
    delivery.offer('second', 1);
    await until(() => got.length > 0, 'the first was handled');
    await delivery.close();
    expect(got).toEqual(['first']);
    expect(delivery.offer('third', 1)).toBe(false);
  });
});
