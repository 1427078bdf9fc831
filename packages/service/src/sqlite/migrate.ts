/**
 * Numbered, forward-only migrations. Each is one SQL script, runs in one transaction, and is recorded
 * with the SHA-256 of its text. A file written by a newer program, or a migration whose text was
 * changed after it ran, is refused: guessing would corrupt what people stored.
 */
import { hex, sha256, utf8 } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import type { Sqlite } from './sqlite.ts';

/** One step of the schema. Its number is its place in the list, from 1. */
export interface Migration {
  readonly name: string;
  /** SQL script. */
  readonly up: string;
}

/** A step that ran, as the database has it. */
export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/** Brings the database to the newest schema; returns how many steps ran. Throws STORE_CORRUPT. */
export function migrate(
  store: Pick<Sqlite, 'exec' | 'prepare' | 'transaction'>,
  migrations: readonly Migration[],
): number {
  store.exec(
    'create table if not exists schema_migrations (number integer primary key, name text not null, checksum text not null) strict',
  );
  const applied = store
    .prepare<AppliedMigration>(
      'select number, name, checksum from schema_migrations order by number',
    )
    .all();
  assertApplied(applied, migrations);
  const record = store.prepare('insert into schema_migrations values (?, ?, ?)');
  const fresh = migrations.slice(applied.length);
  fresh.forEach((migration, index) => {
    store.transaction(() => {
      store.exec(migration.up);
      record.run(applied.length + index + 1, migration.name, checksumOf(migration));
    });
  });
  return fresh.length;
}

/** Throws STORE_CORRUPT when a step that ran is not the known one. */
export function assertApplied(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): void {
  applied.forEach((row, index) => {
    assertSame(row, migrations[index], index + 1);
  });
}

/** SHA-256 of a step's text, hex. */
export function checksumOf(migration: Migration): string {
  return hex(sha256(utf8(migration.up.trim())));
}

function assertSame(row: AppliedMigration, known: Migration | undefined, number: number): void {
  const what = 'the database schema';
  if (!known || row.number !== number) {
    const reason = `step ${row.number} "${row.name}" is not known to this version; use a newer one`;
    throw new AppError('STORE_CORRUPT', { what, reason });
  }
  if (row.name !== known.name || row.checksum !== checksumOf(known)) {
    const reason = `step ${number} "${row.name}" was changed after it ran`;
    throw new AppError('STORE_CORRUPT', { what, reason });
  }
}
