import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isErrorCode } from './errors.ts';
import { limits } from './limits.ts';

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8');
const documented = [...page.matchAll(/^\| `(\w+)` \| ([\d ]+) \| (\w+) \| (.+) \|$/gm)].map(
  ([, name, value, unit, beyond]) => ({
    name: name ?? '',
    value: Number(value?.replaceAll(' ', '')),
    unit,
    beyond: beyond ?? '',
  }),
);

/** Names say their unit: `…Bytes`, `…Ms`, `…Tokens…`; everything else counts pieces. */
function unitOf(name: string): string {
  if (/Bytes$/.test(name)) return 'bytes';
  if (/Ms(?:Min|Max)?$/.test(name)) return 'ms';
  return /Tokens/.test(name) ? 'tokens' : 'pieces';
}

describe('the limits', () => {
  it('and docs/limits.md list the same rows with the same values, in the same order', () => {
    expect(documented.map(({ name, value, unit }) => [name, value, unit])).toEqual(
      Object.entries(limits).map(([name, value]) => [name, value, unitOf(name)]),
    );
    expect(page.match(/^\| `/gm)).toHaveLength(documented.length);
  });

  it('are whole numbers above zero', () => {
    for (const [name, value] of Object.entries(limits)) {
      expect(Number.isSafeInteger(value) && value > 0, name).toBe(true);
    }
  });

  it('say what happens beyond them, in codes that exist', () => {
    for (const { name, beyond } of documented) {
      for (const [, code] of beyond.matchAll(/`([A-Z_]+)`/g)) {
        expect(isErrorCode(code), `${name}: ${code}`).toBe(true);
      }
    }
  });
});
