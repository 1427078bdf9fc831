import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReplayTable } from './replay-table.ts';

const options = { streams: 4, lifetimeMs: 1_000 };

describe('the table of replays', () => {
  it('takes every number at most once, and each within 1,024 of the highest exactly once', () => {
    const numbers = fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 300 });
    void fc.assert(
      fc.property(numbers, (sequences) => {
        const table = createReplayTable(options);
        const taken = new Set<number>();
        let highest = 0;
        for (const sequence of sequences) {
          const isNear = highest === 0 || sequence > highest - 1_024;
          const wanted = taken.has(sequence) ? 'seen' : 'new';
          const found = table.look('a', sequence, 0);
          expect(found).toBe(isNear ? wanted : 'late');
          if (found !== 'new') continue;
          table.mark('a', sequence, 0);
          taken.add(sequence);
          highest = Math.max(highest, sequence);
        }
      }),
    );
  });

  it('remembers nothing that was only looked at', () => {
    const table = createReplayTable(options);
    expect(table.look('a', 1, 0)).toBe('new');
    expect(table.look('a', 1, 0)).toBe('new');
    expect(table.size()).toBe(0);
  });

  it('refuses newcomers when it is full, keeps those it knows, and forgets only in time', () => {
    const table = createReplayTable(options);
    for (const [at, stream] of ['a', 'b', 'c', 'd'].entries()) table.mark(stream, 1, at);
    expect(table.look('e', 1, 900)).toBe('full');
    expect(table.look('a', 1, 900)).toBe('seen');
    table.mark('a', 2, 900);
    expect(table.look('e', 1, 1_001)).toBe('new'); // b is old enough, a is not
    expect(table.look('a', 1, 1_001)).toBe('seen');
    expect(table.size()).toBe(3);
  });
});
