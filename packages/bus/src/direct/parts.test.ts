import { createManualClock } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import { createPenalties } from './penalties.ts';
import { addWithResolvers } from './with-resolvers.ts';

describe('penalties', () => {
  it('add up per peer and are forgiven with time', () => {
    const clock = createManualClock();
    const penalties = createPenalties(clock);
    for (let at = 0; at < 8; at += 1) penalties.add('liar');
    expect(penalties.scoreOf('liar')).toBe(-80);
    expect(penalties.scoreOf('other')).toBeCloseTo(0);
    clock.advance(10_000);
    expect(penalties.scoreOf('liar')).toBe(-40);
    for (let at = 0; at < 1_100; at += 1) penalties.add(`peer ${at}`);
    expect(penalties.scoreOf('liar')).toBeCloseTo(0);
    expect(penalties.scoreOf('peer 1099')).toBe(-10);
  });
});

describe('Promise.withResolvers', () => {
  it('is there afterwards and works', async () => {
    addWithResolvers();
    const make = Reflect.get(Promise, 'withResolvers').bind(Promise);
    const [kept, broken] = [make(), make()];
    kept.resolve('kept');
    broken.reject(new Error('broken'));
    expect(await kept.promise).toBe('kept');
    await expect(broken.promise).rejects.toThrow('broken');
  });
});
