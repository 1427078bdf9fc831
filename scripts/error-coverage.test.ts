import { describe, expect, it } from 'vitest';
import { readTexts } from './check-rings.mjs';
import { codesOf, provokedIn, TABLE_FOLDER, uncovered } from './error-mentions.mjs';
import { tokenize } from './rings/scan.mjs';
import { readTree } from './rings/tree.mjs';
import { ROOT } from './run-command.mjs';

const known = new Set(['NOT_FOUND', 'TIMEOUT']);

function provoked(source: string): string[] {
  return provokedIn(tokenize(source), known);
}

describe('every error code of this repository', () => {
  const texts: Record<string, string> = readTexts(ROOT);
  const files = Object.keys(texts).filter((path) => path.startsWith(TABLE_FOLDER));
  const codes: string[] = files.flatMap((path) => codesOf(texts[path] ?? ''));
  const { unused, unprovoked } = uncovered(codes, readTree(texts));

  it('is read from the table', () => {
    expect(codes.length).toBeGreaterThan(90);
    expect(codes).toContain('BAD_REQUEST');
  });

  it('is used by the product; remove the others from the table', () => {
    expect(unused).toEqual([]);
  });

  it('has a test that provokes it and names it in an expectation', () => {
    expect(unprovoked).toEqual([]);
  });
});

describe('a code counts as provoked', () => {
  it.each([
    ['in a matcher', `expect(await codeOf()).toBe('NOT_FOUND');`],
    ['deep in a matcher', `await expect(run()).rejects.toMatchObject({ code: 'NOT_FOUND' });`],
    ['in a helper', `await expectRefused(socket, 'NOT_FOUND');`],
    ['in an assert', `assert.equal(error.code, 'NOT_FOUND');`],
    ['in a longer text', `expect(reason).toBe('row 1: NOT_FOUND');`],
    ['in a pattern', `expect(run).toThrow(/NOT_FOUND/);`],
    ['in rows of a table', `it.each([['a', 'NOT_FOUND']])('%s', (_, code) => expect(code));`],
    ['in rows of a loop', `for (const [code] of [['NOT_FOUND']]) check(code);`],
    ['in a constant', `const gone = { code: 'NOT_FOUND' };\nexpect(answer).toMatchObject(gone);`],
    ['in a constant of rows', `const rows = [['NOT_FOUND']];\nit.each(rows)('%s', check);`],
  ])('%s', (_, source) => {
    expect(provoked(source)).toEqual(['NOT_FOUND']);
  });

  it.each([
    ['in a comment', `expect(1).toBe(1); // NOT_FOUND`],
    ['in the title of a test', `it('answers NOT_FOUND', () => expect(1).toBe(1));`],
    ['in what a fake answers', `answers.next = { code: 'NOT_FOUND' };\nexpect(1).toBe(1);`],
    ['in a constant that nobody expects', `const gone = { code: 'NOT_FOUND' };\nsend(gone);`],
    [
      'when the test makes the error itself',
      `const gone = () => { throw new AppError('NOT_FOUND'); };\nexpect(gone).toThrow('NOT_FOUND');`,
    ],
    ['as part of another word', `expect(code).toBe('JOB_NOT_FOUND');`],
  ])('but not %s', (_, source) => {
    expect(provoked(source)).toEqual([]);
  });
});

describe('a code counts as used', () => {
  const table = `  NOT_FOUND: [404, 4, false, 'x'],\n  TIMEOUT: [504, 7, true, 'y'],\n`;
  const unusedIn = (path: string, text: string) =>
    uncovered(codesOf(table), readTree({ [`${TABLE_FOLDER}general.ts`]: table, [path]: text }))
      .unused;

  it('when the product holds it', () => {
    expect(unusedIn('apps/node/src/a.ts', `refuse('NOT_FOUND')`)).toEqual(['TIMEOUT']);
    expect(unusedIn('apps/node/src/a.ts', `table = ['NOT_FOUND', 'TIMEOUT']`)).toEqual([]);
  });

  it.each([
    ['in a test', 'apps/node/src/a.test.ts', `refuse('NOT_FOUND')`],
    ['in test support', 'apps/node/src/testing/a.ts', `refuse('NOT_FOUND')`],
    ['in a script', 'scripts/a.mjs', `refuse('NOT_FOUND')`],
    ['in an experiment', 'experiments/a.mjs', `refuse('NOT_FOUND')`],
    ['in a comparison', 'cli/src/a.ts', `if (code === 'NOT_FOUND') return;`],
    ['in a case', 'cli/src/a.ts', `switch (code) { case 'NOT_FOUND': return; }`],
    ['in a comment', 'cli/src/a.ts', `/** Throws 'NOT_FOUND'. */`],
  ])('but not %s', (_, path, text) => {
    expect(unusedIn(path, text)).toContain('NOT_FOUND');
  });
});
