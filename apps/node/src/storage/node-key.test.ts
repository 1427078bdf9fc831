import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeKeyName, openNodeKey } from './node-key.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-key-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('makes a key for its owner alone and keeps it', async () => {
  const data = join(folder, 'data');
  const { publicKey } = await openNodeKey(data);
  expect(statSync(join(data, nodeKeyName)).mode & 0o777).toBe(0o600);
  expect((await openNodeKey(data)).publicKey).toBe(publicKey);
  expect((await openNodeKey(join(folder, 'other'))).publicKey).not.toBe(publicKey);
});

it('refuses a key that others may read, or that is none', async () => {
  const refused = expect.objectContaining({ code: 'CONFIG_INVALID' });
  await openNodeKey(folder);
  chmodSync(join(folder, nodeKeyName), 0o640);
  await expect(openNodeKey(folder)).rejects.toEqual(refused);
  rmSync(join(folder, nodeKeyName));
  writeFileSync(join(folder, nodeKeyName), '', { mode: 0o600 });
  await expect(openNodeKey(folder)).rejects.toEqual(refused);
});
