import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite } from '@aitbc/service';
import { afterAll, expect, it } from 'vitest';
import { createTestHome } from '../testing/run-words.ts';

const home = createTestHome();
afterAll(() => home.remove());

const at = (...parts: string[]) => join(home.dir, ...parts);
const run = (...words: string[]) => home.run(['backup', ...words, '--home', home.dir, '--json']);

/** A wallet's folder with an open database, a node's folder, and the secrets of a home. */
async function fill() {
  for (const name of ['wallet', 'node', 'node/index']) mkdirSync(at(name), { recursive: true });
  for (const name of ['blocks.log', 'journal-0', 'journal-1', 'index/data.mdb', 'node.key']) {
    writeFileSync(at('node', name), name, { mode: 0o600 });
  }
  writeFileSync(at('wallet.password'), 'open sesame', { mode: 0o600 });
  const database = await openSqlite(at('wallet/wallet.db'), { durability: 'full' });
  database.exec('create table kept (id integer primary key)');
  database.exec('insert into kept values (1), (2)');
  return database;
}

async function rowsIn(file: string): Promise<number> {
  const database = await openSqlite(file, { durability: 'normal' });
  const rows = database.prepare('select id from kept').all().length;
  await database.close();
  return rows;
}

it('copies an open database as it is at that moment, keys as they are, and no vote', async () => {
  const database = await fill();
  const made = await run('create', at('monday'));
  expect(made, made.stderr).toMatchObject({ exitCode: 0 });
  const { leftOut } = JSON.parse(made.stdout);
  expect(leftOut.sort()).toEqual(
    ['blocks.log', 'index', 'journal-0', 'journal-1'].map((name) => `node/${name}`),
  );
  database.exec('insert into kept values (3)');
  await database.close();
  for (const name of ['wallet', 'node']) rmSync(at(name), { recursive: true });
  rmSync(at('wallet.password'));

  const put = await run('restore', at('monday'));
  expect(put, put.stderr).toMatchObject({ exitCode: 0 });
  expect(await rowsIn(at('wallet/wallet.db'))).toBe(2);
  expect(readFileSync(at('wallet.password'), 'utf8')).toBe('open sesame');
  expect(statSync(at('node/node.key')).mode & 0o777).toBe(0o600);
  expect(existsSync(at('node/journal-0'))).toBe(false);
});

it('takes the folders it is told, and refuses two of one name', async () => {
  const made = await run('create', at('one'), '--data-dir', at('wallet'));
  expect(JSON.parse(made.stdout)).toMatchObject({ names: ['wallet'], files: 1 });
  mkdirSync(at('other/wallet'), { recursive: true });
  const two = `${at('wallet')},${at('other/wallet')}`;
  expect(await run('create', at('two'), '--data-dir', two)).toMatchObject({ exitCode: 2 });
  expect(await run('create', at('three'), '--data-dir', at('nothing'))).toMatchObject({
    exitCode: 2,
  });
  const bare = await home.run(['backup', 'create', at('four'), '--home', at('other'), '--json']);
  expect(bare).toMatchObject({ exitCode: 0 });
  expect(existsSync(at('two'))).toBe(false);
});

it('puts nothing back from a damaged database, a file that changed, or a manifest that leads out', async () => {
  writeFileSync(at('other/wallet/wallet.db'), `SQLite format 3\0${'x'.repeat(5_000)}`);
  const damaged = await run('create', at('bad'), '--data-dir', at('other/wallet'));
  expect(damaged.stderr + damaged.stdout).toContain('STORE_CORRUPT');
  expect(existsSync(at('bad'))).toBe(false);

  const manifest = at('one/backup.json');
  const text = readFileSync(manifest, 'utf8');
  writeFileSync(manifest, text.replace(/[0-9a-f]{64}/, '0'.repeat(64)));
  const changed = await run('restore', at('one'), '--to', at('new'));
  expect(changed.stderr + changed.stdout).toContain('STORE_CORRUPT');
  writeFileSync(manifest, text.replace('wallet/wallet.db', 'wallet/../../wallet.db'));
  const outside = await run('restore', at('one'), '--to', at('new'));
  expect(outside.stderr + outside.stdout).toContain('STORE_CORRUPT');
  expect(existsSync(at('new'))).toBe(false);
});
