import { mkdtempSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import type { DriverName } from './seam.ts';
import { openSqlite, type Sqlite } from './sqlite.ts';

interface Tables {
  coin: { id: string; amount: string };
}

const open: Sqlite<Tables>[] = [];
const folder = () => mkdtempSync(join(tmpdir(), 'aitbc-sqlite-'));
const bytes = () => Uint8Array.of(1, 0, 255);
const drivers: DriverName[] = ['libsql'];
if (isBuiltin('node:sqlite')) drivers.push('node:sqlite');

const steps = [
  { name: 'coin', up: 'create table coin (id text primary key, amount text not null) strict' },
];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

describe.each(drivers)('%s', (driver) => {
  async function store(path = ':memory:') {
    const opened = await openSqlite<Tables>(path, { durability: 'normal', driver });
    open.push(opened);
    return opened;
  }

  async function filled(path?: string) {
    const opened = await store(path);
    migrate(opened, steps);
    return opened;
  }

  test('Kysely and raw statements work on the same file, and it survives a reopen', async () => {
    const path = join(folder(), 'a.db');
    const first = await filled(path);
    await first.db.insertInto('coin').values({ id: 'a', amount: '18446744073709551615' }).execute();
    expect(first.prepare('select amount from coin where id = ?').get('a')).toEqual({
      amount: '18446744073709551615',
    });
    await first.close();
    const second = await filled(path);
    expect(await second.db.selectFrom('coin').selectAll().execute()).toHaveLength(1);
    expect(second.prepare('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(second.prepare('pragma foreign_keys').get()).toEqual({ foreign_keys: 1 });
  });

  test('full durability reaches the pragma', async () => {
    const path = join(folder(), 'a.db');
    const full = await openSqlite<Tables>(path, { durability: 'full', driver });
    open.push(full);
    expect(full.prepare('pragma synchronous').get()).toEqual({ synchronous: 2 });
  });

  test('a transaction keeps all of its work or nothing', async () => {
    const opened = await filled();
    const insert = opened.prepare('insert into coin values (?, ?)');
    const count = () => opened.prepare('select count(*) as n from coin').get()?.n;
    expect(opened.transaction(() => insert.run('a', '1').changes)).toBe(1);
    const broken = () =>
      opened.transaction(() => {
        insert.run('b', '1');
        insert.run('a', '2');
      });
    expect(broken).toThrow(expect.objectContaining({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' }));
    expect(count()).toBe(1);
    const kysely = opened.db.transaction().execute(async (tx) => {
      await tx.insertInto('coin').values({ id: 'c', amount: '1' }).execute();
      throw new Error('undo');
    });
    await expect(kysely).rejects.toThrow('undo');
    expect(count()).toBe(1);
  });

  test('a synchronous transaction is refused while a Kysely one is open', async () => {
    const opened = await filled();
    await opened.db.transaction().execute(async (tx) => {
      await tx.insertInto('coin').values({ id: 'c', amount: '1' }).execute();
      expect(() => opened.transaction(() => 1)).toThrow('another transaction');
    });
    expect(opened.transaction(() => 1)).toBe(1);
  });

  test.each([
    ['a boolean', true],
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['text with a NUL', 'a\0b'],
    ['a bigint above 64 bits', 2n ** 63n],
    ['an object', {}],
    ['a date', new Date()],
  ])('%s as a parameter is refused before it reaches the driver', async (_name, value) => {
    const opened = await filled();
    const statement = opened.prepare('select ? as x');
    expect(() => statement.get(value as never)).toThrow(TypeError);
    const id = value as never;
    const query = opened.db.insertInto('coin').values({ id, amount: '1' });
    if (value !== undefined) await expect(query.execute()).rejects.toThrow(TypeError);
  });

  test('values of every kind come back as they went in', async () => {
    const opened = await store();
    const row = opened
      .prepare('select ? as t, ? as n, ? as z, ? as b')
      .get('ä', 1.5, null, bytes());
    expect(row).toMatchObject({ t: 'ä', n: 1.5, z: null });
    expect(row?.b).toEqual(bytes());
    expect(Object.keys(row ?? {})).toEqual(['t', 'n', 'z', 'b']);
  });

  test('a hundred thousand statements, scripts and fresh statements mixed, neither crash nor lose a row', async () => {
    const opened = await filled(join(folder(), 'load.db'));
    const insert = opened.prepare('insert into coin values (?, ?)');
    const select = opened.prepare<{ amount: string }>('select amount from coin where id = ?');
    for (let round = 0; round < 500; round += 1) {
      opened.exec('begin');
      for (let index = 0; index < 95; index += 1) {
        const id = `${round}.${index}`;
        insert.run(id, String(index));
        expect(select.get(id)?.amount).toBe(String(index));
      }
      opened.exec(`create table t${round} (x integer); insert into t${round} values (${round})`);
      const fresh = opened.prepare<{ x: number }>(`select x from t${round}`);
      expect(fresh.get()?.x).toBe(round);
      opened.exec('commit');
      expect(() => insert.run(`${round}.0`, 'again')).toThrow('UNIQUE');
      opened.exec(`drop table t${round}`);
      expect(() => fresh.get()).toThrow('no such table');
    }
    expect(opened.prepare('select count(*) as n from coin').get()).toEqual({ n: 47_500 });
    expect(opened.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
  });

  test('a backup is a whole database of its own', async () => {
    const dir = folder();
    const opened = await filled(join(dir, 'a.db'));
    opened.prepare('insert into coin values (?, ?)').run('a', '1');
    opened.backup(join(dir, 'b.db'));
    const copy = await filled(join(dir, 'b.db'));
    expect(copy.prepare('select * from coin').all()).toEqual([{ id: 'a', amount: '1' }]);
  });

  test('a closed database refuses, and closing twice is harmless', async () => {
    const opened = await filled();
    const statement = opened.prepare('select * from coin');
    await opened.close();
    await opened.close();
    expect(() => statement.all()).toThrow('closed');
    expect(() => opened.exec('select 1')).toThrow('closed');
  });

  test('a file that is no database is STORE_CORRUPT', async () => {
    const path = join(folder(), 'bad.db');
    writeFileSync(
      path,
      'this is not a database, but it is long enough to be read as one'.repeat(40),
    );
    await expect(store(path)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('migrations run once and in order', async () => {
    const path = join(folder(), 'm.db');
    const first = await store(path);
    expect(migrate(first, steps)).toBe(1);
    expect(migrate(first, steps)).toBe(0);
    const more = [...steps, { name: 'memo', up: 'alter table coin add column memo text' }];
    expect(migrate(first, more)).toBe(1);
    expect(first.prepare('select number, name from schema_migrations').all()).toEqual([
      { number: 1, name: 'coin' },
      { number: 2, name: 'memo' },
    ]);
  });

  test('a changed or an unknown migration is refused, a failing one leaves nothing', async () => {
    const opened = await filled();
    const changed = [{ name: 'coin', up: 'create table coin (id text)' }];
    const refused = expect.objectContaining({ code: 'STORE_CORRUPT' });
    expect(() => migrate(opened, changed)).toThrow(refused);
    expect(() => migrate(opened, [])).toThrow(refused);
    const failing = [...steps, { name: 'bad', up: 'create table half (x integer); bogus' }];
    expect(() => migrate(opened, failing)).toThrow('syntax error');
    expect(opened.prepare("select name from sqlite_master where name = 'half'").all()).toEqual([]);
  });
});
