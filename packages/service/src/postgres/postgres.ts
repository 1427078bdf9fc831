/**
 * A PostgreSQL database for one process: Kysely for queries over a small pool, one more connection that
 * listens.
 *
 * Whole numbers come back as numbers: every integer of ours is below 2^53 (times, counts, sequence
 * numbers) and amounts are text. `synchronous_commit` is left as the server has it, and checked: a
 * server that acknowledges before the disk has a commit is refused, because a durable queue on it would
 * be a lie.
 *
 * The listening connection comes back by itself. Notices that came in between are lost, so `onNotice` is
 * also called with '' after every connect: "look for yourself". A notice is a hint to look sooner,
 * never the only way to learn something.
 *
 * Rejected: one pool for both (a pooled connection forgets its LISTEN), and a failed statement that is
 * repeated here (only the caller knows whether a repetition is harmless).
 */
import { AppError } from '@aitbc/protocol';
import { Kysely, PostgresDialect } from 'kysely';
import type { Client, ClientConfig, Pool } from 'pg';

/** An open PostgreSQL database. */
export interface Postgres<T = unknown> {
  readonly db: Kysely<T>;
  /** Takes a connection, runs a script of statements on it, in order. */
  exec(script: string): Promise<void>;
  /**
   * Calls `onNotice` for every notice on the channel and once after each connect (with ''), until the
   * database is closed. Resolves when it listens.
   */
  listen(channel: string, onNotice: (payload: string) => void): Promise<void>;
  close(): Promise<void>;
}

/** Options of `openPostgres`. */
export interface PostgresOptions {
  /** Connections for queries. Default 4: one writes, the others read. */
  readonly connections?: number;
  /** A connection that waited for broke; the next query makes a new one. */
  onError?(error: unknown): void;
}

const defaultConnections = 4;
const connectTimeoutMs = 5_000;
const statementTimeoutMs = 30_000; // a statement of ours takes milliseconds; a hung one must not hang all
const listenAgainMs = 1_000;
const int8 = 20;

/** Opens the database. Throws UNAVAILABLE when it cannot be reached, CONFIG_INVALID when it does not keep commits. */
export async function openPostgres<T = unknown>(
  url: string,
  { connections = defaultConnections, onError = () => {} }: PostgresOptions = {},
): Promise<Postgres<T>> {
  const { default: pg } = await import('pg');
  const config: ClientConfig = {
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    keepAlive: true,
    types: {
      getTypeParser: (type, format) =>
        type === int8 ? Number : pg.types.getTypeParser(type, format),
    },
  };
  const pool = new pg.Pool({ ...config, max: connections });
  pool.on('error', onError);
  try {
    await assertDurable(pool);
  } catch (error) {
    await pool.end();
    throw postgresError(error);
  }
  const db = new Kysely<T>({ dialect: new PostgresDialect({ pool }) });
  const listeners: Listener[] = [];
  return {
    db,
    async exec(script) {
      await pool.query(script);
    },
    async listen(channel, onNotice) {
      const connect = (): Client => new pg.Client({ ...config, statement_timeout: 0 });
      const listener = createListener(connect, { channel, onNotice, onError });
      listeners.push(listener);
      await listener.start();
    },
    async close() {
      await Promise.all(listeners.map((listener) => listener.stop()));
      await db.destroy();
    },
  };
}

const lossy = new Set(['off']);

async function assertDurable(pool: Pool): Promise<void> {
  for (const name of ['synchronous_commit', 'fsync', 'full_page_writes']) {
    const { rows } = await pool.query<{ value: string }>('select current_setting($1) as value', [
      name,
    ]);
    if (!lossy.has(rows[0]?.value ?? '')) continue;
    const reason = `the PostgreSQL server runs with ${name} = off and may lose what it acknowledged; switch it on`;
    throw new AppError('CONFIG_INVALID', { reason });
  }
}

/** The error itself when it has a code of ours, else UNAVAILABLE. The URL, which may hold a password, is not named. */
export function postgresError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { message, code } = error as { message?: string; code?: string };
  const reason = message || code || String(error);
  return new AppError('UNAVAILABLE', { what: 'PostgreSQL', reason }, { cause: error });
}

interface Listener {
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface ListenerOptions {
  readonly channel: string;
  onNotice(payload: string): void;
  onError(error: unknown): void;
}

function createListener(
  connect: () => Client,
  { channel, onNotice, onError }: ListenerOptions,
): Listener {
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const again = (error: unknown): void => {
    onError(error);
    if (isStopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => void open().catch(again), listenAgainMs);
  };
  const open = async (): Promise<void> => {
    const next = connect();
    client = next;
    next.on('error', onError);
    next.on('notification', ({ payload }) => onNotice(payload ?? ''));
    await next.connect();
    next.once('end', () => {
      if (client === next) again(new AppError('UNAVAILABLE', endedFacts));
    });
    await next.query(`listen ${next.escapeIdentifier(channel)}`);
    onNotice('');
  };

  return {
    async start() {
      try {
        await open();
      } catch (error) {
        throw postgresError(error);
      }
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      const last = client;
      client = undefined;
      await last?.end();
    },
  };
}

const endedFacts = { what: 'PostgreSQL', reason: 'the listening connection ended' };
