/**
 * The coordinator's database, which belongs to one chain: an SQLite file of its own by default, or a PostgreSQL
 * server that several coordinators share. Docs: docs/spec/market.md, "Jobs".
 */
import { type Clock, hex } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';
import type { CursorRows } from '../chain/follow-blocks.ts';
import { type AuditRows, createAuditRows } from './audit-rows.ts';
import { type BatchRows, createBatchRows } from './batch-rows.ts';
import { createCommitGroups } from './commit-groups.ts';
import { type AgentRows, createAgentRows } from './coordination/agent-rows.ts';
import { createCursorRows } from './coordination/cursor-rows.ts';
import { createTaskRows, type TaskRows } from './coordination/task-rows.ts';
import { type CoordinatorRows, createCoordinatorRows } from './coordinator-rows.ts';
import type { Database } from './database/database.ts';
import { openPostgresDatabase } from './database/postgres-database.ts';
import { openSqliteDatabase } from './database/sqlite-database.ts';
import { createEventRows, type EventRows } from './event-rows.ts';
import { createJobStore, createSeqs, type JobStore } from './job-store.ts';
import {
  createOfferRows,
  createReportRows,
  type OfferRows,
  type ReportRows,
} from './market-rows.ts';
import { createLetterRows, type LetterRows } from './messages/letter-rows.ts';
import { first } from './migrations/0001-first.ts';
import { jobs } from './migrations/0002-jobs.ts';
import { audits } from './migrations/0003-audits.ts';
import { events } from './migrations/0004-events.ts';
import { coordination } from './migrations/0005-coordination.ts';
import { messages } from './migrations/0006-messages.ts';
import { surveillance } from './migrations/0007-surveillance.ts';
import { runGroup } from './run-group.ts';
import { type AlertRows, createAlertRows } from './surveillance/alert-rows.ts';
import { createFactRows, type FactRows } from './surveillance/fact-rows.ts';
import { createPatrolRows, type PatrolRows } from './surveillance/patrol-rows.ts';
import { createWebhookRows, type WebhookRows } from './webhook-rows.ts';
import type { Work } from './work.ts';

/** The open database. */
export interface Store {
  /** Name of this process among those that share the database; new with every start. */
  readonly owner: string;
  /** True when no other process can work on the database. */
  readonly isAlone: boolean;
  readonly jobs: JobStore;
  readonly batches: BatchRows;
  readonly webhooks: WebhookRows;
  readonly coordinators: CoordinatorRows;
  readonly offers: OfferRows;
  readonly reports: ReportRows;
  readonly audits: AuditRows;
  readonly events: EventRows;
  readonly cursors: CursorRows;
  readonly agents: AgentRows;
  readonly tasks: TaskRows;
  readonly letters: LetterRows;
  readonly facts: FactRows;
  readonly alerts: AlertRows;
  readonly patrols: PatrolRows;
  /** Binds a fresh database to a chain. Throws CONFIG_INVALID when it belongs to another one. */
  bindChain(genesisHash: Hex): Promise<void>;
  /** A value that is stored once: `make` gives it when there is none yet. */
  keep(name: string, make: () => string): Promise<string>;
  /** Hears of work that other coordinators queued; without names when some may have been missed. */
  onWork(hear: (providers: readonly string[] | undefined) => void): Promise<void>;
  close(): Promise<void>;
}

/** Options of `openStore`. */
export interface StoreOptions {
  /** Path of an SQLite file, or `postgres://…`. */
  readonly url: string;
  readonly clock: Clock;
  /** Fresh bytes for the name of this process. */
  randomBytes(sizeBytes: number): Uint8Array;
  /** Called when a write failed for good: the process must end. */
  onFailure(error: unknown): void;
  /** Called when a connection broke; it is made again. */
  onTrouble?(error: unknown): void;
}

const migrations = [first, jobs, audits, events, coordination, messages, surveillance];
const isPostgres = /^postgres(ql)?:\/\//;

/** Opens or creates the database and brings it to the newest schema. Throws STORE_CORRUPT, UNAVAILABLE, CONFIG_INVALID. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url, clock, onFailure, onTrouble = () => {} } = options;
  const database = isPostgres.test(url)
    ? await openPostgresDatabase(url, migrations, onTrouble)
    : await openSqliteDatabase(url, migrations);
  const owner = hex(options.randomBytes(8));
  const [high = 0, low = 0] = options.randomBytes(2);
  const nextSeq = createSeqs(() => clock.nowMs(), (high * 256 + low) % 1_024);
  const groups = createCommitGroups<Work>({
    execute: (works) => runGroup({ database, owner, nowMs: clock.nowMs(), nextSeq }, works),
    troubleOf: database.troubleOf,
    weightOf: (work) => (work.type === 'enqueue' ? work.jobs.length : 1),
    onFailure,
  });
  const keep = (name: string, make: () => string) => keepValue(database, name, make);
  return {
    owner,
    isAlone: database.kind === 'sqlite',
    jobs: createJobStore({ database, groups, owner }),
    batches: createBatchRows(database, groups),
    webhooks: createWebhookRows(database, groups),
    coordinators: createCoordinatorRows({ database, groups, owner }),
    offers: createOfferRows(database, groups),
    reports: createReportRows(database, groups),
    audits: createAuditRows(database, groups),
    events: createEventRows(database, groups, nextSeq),
    cursors: createCursorRows(database, groups),
    agents: createAgentRows(database, groups),
    tasks: createTaskRows(database, groups, nextSeq),
    letters: createLetterRows(database, groups, nextSeq),
    facts: createFactRows(database, groups, nextSeq),
    alerts: createAlertRows(database, groups, nextSeq),
    patrols: createPatrolRows(database, groups),
    keep,
    async bindChain(genesisHash) {
      assertChain(await keep('genesisHash', () => genesisHash), genesisHash);
    },
    onWork: (hear) => database.listen((payload) => hearNotice(payload, owner, hear)),
    async close() {
      await groups.close();
      await database.close();
    },
  };
}

async function keepValue({ db }: Database, name: string, make: () => string): Promise<string> {
  const read = () =>
    db.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirst();
  const known = await read();
  if (known) return known.value;
  await db
    .insertInto('meta')
    .values({ name, value: make() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await read())?.value ?? '';
}

function assertChain(known: Hex, genesisHash: Hex): void {
  if (known === genesisHash) return;
  const reason = `the database belongs to the chain ${known.slice(0, 16)}…, the node is on ${genesisHash.slice(0, 16)}…; use another dataDir or databaseUrl, or the node of that chain`;
  throw new AppError('CONFIG_INVALID', { reason });
}

function hearNotice(
  payload: string,
  owner: string,
  hear: (providers: readonly string[] | undefined) => void,
): void {
  try {
    const notice = JSON.parse(payload) as { owner: string; providers: readonly string[] };
    if (notice.owner !== owner) hear([...notice.providers]);
  } catch {
    hear(undefined); // not one of ours: whoever wrote it, looking is harmless
  }
}
