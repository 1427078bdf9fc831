import { describe, expect, it } from 'vitest';
import { createCircuitBreaker } from './circuit-breaker.ts';

const options = { crashesMax: 3, windowMs: 60_000, openMs: 10_000, openMsMax: 30_000 };

function crashed(...atMs: readonly number[]) {
  const breaker = createCircuitBreaker(options);
  for (const time of atMs) breaker.crashed(time);
  return breaker;
}

describe('a circuit breaker', () => {
  it('opens with the third crash in a minute, for ten seconds', () => {
    expect(crashed(0, 1_000).state(1_000)).toBe('closed');
    const breaker = crashed(0, 1_000, 2_000);
    expect([breaker.state(2_000), breaker.state(11_999)]).toEqual(['open', 'open']);
    expect(breaker.opensForMs(5_000)).toBe(7_000);
    expect([breaker.state(12_000), breaker.opensForMs(12_000)]).toEqual(['half-open', 0]);
  });

  it('forgets crashes that are older than the window', () => {
    expect(crashed(0, 50_000, 60_000).state(60_000)).toBe('closed');
  });

  it('closes when a test works, and only then', () => {
    const breaker = crashed(0, 1, 2);
    breaker.worked(5_000);
    expect(breaker.state(5_000)).toBe('open');
    breaker.worked(10_002);
    expect(breaker.state(10_002)).toBe('closed');
  });

  it('stays open twice as long each time its test fails, up to a limit', () => {
    const breaker = crashed(0, 1, 2);
    const openMs = [10_002, 30_002, 60_002, 90_002].map((atMs) => {
      expect(breaker.state(atMs)).toBe('half-open');
      breaker.crashed(atMs);
      return breaker.opensForMs(atMs);
    });
    expect(openMs).toEqual([20_000, 30_000, 30_000, 30_000]);
  });

  it('is as patient as at first after a window in peace', () => {
    const breaker = crashed(0, 1, 2);
    breaker.worked(10_002);
    for (const atMs of [80_000, 80_001, 80_002]) breaker.crashed(atMs);
    expect(breaker.opensForMs(80_002)).toBe(10_000);
    breaker.worked(90_002);
    for (const atMs of [90_003, 90_004, 90_005]) breaker.crashed(atMs);
    expect(breaker.opensForMs(90_005)).toBe(20_000);
  });

  it('does not count the crashes of jobs that still run while it is open', () => {
    const breaker = crashed(0, 1, 2, 3, 4, 5);
    expect(breaker.opensForMs(5)).toBe(9_997);
  });
});
