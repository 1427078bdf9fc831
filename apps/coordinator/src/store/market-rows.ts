/** Stored offers and reports. Offers are kept byte for byte as their provider signed them. */
import type { Hex, SignedOffer, SignedReceipt } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import type { BulkInsert, Cell, Database } from './database/database.ts';
import type { ReportRow } from './schema.ts';
import type { Work } from './work.ts';

/** Reads and writes offers. */
export interface OfferRows {
  insert(offerId: Hex, offer: SignedOffer): Promise<void>;
  get(offerId: Hex): Promise<SignedOffer | undefined>;
  /** Deletes up to `limit` offers that ran out before a time. */
  prune(validBeforeMs: number, limit: number): Promise<void>;
}

/** The receipt of a reported job, and when it is drawn for an audit. */
export interface ReportedDraw {
  readonly receipt: SignedReceipt;
  readonly height: number;
  readonly rateBps: number;
}

/** Reads and writes reports. */
export interface ReportRows {
  insert(report: ReportRow): Promise<void>;
  has(jobId: Hex): Promise<boolean>;
  /** The receipt of a reported job, as its provider signed it. */
  receipt(jobId: Hex): Promise<SignedReceipt | undefined>;
  /** Which block draws a reported job for an audit; undefined where none does. */
  draw(jobId: Hex): Promise<ReportedDraw | undefined>;
  /** The newest reports, oldest first. */
  newest(limit: number): Promise<ReportRow[]>;
  prune(reportedBeforeMs: number, limit: number): Promise<void>;
}

const insertOffers: BulkInsert = {
  table: 'offers',
  skipKnown: true,
  columns: { offer_id: 'text', provider: 'text', document: 'text', valid_until_ms: 'int' },
};

const insertReports: BulkInsert = {
  table: 'reports',
  skipKnown: true,
  columns: {
    job_id: 'text',
    provider: 'text',
    model: 'text',
    tokens: 'int',
    first_token_ms: 'int',
    duration_ms: 'int',
    reported_at_ms: 'int',
    receipt: 'text',
    draw_height: 'int',
    draw_bps: 'int',
  },
};

/** Writes rows with the next group. */
function writer(database: Database, groups: CommitGroups<Work>) {
  return async (write: BulkInsert, cells: Cell[]): Promise<void> => {
    await groups.run({ type: 'write', run: (tx) => database.insertRows(tx, write, [cells]) });
  };
}

/** Offer rows of an open database. */
export function createOfferRows(database: Database, groups: CommitGroups<Work>): OfferRows {
  const write = writer(database, groups);
  return {
    insert: (offerId, offer) => {
      const { provider, validUntilMs } = offer.payload;
      return write(insertOffers, [offerId, provider, JSON.stringify(offer), validUntilMs]);
    },
    async get(offerId) {
      const row = await database.db
        .selectFrom('offers')
        .select('document')
        .where('offer_id', '=', offerId)
        .executeTakeFirst();
      return row && (JSON.parse(row.document) as SignedOffer);
    },
    async prune(validBeforeMs, limit) {
      const query = sql`delete from offers where offer_id in
        (select offer_id from offers where valid_until_ms < ${validBeforeMs} limit ${limit})`;
      await groups.run({ type: 'write', run: (tx) => query.execute(tx) });
    },
  };
}

/** Report rows of an open database. */
export function createReportRows(database: Database, groups: CommitGroups<Work>): ReportRows {
  const write = writer(database, groups);
  return {
    insert: (report) => write(insertReports, valuesOf(report)),
    async has(jobId) {
      const rows = database.db.selectFrom('reports').select('job_id').where('job_id', '=', jobId);
      return (await rows.executeTakeFirst()) !== undefined;
    },
    async receipt(jobId) {
      const rows = database.db.selectFrom('reports').select('receipt').where('job_id', '=', jobId);
      const row = await rows.executeTakeFirst();
      return row && (JSON.parse(row.receipt) as SignedReceipt);
    },
    async draw(jobId) {
      const rows = database.db.selectFrom('reports').selectAll().where('job_id', '=', jobId);
      const row = await rows.executeTakeFirst();
      if (!row || row.draw_height === null || row.draw_bps === null) return undefined;
      const receipt = JSON.parse(row.receipt) as SignedReceipt;
      return { receipt, height: row.draw_height, rateBps: row.draw_bps };
    },
    async newest(limit) {
      const rows = database.db.selectFrom('reports').selectAll();
      return (await rows.orderBy('reported_at_ms', 'desc').limit(limit).execute()).reverse();
    },
    async prune(reportedBeforeMs, limit) {
      const query = sql`delete from reports where job_id in
        (select job_id from reports where reported_at_ms < ${reportedBeforeMs} limit ${limit})`;
      await groups.run({ type: 'write', run: (tx) => query.execute(tx) });
    },
  };
}

function valuesOf(report: ReportRow): Cell[] {
  return [
    report.job_id,
    report.provider,
    report.model,
    report.tokens,
    report.first_token_ms,
    report.duration_ms,
    report.reported_at_ms,
    report.receipt,
    report.draw_height,
    report.draw_bps,
  ];
}
