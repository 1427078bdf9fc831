/**
 * What the two databases do differently, and nothing else.
 *
 * Queries are written once, in Kysely's words. Three things are not the same: many rows in one go (a prepared
 * statement run for each row is fastest on SQLite, where a call costs a few microseconds; on PostgreSQL,
 * where a call is a round trip, all rows travel as one JSON parameter), locks of rows that several
 * processes want (SQLite has one process), and how to tell the others that there is work.
 *
 * Rejected: rows as JSON on SQLite too (18 µs a row against 7), and Kysely's `values([...])` (a new text to
 * compile, parse and plan for each number of rows).
 */
import type { Kysely, RawBuilder, Transaction } from 'kysely';
import type { Tables } from '../schema.ts';

/** Type of a column in a bulk write. */
export type ColumnType = 'text' | 'int';

/** One value. */
export type Cell = string | number | null;

/** Columns of a bulk write; the rows have their values in this order. The first is the key. */
export interface BulkInsert {
  readonly table: keyof Tables;
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Rows that meet a unique value which is there already are left out. */
  readonly skipKnown?: boolean;
}

/** The first column says which row, the second which `version` of it; the others are set. */
export interface BulkUpdate {
  readonly table: 'jobs';
  readonly columns: Readonly<Record<string, ColumnType>>;
}

/** What went wrong with a transaction; what was asked is undone in every case but `gone`. */
export type Trouble =
  /** Two transactions were in each other's way: try the same again. */
  | 'conflict'
  /** The data of one write is not fit to be stored. */
  | 'data'
  /** The database does not answer; nobody knows whether the last commit reached it. */
  | 'gone'
  /** Nothing can be stored any more: the process must end. */
  | 'broken';

export type Tx = Transaction<Tables>;

/** An open database. */
export interface Database {
  readonly kind: 'sqlite' | 'postgres';
  readonly db: Kysely<Tables>;
  /** Ends a select of jobs that are taken: others' are left out. */
  readonly lockFree: RawBuilder<unknown>;
  /** Ends a select of jobs that are changed: waits for others. */
  readonly lock: RawBuilder<unknown>;
  /** Keys of the rows that were written. */
  insertRows(tx: Tx, write: BulkInsert, rows: readonly (readonly Cell[])[]): Promise<Set<Cell>>;
  /** Keys of the rows that had the version. */
  updateRows(tx: Tx, write: BulkUpdate, rows: readonly (readonly Cell[])[]): Promise<Set<Cell>>;
  /** A set of texts to select from: `job_id in (…)`. */
  setOf(values: readonly string[]): RawBuilder<unknown>;
  /** Tells the other processes, when the transaction commits. */
  notify(tx: Tx, payload: string): Promise<void>;
  /** Hears what others told; '' means that something may have been missed. */
  listen(onNotice: (payload: string) => void): Promise<void>;
  troubleOf(error: unknown): Trouble;
  close(): Promise<void>;
}

const unfit = /[\p{Surrogate}\0]/gu;

/** A text that both databases take: half characters and NUL, which neither is sure to keep, are replaced. */
export function fitText(text: string): string {
  return unfit.test(text) ? text.replace(unfit, '\ufffd') : text;
}
