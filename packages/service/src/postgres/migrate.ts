/**
 * The migrations of an SQLite file on PostgreSQL: the same list, the same text.
 *
 * The texts use the portable subset (docs/adr/0007) and differ in two words: SQLite's INTEGER holds 64 bits and
 * is BIGINT here, and STRICT and WITHOUT ROWID do not exist. A lock of the database makes processes that start together wait for one
 * another; whoever comes second finds the work done.
 */

import { AppError } from '@aitbc/protocol';
import { sql } from 'kysely';
import {
  type AppliedMigration,
  assertApplied,
  checksumOf,
  type Migration,
} from '../sqlite/migrate.ts';
import { type Postgres, postgresError } from './postgres.ts';

/** Any number; the same in all processes of ours, in no other program's. */
const migrationLock = 6_182_204_417;

/** The text of a migration as PostgreSQL reads it. */
export function postgresText(script: string): string {
  return script
    .replace(/\binteger\b/g, 'bigint')
    .replace(/\)\s*strict(\s*,\s*without rowid)?\s*;/g, ');');
}

/** Brings the database to the newest schema; returns how many steps ran. Throws STORE_CORRUPT, UNAVAILABLE. */
export async function migratePostgres<T>(
  { db }: Pick<Postgres<T>, 'db'>,
  migrations: readonly Migration[],
): Promise<number> {
  try {
    return await db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(tx);
      await sql`create table if not exists schema_migrations
        (number bigint primary key, name text not null, checksum text not null)`.execute(tx);
      const { rows } = await sql<AppliedMigration>`
        select number, name, checksum from schema_migrations order by number`.execute(tx);
      assertApplied(rows, migrations);
      const fresh = migrations.slice(rows.length);
      for (const [index, migration] of fresh.entries()) {
        await sql.raw(postgresText(migration.up)).execute(tx);
        const number = rows.length + index + 1;
        await sql`insert into schema_migrations values
          (${number}, ${migration.name}, ${checksumOf(migration)})`.execute(tx);
      }
      return fresh.length;
    });
  } catch (error) {
    throw error instanceof AppError ? error : postgresError(error);
  }
}
