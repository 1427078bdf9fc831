import { expect, it } from 'vitest';
import { counted, durationText, latencyText, shortAddress, shortHash } from './wording.ts';

it('times have the unit that people compare them in', () => {
  expect([0.0851, 2.64, 9.99, 151.6, 1375].map(latencyText)).toEqual([
    '85 µs',
    '2.6 ms',
    '10.0 ms',
    '152 ms',
    '1.4 s',
  ]);
  const times = [-5, 1000, 119_000, 900_000, 3 * 3_600_000, 30 * 86_400_000];
  expect(times.map(durationText)).toEqual([
    '0 seconds',
    '1 second',
    '119 seconds',
    '15 minutes',
    '3 hours',
    '30 days',
  ]);
});

it('names keep their ends, and short ones stay whole', () => {
  expect(shortAddress(`ait1${'q'.repeat(54)}wxyz`)).toBe('ait1qqqqq…wxyz');
  expect(shortAddress('unknown')).toBe('unknown');
  expect(shortHash('ab'.repeat(32))).toBe('abababababab…');
  expect([counted(1, 'vote'), counted(2, 'vote')]).toEqual(['1 vote', '2 votes']);
});
