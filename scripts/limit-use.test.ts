import { describe, expect, it } from 'vitest';
import { readTexts } from './check-rings.mjs';
import { unusedLimits } from './limit-use.mjs';
import { readTree } from './rings/tree.mjs';
import { ROOT } from './run-command.mjs';

const table =
  'export const limits = Object.freeze({\n  jobCount: 3,\n  waitMs: 30_000, // why\n});\n';

function unusedIn(path: string, text: string): string[] {
  return unusedLimits(readTree({ 'packages/protocol/src/limits.ts': table, [path]: text }));
}

describe('every limit of this repository', () => {
  it('is in use; remove the others from the table', () => {
    expect(unusedLimits(readTree(readTexts(ROOT)))).toEqual([]);
  });
});

describe('a limit is in use', () => {
  it.each([
    ['as a member', 'if (size > limits.jobCount) stop(limits.waitMs);'],
    ['as a member under another name', 'const bounds = limits;\nbounds.jobCount + bounds.waitMs;'],
    ['when it is taken out', 'const { jobCount, waitMs: limitMs } = limits;'],
    ['when it is taken out of a choice', 'const { jobCount, waitMs } = own ?? protocolLimits;'],
  ])('%s', (_, text) => {
    expect(unusedIn('apps/node/src/a.ts', text)).toEqual([]);
  });

  it.each([
    ['in a test', 'apps/node/src/a.test.ts', 'limits.jobCount + limits.waitMs;'],
    ['in a script', 'scripts/a.mjs', 'limits.jobCount + limits.waitMs;'],
    ['as a name of its own', 'apps/node/src/a.ts', 'const jobCount = params.waitMs;'],
    ['in a comment', 'apps/node/src/a.ts', '/** Default `limits.jobCount`, limits.waitMs. */'],
    [
      'when something else is taken apart',
      'apps/node/src/a.ts',
      'const { jobCount, waitMs } = job;',
    ],
  ])('but not %s', (_, path, text) => {
    expect(unusedIn(path, text)).toEqual(['jobCount', 'waitMs']);
  });
});
