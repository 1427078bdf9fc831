/**
 * An SQLite file for one process: Kysely for queries, raw statements for hot paths, one connection.
 *
 * WAL, foreign keys on, five seconds of patience with another process's lock. `durability: 'full'` makes
 * every commit reach the disk before it returns (money, nonces, keys); `'normal'` may lose the newest
 * commits when the power fails, but never breaks the file.
 *
 * Two ways to make a transaction, never mixed in one store: Kysely's `db.transaction()`, which may await
 * between statements, and `transaction(work)`, which is synchronous and so cannot be interleaved. A
 * synchronous one is refused while a Kysely one is open: it would silently become a part of it.
 */
import { AppError } from '@aitbc/protocol';
import { Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';
import {
  checkParameters,
  type DriverDatabase,
  type DriverName,
  type DriverStatement,
  openDriver,
  type RunResult,
  type SqlRow,
  type SqlValue,
} from './seam.ts';

/** A prepared statement; parameters by position. */
export interface Statement<R = SqlRow> {
  run(...parameters: readonly SqlValue[]): RunResult;
  get(...parameters: readonly SqlValue[]): R | undefined;
  all(...parameters: readonly SqlValue[]): R[];
}

/** An open database file. */
export interface Sqlite<T = unknown> {
  readonly db: Kysely<T>;
  prepare<R = SqlRow>(sql: string): Statement<R>;
  /** Runs a script of statements without parameters. */
  exec(sql: string): void;
  /** Runs the work in one transaction (BEGIN IMMEDIATE); an exception undoes all of it. */
  transaction<R>(work: () => R): R;
  /** Writes a consistent copy to a file that does not exist yet. */
  backup(toPath: string): void;
  close(): Promise<void>;
}

/** Options of `openSqlite`. */
export interface SqliteOptions {
  readonly durability: 'normal' | 'full';
  /** Default: libsql, or node:sqlite where libsql does not load. */
  readonly driver?: DriverName;
}

const busyTimeoutMs = 5_000;
/** Kysely prepares on every query; a prepare costs ten times a read, so statements are kept. */
const keptStatements = 256;

/** Opens or creates the file (`:memory:` for none). Throws AppError STORE_CORRUPT for a file that is no database. */
export async function openSqlite<T = unknown>(
  path: string,
  { durability, driver: name }: SqliteOptions,
): Promise<Sqlite<T>> {
  const driver = await openDriver(path, name && [name]).catch((error: unknown) => {
    throw storeError(path, error);
  });
  try {
    for (const pragma of pragmasOf(durability)) driver.prepare(`pragma ${pragma}`).all([]);
  } catch (error) {
    driver.close();
    throw storeError(path, error);
  }
  return wrap<T>(driver);
}

function pragmasOf(durability: 'normal' | 'full'): string[] {
  return [
    `busy_timeout = ${busyTimeoutMs}`,
    'journal_mode = wal',
    'foreign_keys = on',
    `synchronous = ${durability}`,
  ];
}

function storeError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new AppError('STORE_CORRUPT', { what: path, reason }, { cause: error });
}

function wrap<T>(driver: DriverDatabase): Sqlite<T> {
  const state = { open: true, inTransaction: false };
  const statements = createStatementCache(driver, state);
  const database: SqliteDatabase = {
    close: () => {},
    prepare(sql) {
      const statement = statements.take(sql);
      const word = sql.slice(0, 8).toLowerCase();
      return {
        reader: statement.reader,
        all: (parameters) => statement.all(checkParameters(parameters)),
        iterate: (parameters) => statement.all(checkParameters(parameters)).values(),
        run(parameters) {
          const result = statement.run(checkParameters(parameters));
          if (word === 'begin') state.inTransaction = true;
          else if (word === 'commit' || word === 'rollback') state.inTransaction = false;
          return result;
        },
      };
    },
  };
  const db = new Kysely<T>({ dialect: new SqliteDialect({ database }) });
  return {
    db,
    prepare: <R>(sql: string) => rawStatement<R>(statements.take(sql), state),
    exec(sql) {
      assertOpen(state);
      driver.exec(sql);
    },
    transaction: (work) => runTransaction(statements, state, work),
    backup: (toPath) => void statements.take('vacuum into ?').run(checkParameters([toPath])),
    async close() {
      if (!state.open) return;
      await db.destroy();
      state.open = false;
      statements.clear();
      driver.prepare('pragma wal_checkpoint(truncate)').all([]);
      driver.close();
    },
  };
}

interface State {
  open: boolean;
  inTransaction: boolean;
}

function assertOpen(state: State): void {
  if (!state.open) throw new Error('the database is closed');
}

interface StatementCache {
  take(sql: string): DriverStatement;
  clear(): void;
}

function createStatementCache(driver: DriverDatabase, state: State): StatementCache {
  const kept = new Map<string, DriverStatement>();
  return {
    take(sql) {
      assertOpen(state);
      const known = kept.get(sql);
      if (known) {
        kept.delete(sql);
        kept.set(sql, known);
        return known;
      }
      const statement = driver.prepare(sql);
      kept.set(sql, statement);
      const oldest = kept.size > keptStatements ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      return statement;
    },
    clear: () => kept.clear(),
  };
}

function rawStatement<R>(statement: DriverStatement, state: State): Statement<R> {
  const all = (parameters: readonly SqlValue[]): R[] => {
    assertOpen(state);
    return statement.all(checkParameters(parameters)) as R[];
  };
  return {
    run(...parameters) {
      assertOpen(state);
      return statement.run(checkParameters(parameters));
    },
    get: (...parameters) => all(parameters)[0],
    all: (...parameters) => all(parameters),
  };
}

function runTransaction<R>(statements: StatementCache, state: State, work: () => R): R {
  if (state.inTransaction) throw new Error('another transaction of this database is open');
  statements.take('begin immediate').run([]);
  state.inTransaction = true;
  try {
    const result = work();
    statements.take('commit').run([]);
    return result;
  } catch (error) {
    statements.take('rollback').run([]);
    throw error;
  } finally {
    state.inTransaction = false;
  }
}
