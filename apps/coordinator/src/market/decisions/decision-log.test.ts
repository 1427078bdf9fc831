import type { DecisionLine } from '@aitbc/market';
import { expect, test } from 'vitest';
import { createDecisionLog, type LoggedLine } from './decision-log.ts';

const lineFor = (provider: string): DecisionLine => ({
  ...{ provider, model: 'm', offerId: 'ab'.repeat(32), rank: 0, candidates: 1 },
  ...{ factor: 'won', own: null, best: null },
});

function createTestLog(stored: readonly LoggedLine[] = []) {
  const saved: LoggedLine[][] = [];
  const store = {
    newest: () => stored,
    save: (lines: readonly LoggedLine[]) => void saved.push([...lines]),
    close: async () => {},
  };
  return { log: createDecisionLog({ epoch: 'test' }, store), saved };
}

test('a provider has at most its newest 64 lines', () => {
  const { log } = createTestLog();
  for (let number = 1; number <= 300; number += 1) log.add([lineFor('p')], number);
  const decisions = log.of('p', 100);
  expect(decisions).toHaveLength(64);
  expect(decisions[0]).toMatchObject({ atMs: 300, decisionId: 'test-300', text: 'ranked first' });
  expect(decisions.at(-1)?.atMs).toBe(237);
});

test('the provider that was looked at longest ago is forgotten first', () => {
  const { log } = createTestLog();
  log.add([lineFor('old'), lineFor('kept')], 1);
  for (let number = 0; number < 16_383; number += 1) log.add([lineFor(`p${number}`)], 2);
  expect(log.of('old', 1)).toEqual([]);
  expect(log.of('kept', 1)).toHaveLength(1);
});

test('a round stores the newest lines once, at most 512', () => {
  const { log, saved } = createTestLog();
  log.flush();
  for (let number = 1; number <= 2_000; number += 1) log.add([lineFor('p')], number);
  log.flush();
  log.flush();
  expect(saved.map((lines) => lines.length)).toEqual([512]);
  expect(saved[0]?.at(-1)?.atMs).toBe(2_000);
});

test('what the store holds is told after a restart', () => {
  const { log } = createTestLog([{ line: lineFor('p'), decisionId: 'before-1', atMs: 5 }]);
  log.add([lineFor('p')], 6);
  expect(log.of('p', 9).map(({ decisionId }) => decisionId)).toEqual(['test-1', 'before-1']);
});
