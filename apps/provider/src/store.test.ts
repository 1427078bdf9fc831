import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, openSqlite } from '@aitbc/service';
import { expect, test } from 'vitest';
import { migrations } from './migrations.ts';
import { openProviderStore } from './store.ts';

const id = (byte: string) => byte.repeat(32);

test('jobs and receipts of a database with the older order are all there afterwards', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-store-'));
  const path = join(folder, 'provider.db');
  const old = await openSqlite(path, { durability: 'normal' });
  migrate(old, migrations.slice(0, 3));
  const job = old.prepare("insert into jobs values (?, ?, ?, ?, ?, 32, 20, 7, '27', ?, ?, ?, ?)");
  job.run(...[id('bb'), id('c1'), id('0f'), id('d1'), 'complete', 5, 9, null, null]);
  job.run(...[id('aa'), id('c1'), id('0f'), id('d2'), 'running', 6, null, 16, id('ee')]);
  const receipt = old.prepare('insert into receipts values (?, ?, ?)');
  for (const place of [1, 0]) receipt.run(id('bb'), place, `{"place":${place}}`);
  await old.close();

  const store = await openProviderStore(path, id('99'));
  expect(store.job(id('bb'))).toEqual({
    ...{ jobId: id('bb'), channelId: id('c1'), offerId: id('0f'), bodyDigest: id('d1') },
    ...{ resume: undefined, outcome: 'complete', tokensCovered: 32, delivered: 20 },
    ...{ promptTokens: 7, charged: 27n },
  });
  expect(store.runningJobs()).toMatchObject([
    { jobId: id('aa'), resume: { from: 16, prefixHash: id('ee') } },
  ]);
  expect(store.receipts(id('bb'))).toEqual([{ place: 0 }, { place: 1 }]);
  expect(store.receipts(id('aa'))).toEqual([]);
  expect(store.totals()).toEqual({ jobs: 1, outputTokens: 20 });
  store.prune(10);
  expect(store.receipts(id('bb'))).toEqual([]);
  await store.close();
  rmSync(folder, { recursive: true });
});
