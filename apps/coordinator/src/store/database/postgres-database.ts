/** The coordinator's database on a PostgreSQL server, which several coordinators may share. */
import { type Migration, migratePostgres, openPostgres } from '@aitbc/service';
import { sql } from 'kysely';
import type { Tables } from '../schema.ts';
import type { BulkInsert, BulkUpdate, Cell, Database, Trouble, Tx } from './database.ts';

const channel = 'aitbc_jobs';

/** Opens the database and brings it to the newest schema. Throws STORE_CORRUPT, UNAVAILABLE, CONFIG_INVALID. */
export async function openPostgresDatabase(
  url: string,
  migrations: readonly Migration[],
  onError: (error: unknown) => void,
): Promise<Database> {
  const postgres = await openPostgres<Tables>(url, { onError });
  try {
    await migratePostgres(postgres, migrations);
  } catch (error) {
    await postgres.close();
    throw error;
  }
  return {
    kind: 'postgres',
    db: postgres.db,
    lockFree: sql`for update of jobs skip locked`,
    lock: sql`for update of jobs`,
    insertRows,
    updateRows,
    setOf: (values) => sql`(select unnest(${values}::text[]))`,
    notify: async (tx, payload) => {
      await sql`select pg_notify(${channel}, ${payload})`.execute(tx);
    },
    listen: (onNotice) => postgres.listen(channel, onNotice),
    troubleOf,
    close: () => postgres.close(),
  };
}

async function insertRows(
  tx: Tx,
  { table, columns, skipKnown }: BulkInsert,
  rows: readonly (readonly Cell[])[],
): Promise<Set<Cell>> {
  const names = Object.keys(columns);
  const list = sql.raw(names.join(', '));
  const onConflict = sql.raw(skipKnown ? 'on conflict do nothing' : '');
  const key = sql.raw(names[0] ?? '');
  const { rows: written } = await sql<{ key: Cell }>`
    insert into ${sql.raw(table)} (${list}) select ${list} from ${recordsOf(columns, rows)}
    ${onConflict} returning ${key} as key`.execute(tx);
  return new Set(written.map((row) => row.key));
}

async function updateRows(
  tx: Tx,
  { table, columns }: BulkUpdate,
  rows: readonly (readonly Cell[])[],
): Promise<Set<Cell>> {
  const [key = '', , ...set] = Object.keys(columns);
  const changes = set.map((name) => `${name} = r.${name}`).join(', ');
  const { rows: written } = await sql<{ key: Cell }>`
    update ${sql.raw(table)} set ${sql.raw(changes)}, version = ${sql.raw(table)}.version + 1
    from ${recordsOf(columns, rows)}
    where ${sql.raw(`${table}.${key} = r.${key} and ${table}.version = r.version`)}
    returning ${sql.raw(`${table}.${key}`)} as key`.execute(tx);
  return new Set(written.map((row) => row.key));
}

/** The rows as a table named `r`, sent as one parameter. */
function recordsOf(columns: BulkInsert['columns'], rows: readonly (readonly Cell[])[]) {
  const names = Object.keys(columns);
  const types = names.map((name) => `${name} ${columns[name] === 'int' ? 'bigint' : 'text'}`);
  const records = rows.map((row) =>
    Object.fromEntries(names.map((name, at) => [name, row[at] ?? null])),
  );
  return sql`json_to_recordset(${JSON.stringify(records)}::json) as r(${sql.raw(types.join(', '))})`;
}

/** SQLSTATE classes: 40 is a rolled back transaction, 22 and 23 are data, all others are a server in trouble. */
function troubleOf(error: unknown): Trouble {
  const { code } = error as { code?: unknown };
  const state = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : '';
  if (state === '40001' || state === '40P01') return 'conflict';
  if (error instanceof TypeError || /^2[23]/.test(state)) return 'data';
  return 'gone';
}
