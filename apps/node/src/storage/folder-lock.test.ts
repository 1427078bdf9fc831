import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockFolder } from './folder-lock.ts';

it('gives a folder to one holder at a time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-lock-'));
  const unlock = await lockFolder(folder);
  await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await unlock();
  const again = await lockFolder(folder);
  await again();
  rmSync(folder, { recursive: true, force: true });
});
