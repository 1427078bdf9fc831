import { until } from '@aitbc/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migratePostgres, postgresText } from './migrate.ts';
import { openPostgres, type Postgres } from './postgres.ts';
import {
  hasPostgresServer,
  noPostgresReason,
  type PostgresServer,
  startPostgresServer,
} from './testing.ts';

test('a migration for SQLite becomes one for PostgreSQL', () => {
  expect(
    postgresText(
      'create table t (n integer primary key) strict, without rowid;\ncreate table u (a text) strict;',
    ),
  ).toBe('create table t (n bigint primary key);\ncreate table u (a text);');
});

test('a server that is not there is said to be unavailable, without the password', async () => {
  const opening = openPostgres('postgres://me:secret@127.0.0.1:1/none');
  await expect(opening).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(opening).rejects.not.toThrow(/secret/);
});

describe.skipIf(!hasPostgresServer())(`a server (${noPostgresReason})`, () => {
  let server: PostgresServer;
  let url: string;

  beforeAll(async () => {
    server = await startPostgresServer();
  }, 60_000);
  afterAll(() => server?.close());
  beforeEach(async () => {
    url = await server.createDatabase();
  });

  async function using(work: (postgres: Postgres) => Promise<void>): Promise<void> {
    const postgres = await openPostgres(url, { connections: 2 });
    try {
      await work(postgres);
    } finally {
      await postgres.close();
    }
  }

  test('whole numbers come back as numbers', () =>
    using(async ({ db }) => {
      const { rows } = await sql<{ n: number }>`select ${2 ** 53 - 1}::bigint as n`.execute(db);
      expect(rows).toEqual([{ n: Number.MAX_SAFE_INTEGER }]);
    }));

  test('migrations run once, in order, also when two processes start together', () =>
    using(async (postgres) => {
      const steps = [
        { name: 'coin', up: 'create table coin (id text primary key, n integer not null) strict;' },
        { name: 'more', up: 'create table more (n integer) strict; insert into more values (1);' },
      ];
      const ran = await Promise.all([
        migratePostgres(postgres, steps),
        migratePostgres(postgres, steps),
      ]);
      expect(ran.sort()).toEqual([0, 2]);
      const refused = { code: 'STORE_CORRUPT' };
      await expect(migratePostgres(postgres, steps.slice(0, 1))).rejects.toMatchObject(refused);
      const changed = [{ name: 'coin', up: 'create table coin (id text)' }];
      await expect(migratePostgres(postgres, changed)).rejects.toMatchObject(refused);
      const failing = [
        ...steps,
        { name: 'bad', up: 'create table half (x integer) strict; bogus' },
      ];
      await expect(migratePostgres(postgres, failing)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      const { rows } = await sql`select to_regclass('half') as half`.execute(postgres.db);
      expect(rows).toEqual([{ half: null }]);
    }));

  test('a server that may lose commits is refused', async () => {
    await using((postgres) => postgres.exec(`alter role aitbc set synchronous_commit = off`));
    try {
      await expect(openPostgres(url)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    } finally {
      const admin = `${url}?options=-c%20synchronous_commit%3Don`;
      const postgres = await openPostgres(admin, { connections: 1 });
      await postgres.exec('alter role aitbc reset synchronous_commit');
      await postgres.close();
    }
  });

  test('notices are heard, also after the server died and came back', async () => {
    await using(async (postgres) => {
      const heard: string[] = [];
      await postgres.listen('some channel', (payload) => void heard.push(payload));
      expect(heard).toEqual(['']);
      const notify = (text: string) =>
        sql`select pg_notify('some channel', ${text})`.execute(postgres.db);
      await notify('a');
      await until(() => heard.includes('a'));
      await server.kill();
      await server.start();
      await until(() => heard.filter((text) => text === '').length === 2, { timeoutMs: 20_000 });
      await until(() => notify('b').then(() => true));
      await until(() => heard.includes('b'));
    });
  });
});
