/** The two databases for tests: stores that open the same data again, as often as wanted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queuedJob } from '@aitbc/market';
import { type Clock, hex, randomBytes, sha256, utf8 } from '@aitbc/primitives';
import {
  hasPostgresServer,
  noPostgresReason,
  type PostgresServer,
  startPostgresServer,
} from '@aitbc/service/testing';
import { openStore, type Store } from '../store.ts';
import type { NewJob } from '../work.ts';

/** A kind of database. */
export interface StoreKind {
  readonly name: 'SQLite' | 'PostgreSQL';
  readonly canRun: boolean;
  readonly reason: string;
  start(): Promise<StoreServer>;
}

/** Where databases of one kind are made. */
export interface StoreServer {
  /** URL of an empty database. */
  createDatabase(): Promise<string>;
  close(): Promise<void>;
}

export const storeKinds: readonly StoreKind[] = [
  { name: 'SQLite', canRun: true, reason: '', start: startFolder },
  {
    name: 'PostgreSQL',
    canRun: hasPostgresServer(),
    reason: noPostgresReason,
    start: async (): Promise<PostgresServer> => startPostgresServer(),
  },
];

async function startFolder(): Promise<StoreServer> {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-jobs-'));
  let databases = 0;
  return {
    async createDatabase() {
      databases += 1;
      return join(folder, `${databases}.sqlite`);
    },
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Opens a store; a write that fails for good is kept in `fatal`. */
export async function openTestStore(
  url: string,
  clock: Clock,
): Promise<{ store: Store; fatal: unknown[] }> {
  const fatal: unknown[] = [];
  const onFailure = (error: unknown): void => void fatal.push(error);
  return { store: await openStore({ url, clock, randomBytes, onFailure }), fatal };
}

/** Id of a name. */
export function idOf(name: string): string {
  return hex(sha256(utf8(name)));
}

/** A job of a name, ready to be queued. */
export function newJob(
  name: string,
  nowMs: number,
  changes: Partial<NewJob['record']> & { provider?: string; deadlineMs?: number } = {},
): NewJob {
  const { provider = 'seller', deadlineMs, ...rest } = changes;
  const fresh = queuedJob(idOf(name), provider, nowMs);
  const job = deadlineMs === undefined ? fresh : { ...fresh, deadlineMs };
  const record = { job, payer: 'buyer', offerId: idOf('offer'), model: 'tiny' };
  return {
    record: { ...record, webhook: null, batch: null, ...rest },
    papers: { body: `{"name":"${name}"}`, payment: `payment of ${name}` },
  };
}
