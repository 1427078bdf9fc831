/** Stored audits and the records they are about. Every change names the version it starts from: of two, one counts. */
import type { AuditRecord, AuditState, Hex } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import type { BulkInsert, Database, Tx } from './database/database.ts';
import type { AuditRow } from './schema.ts';
import type { Work } from './work.ts';

/** What of an audit changes. */
export type AuditChange = Partial<
  Pick<AuditRow, 'state' | 'due_at_ms' | 'auditor' | 'passed_over' | 'report' | 'audit_id'>
>;

/** A page of audits, newest first. */
export interface AuditPage {
  readonly provider?: string | undefined;
  readonly states?: readonly AuditState[] | undefined;
  /** Audits older than this one. */
  readonly before?: Pick<AuditRow, 'created_at_ms' | 'job_id'> | undefined;
  readonly limit: number;
}

/** Reads and writes audits. */
export interface AuditRows {
  /** Stores an audit with its record; false when one of them is there. */
  insert(audit: AuditRow, record: AuditRecord): Promise<boolean>;
  get(jobId: Hex): Promise<AuditRow | undefined>;
  ofRecord(recordHash: Hex): Promise<AuditRow | undefined>;
  record(recordHash: Hex): Promise<AuditRecord | undefined>;
  /** The changed row; undefined when somebody else has changed it before. */
  change(audit: AuditRow, change: AuditChange): Promise<AuditRow | undefined>;
  page(page: AuditPage): Promise<AuditRow[]>;
  /** Audits that wait for something, the most urgent first. */
  underWay(states: readonly AuditState[], limit: number): Promise<AuditRow[]>;
  dutiesOf(auditor: string, limit: number): Promise<AuditRow[]>;
  /** Providers and ends of their audits, newest first for each. */
  ends(
    states: readonly AuditState[],
    limit: number,
  ): Promise<Pick<AuditRow, 'provider' | 'state'>[]>;
  /** Records that are kept. */
  recordCount(): Promise<number>;
  pruneRecords(storedBeforeMs: number, limit: number): Promise<void>;
  prune(createdBeforeMs: number, limit: number): Promise<void>;
}

const insertAudits: BulkInsert = {
  table: 'audits',
  skipKnown: true,
  columns: {
    job_id: 'text',
    provider: 'text',
    digest: 'text',
    offer_id: 'text',
    record_hash: 'text',
    seed: 'text',
    draw_height: 'int',
    draw_bps: 'int',
    state: 'text',
    version: 'int',
    created_at_ms: 'int',
    due_at_ms: 'int',
    auditor: 'text',
    passed_over: 'text',
    report: 'text',
    audit_id: 'text',
  },
};

const insertRecords: BulkInsert = {
  table: 'audit_records',
  skipKnown: true,
  columns: { record_hash: 'text', document: 'text', stored_at_ms: 'int' },
};

/** Audit rows of an open database. */
export function createAuditRows(database: Database, groups: CommitGroups<Work>): AuditRows {
  const { db } = database;
  const write = async <T>(run: (tx: Tx) => Promise<T>): Promise<T> =>
    (await groups.run({ type: 'write', run })) as T;
  return {
    ...auditReads(database),
    insert: (audit, record) =>
      write(async (tx) => {
        const written = await database.insertRows(tx, insertAudits, [cellsOf(audit)]);
        if (written.size === 0) return false;
        const cells = [audit.record_hash, JSON.stringify(record), audit.created_at_ms];
        await database.insertRows(tx, insertRecords, [cells]);
        return true;
      }),
    change: ({ job_id, version }, change) =>
      write((tx) =>
        tx
          .updateTable('audits')
          .set({ ...change, version: version + 1 })
          .where('job_id', '=', job_id)
          .where('version', '=', version)
          .returningAll()
          .executeTakeFirst(),
      ),
    async recordCount() {
      const count = db.selectFrom('audit_records').select(({ fn }) => fn.countAll().as('records'));
      return Number((await count.executeTakeFirst())?.records ?? 0);
    },
    async pruneRecords(storedBeforeMs, limit) {
      const query = sql`delete from audit_records where record_hash in
        (select record_hash from audit_records where stored_at_ms < ${storedBeforeMs} limit ${limit})`;
      await write((tx) => query.execute(tx));
    },
    async prune(createdBeforeMs, limit) {
      const query = sql`delete from audits where job_id in
        (select job_id from audits where created_at_ms < ${createdBeforeMs} limit ${limit})`;
      await write((tx) => query.execute(tx));
    },
  };
}

type Reads = Pick<
  AuditRows,
  'get' | 'ofRecord' | 'record' | 'page' | 'underWay' | 'dutiesOf' | 'ends'
>;

function auditReads({ db }: Database): Reads {
  const all = () => db.selectFrom('audits').selectAll();
  return {
    get: (jobId) => all().where('job_id', '=', jobId).executeTakeFirst(),
    ofRecord: (recordHash) => all().where('record_hash', '=', recordHash).executeTakeFirst(),
    async record(recordHash) {
      const rows = db.selectFrom('audit_records').select('document');
      const row = await rows.where('record_hash', '=', recordHash).executeTakeFirst();
      return row && (JSON.parse(row.document) as AuditRecord);
    },
    async page({ provider, states, before, limit }) {
      let rows = all();
      if (provider !== undefined) rows = rows.where('provider', '=', provider);
      if (states) rows = rows.where('state', 'in', [...states]);
      if (before) {
        const { created_at_ms, job_id } = before;
        const isOlder = sql<boolean>`(created_at_ms, job_id) < (${created_at_ms}, ${job_id})`;
        rows = rows.where(isOlder);
      }
      return rows.orderBy('created_at_ms', 'desc').orderBy('job_id', 'desc').limit(limit).execute();
    },
    underWay: (states, limit) =>
      all()
        .where('state', 'in', [...states])
        .where('due_at_ms', 'is not', null)
        .orderBy('due_at_ms')
        .limit(limit)
        .execute(),
    dutiesOf: (auditor, limit) =>
      all()
        .where('state', '=', 'assigned')
        .where('due_at_ms', 'is not', null)
        .where('auditor', '=', auditor)
        .orderBy('due_at_ms')
        .limit(limit)
        .execute(),
    ends: (states, limit) =>
      db
        .selectFrom('audits')
        .select(['provider', 'state'])
        .where('state', 'in', [...states])
        .orderBy('created_at_ms', 'desc')
        .limit(limit)
        .execute(),
  };
}

function cellsOf(audit: AuditRow) {
  return Object.keys(insertAudits.columns).map((name) => audit[name as keyof AuditRow]);
}
