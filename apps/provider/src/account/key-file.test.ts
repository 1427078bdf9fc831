import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadKey, loadToken } from './key-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'provider-key-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('a key file', () => {
  it('is made once, readable by its owner only, and gives the same key again', () => {
    const path = join(dir, 'new', 'seller.key');
    const first = loadKey(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadKey(path)).toEqual(first);
    expect(loadToken(path)).toBe(readFileSync(path, 'utf8').trim());
  });

  it.each(['', 'abc', 'zz'.repeat(32), 'ab'.repeat(33)])('is STORE_CORRUPT as %j', (text) => {
    const path = join(dir, 'broken.key');
    writeFileSync(path, text);
    expect(() => loadKey(path)).toThrow(
      expect.objectContaining({
        code: 'STORE_CORRUPT',
        facts: expect.objectContaining({ what: path }),
      }),
    );
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});
