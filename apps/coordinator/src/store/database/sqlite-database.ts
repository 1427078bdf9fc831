/** The coordinator's database in one SQLite file, which belongs to one process. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Migration, migrate, openSqlite, type Sqlite, type Statement } from '@aitbc/service';
import { sql } from 'kysely';
import type { Tables } from '../schema.ts';
import type { BulkInsert, BulkUpdate, Cell, Database, Trouble } from './database.ts';

/** Pages of a million jobs' indexes come and go in SQLite's 2 MiB; measured: a fifth less CPU. */
const cacheKib = 32_768;
/** 32 MiB of log: a page that many groups change is written back once; measured: half the wall time. */
const checkpointPages = 8_192;

/** Opens or creates the file and brings it to the newest schema. Throws STORE_CORRUPT. */
export async function openSqliteDatabase(
  path: string,
  migrations: readonly Migration[],
): Promise<Database> {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const sqlite = await openSqlite<Tables>(path, { durability: 'full' });
  migrate(sqlite, migrations);
  sqlite.exec(`pragma cache_size = -${cacheKib}; pragma wal_autocheckpoint = ${checkpointPages}`);
  const statements = createBulkStatements(sqlite);
  return {
    kind: 'sqlite',
    db: sqlite.db,
    lockFree: sql``,
    lock: sql``,
    async insertRows(_tx, write, rows) {
      return runAll(statements.insert(write), rows);
    },
    async updateRows(_tx, write, rows) {
      return runAll(statements.update(write), rows);
    },
    setOf: (values) => sql`(select value from json_each(${JSON.stringify(values)}))`,
    notify: async () => {},
    listen: async () => {},
    troubleOf,
    close: () => sqlite.close(),
  };
}

interface BulkStatements {
  insert(write: BulkInsert): Statement;
  update(write: BulkUpdate): Statement;
}

/** Statements by their description, made once. They run inside the transaction that is open. */
function createBulkStatements(sqlite: Sqlite<Tables>): BulkStatements {
  const made = new Map<object, Statement>();
  const take = (write: object, text: () => string): Statement => {
    const known = made.get(write);
    if (known) return known;
    const statement = sqlite.prepare(text());
    made.set(write, statement);
    return statement;
  };
  return {
    insert: (write) => take(write, () => insertText(write)),
    update: (write) => take(write, () => updateText(write)),
  };
}

function insertText({ table, columns, skipKnown }: BulkInsert): string {
  const names = Object.keys(columns);
  const holes = names.map(() => '?').join(', ');
  const onConflict = skipKnown ? ' on conflict do nothing' : '';
  return `insert into ${table} (${names.join(', ')}) values (${holes})${onConflict}`;
}

function updateText({ table, columns }: BulkUpdate): string {
  const [key, , ...set] = Object.keys(columns);
  const changes = set.map((name, at) => `${name} = ?${at + 3}`).join(', ');
  return `update ${table} set ${changes}, version = version + 1 where ${key} = ?1 and version = ?2`;
}

function runAll(statement: Statement, rows: readonly (readonly Cell[])[]): Set<Cell> {
  const written = new Set<Cell>();
  for (const row of rows) {
    if (Number(statement.run(...row).changes) > 0) written.add(row[0] ?? null);
  }
  return written;
}

function troubleOf(error: unknown): Trouble {
  const { code } = error as { code?: unknown };
  const isData = error instanceof TypeError || String(code).startsWith('SQLITE_CONSTRAINT');
  return isData ? 'data' : 'broken';
}
