import { expect, it } from 'vitest';
import { countRun, summaryText } from './count-reporter.mjs';

interface Result {
  state: string;
  note?: string;
}

/** A finished module as Vitest hands it over. */
function module(results: Record<string, Result>, broken = { file: 0, suite: 0 }) {
  const errors = (count: number) => () => Array.from({ length: count }, () => new Error('broken'));
  const tests = Object.entries(results).map(([fullName, result]) => ({
    fullName,
    result: () => result,
  }));
  return {
    relativeModuleId: 'a.test.ts',
    errors: errors(broken.file),
    children: { allTests: () => tests, allSuites: () => [{ errors: errors(broken.suite) }] },
  };
}

it('counts each state, and a test that never ended as failed', () => {
  const states = ['passed', 'passed', 'failed', 'pending', 'skipped'];
  const results = Object.fromEntries(states.map((state, n) => [`test ${n}`, { state }]));
  expect(countRun([module(results)])).toMatchObject({ passed: 2, failed: 2, skipped: 1 });
});

it('counts broken files, broken hooks and errors outside tests as failed', () => {
  const modules = [module({}, { file: 1, suite: 0 }), module({}, { file: 0, suite: 2 })];
  expect(countRun(modules, { errors: [new Error('late')] })).toMatchObject({ failed: 3 });
});

it('names each skipped test with its reason before the last line', () => {
  const skipped = { 'one test': { state: 'skipped', note: 'Redis is not there' } };
  const silent = { 'other test': { state: 'skipped' } };
  const text = summaryText(countRun([module({ ...skipped, ...silent })]));
  expect(text.split('\n')).toEqual([
    '',
    'skipped:',
    '  a.test.ts > one test',
    '    Redis is not there',
    '  a.test.ts > other test',
    "    no reason given (say it with `context.skip('why')`)",
    '',
    '0 passed, 0 failed, 2 skipped',
  ]);
});

it('sums up tests that a name filter left out', () => {
  const results = { one: { state: 'skipped' }, two: { state: 'skipped' } };
  const { skips } = countRun([module(results)], { filtered: true });
  expect(skips).toEqual([{ name: '2 tests', reason: 'left out by a name filter (-t)' }]);
});
