/** The coordinator's database: one SQLite file that belongs to one chain. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError, type Hex } from '@aitbc/protocol';
import { migrate, openSqlite, type Sqlite } from '@aitbc/service';
import { createCommitGroups } from './commit-groups.ts';
import { createJobRows, type JobRows } from './job-rows.ts';
import {
  createOfferRows,
  createReportRows,
  type OfferRows,
  type ReportRows,
} from './market-rows.ts';
import { first } from './migrations/0001-first.ts';
import type { Tables } from './schema.ts';

/** The open database. */
export interface Store {
  readonly jobs: JobRows;
  readonly offers: OfferRows;
  readonly reports: ReportRows;
  /** Binds a fresh file to a chain. Throws CONFIG_INVALID when it belongs to another one. */
  bindChain(genesisHash: Hex): void;
  close(): Promise<void>;
}

/** Options of `openStore`. */
export interface StoreOptions {
  /** Path of the file. */
  readonly path: string;
  /** Called when a write failed: the process must end. */
  onFailure(error: unknown): void;
}

/** Opens or creates the file and brings it to the newest schema. Throws STORE_CORRUPT. */
export async function openStore({ path, onFailure }: StoreOptions): Promise<Store> {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const sqlite = await openSqlite<Tables>(path, { durability: 'full' });
  migrate(sqlite, [first]);
  const groups = createCommitGroups(sqlite, onFailure);
  return {
    jobs: createJobRows(sqlite, groups),
    offers: createOfferRows(sqlite, groups),
    reports: createReportRows(sqlite, groups),
    bindChain: (genesisHash) => bindChain(sqlite, path, genesisHash),
    async close() {
      groups.close();
      await sqlite.close();
    },
  };
}

function bindChain(sqlite: Sqlite<Tables>, path: string, genesisHash: Hex): void {
  const known = sqlite
    .prepare<{ value: string }>("select value from meta where name = 'genesisHash'")
    .get()?.value;
  if (known === undefined) {
    sqlite.prepare("insert into meta values ('genesisHash', ?)").run(genesisHash);
    return;
  }
  if (known === genesisHash) return;
  const reason = `the database ${path} belongs to the chain ${known.slice(0, 16)}…, the node is on ${genesisHash.slice(0, 16)}…; use another dataDir, or the node of that chain`;
  throw new AppError('CONFIG_INVALID', { reason });
}
