/**
 * The five methods we use of an SQLite driver: prepare, exec, close, and on a statement run/all. Two
 * drivers fit behind them: libsql (a prebuilt addon, all Node versions) and node:sqlite (Node ≥ 22.5).
 *
 * What libsql 0.5.29 does that a caller must not meet, each found by running it: binding a boolean
 * aborts the whole process (a Rust panic), text is cut at a NUL, a bigint above 64 bits becomes 0, NaN
 * becomes NULL, `get` adds a `_metadata` column, `all` gives blobs as ArrayBuffer, and a statement goes on
 * working after `close`. So parameters are checked before they reach a driver, `get` is built on `all`,
 * blobs are turned into bytes, and a closed database refuses.
 */
import { AppError } from '@aitbc/protocol';

/** What SQLite can hold. Amounts are decimal TEXT: an INTEGER above 2^53 would come back rounded. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** A row by column name. */
export type SqlRow = Record<string, SqlValue>;

/** What a write did. */
export interface RunResult {
  readonly changes: number | bigint;
  readonly lastInsertRowid: number | bigint;
}

/** A statement of a driver. */
export interface DriverStatement {
  /** True when it answers rows. */
  readonly reader: boolean;
  run(parameters: readonly SqlValue[]): RunResult;
  all(parameters: readonly SqlValue[]): unknown[];
}

/** A driver's open database. */
export interface DriverDatabase {
  prepare(sql: string): DriverStatement;
  exec(sql: string): void;
  close(): void;
}

const int64Max = 2n ** 63n;

/** Throws TypeError for a parameter that a driver would change, refuse late or die of. */
export function checkParameters(parameters: readonly unknown[]): readonly SqlValue[] {
  for (const value of parameters) {
    const problem = problemOfValue(value);
    if (problem) throw new TypeError(problem);
  }
  return parameters as readonly SqlValue[];
}

function problemOfValue(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.includes('\0') ? 'SQL text must not hold a NUL' : undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : `${value} is no SQL number`;
    case 'bigint':
      return value < int64Max && value >= -int64Max ? undefined : 'a bigint above 64 bits';
    default:
      if (value === null || value instanceof Uint8Array) return undefined;
      return `a ${typeof value} is no SQL value; use 0/1, text or null`;
  }
}

/** Name of a driver. */
export type DriverName = 'libsql' | 'node:sqlite';

const openers: Readonly<Record<DriverName, (path: string) => Promise<DriverDatabase | string>>> = {
  libsql: openLibsql,
  'node:sqlite': openNodeSqlite,
};

/** Opens the file with the first of the drivers that this Node can load. Throws UNAVAILABLE for none. */
export async function openDriver(
  path: string,
  names: readonly DriverName[] = ['libsql', 'node:sqlite'],
): Promise<DriverDatabase> {
  const problems: string[] = [];
  for (const name of names) {
    const driver = await openers[name](path);
    if (typeof driver !== 'string') return driver;
    problems.push(driver);
  }
  throw new AppError('UNAVAILABLE', { what: 'an SQLite driver', reason: problems.join('; ') });
}

async function openLibsql(path: string): Promise<DriverDatabase | string> {
  const module = await import('libsql').catch((error: unknown) => `libsql: ${String(error)}`);
  if (typeof module === 'string') return module;
  const database = new module.default(path);
  return {
    exec: (sql) => void database.exec(sql),
    close: () => void database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        reader: statement.reader,
        run: (parameters) => statement.run(parameters),
        all: (parameters) => statement.all(parameters).map(withBytes),
      };
    },
  };
}

function withBytes(row: unknown): unknown {
  const columns = row as Record<string, unknown>;
  for (const name in columns) {
    const value = columns[name];
    if (value instanceof ArrayBuffer) columns[name] = new Uint8Array(value);
  }
  return columns;
}

/** The part of node:sqlite that is used; the types of Node 20 do not know the module. */
interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
  ) => {
    exec(sql: string): void;
    close(): void;
    prepare(sql: string): {
      columns?(): unknown[];
      run(...parameters: readonly SqlValue[]): RunResult;
      all(...parameters: readonly SqlValue[]): unknown[];
    };
  };
}

const answersRows = /^\s*(select|with|pragma|explain|values)\b|\breturning\b/i;

/** Opens the file with node:sqlite, or says why it cannot. */
async function openNodeSqlite(path: string): Promise<DriverDatabase | string> {
  const name = 'node:sqlite';
  const module = await (import(name) as Promise<NodeSqlite>).catch(
    (error: unknown) => `${name}: ${String(error)}`,
  );
  if (typeof module === 'string') return module;
  const database = new module.DatabaseSync(path);
  return {
    exec: (sql) => named(() => database.exec(sql)),
    close: () => database.close(),
    prepare(sql) {
      const statement = named(() => database.prepare(sql));
      const columns = statement.columns?.();
      return {
        reader: columns ? columns.length > 0 : answersRows.test(sql),
        run: (parameters) => named(() => statement.run(...parameters)),
        all: (parameters) => named(() => statement.all(...parameters)),
      };
    },
  };
}

/** Result codes of SQLite that callers look at; libsql names them itself. */
const resultCodes: Readonly<Record<number, string>> = {
  5: 'SQLITE_BUSY',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  26: 'SQLITE_NOTADB',
  275: 'SQLITE_CONSTRAINT_CHECK',
  787: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  1299: 'SQLITE_CONSTRAINT_NOTNULL',
  1555: 'SQLITE_CONSTRAINT_PRIMARYKEY',
  1811: 'SQLITE_CONSTRAINT_TRIGGER',
  2067: 'SQLITE_CONSTRAINT_UNIQUE',
};

/** Runs the work; an error of node:sqlite gets the `code` that libsql would have given it. */
function named<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = resultCodes[(error as { errcode?: number }).errcode ?? 0];
    throw code === undefined ? error : Object.assign(error as Error, { code });
  }
}
