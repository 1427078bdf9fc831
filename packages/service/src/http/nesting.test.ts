import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNestedBeyond, nestingMax } from './nesting.ts';

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('the nesting of a body', () => {
  it('may be as deep as the limit and no deeper, in lists and objects', () => {
    expect(isNestedBeyond(nested(nestingMax))).toBe(false);
    expect(isNestedBeyond(nested(nestingMax + 1))).toBe(true);
    expect(isNestedBeyond(`${'{"a":'.repeat(nestingMax + 1)}1${'}'.repeat(nestingMax + 1)}`)).toBe(
      true,
    );
    expect(isNestedBeyond(`{"a":[${'[],'.repeat(5_000)}1]}`)).toBe(false);
  });

  it('does not count what stands inside of texts', () => {
    expect(isNestedBeyond(JSON.stringify({ a: `"\\${nested(2_000)}` }))).toBe(false);
    expect(isNestedBeyond(`{"\\"${'['.repeat(2_000)}`)).toBe(false);
  });

  it('is that of the value, for any value', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null
        ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
        : 0;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat({ max: 6 }), (value, max) => {
        expect(isNestedBeyond(JSON.stringify(value), max)).toBe(depthOf(value) > max);
      }),
    );
  });
});
