/** Stored offers and reports. Offers are kept byte for byte as their provider signed them. */
import type { Hex, SignedOffer } from '@aitbc/protocol';
import type { Sqlite } from '@aitbc/service';
import type { CommitGroups } from './commit-groups.ts';
import type { OfferRow, ReportRow, Tables } from './schema.ts';

/** Reads and writes offers. */
export interface OfferRows {
  insert(offerId: Hex, offer: SignedOffer): Promise<void>;
  get(offerId: Hex): SignedOffer | undefined;
  /** Deletes up to `limit` offers that ran out before a time and belong to no job. */
  prune(validBeforeMs: number, limit: number): Promise<void>;
}

/** Reads and writes reports. */
export interface ReportRows {
  insert(report: ReportRow): Promise<void>;
  has(jobId: Hex): boolean;
  /** The newest reports, oldest first. */
  newest(limit: number): ReportRow[];
  prune(reportedBeforeMs: number, limit: number): Promise<void>;
}

/** Offer rows of an open database. */
export function createOfferRows(sqlite: Sqlite<Tables>, groups: CommitGroups): OfferRows {
  const insert = sqlite.prepare('insert or ignore into offers values (?, ?, ?, ?)');
  const get = sqlite.prepare<Pick<OfferRow, 'document'>>(
    'select document from offers where offer_id = ?',
  );
  const prune = sqlite.prepare(
    `delete from offers where offer_id in (
       select offer_id from offers where valid_until_ms < ?
       and not exists (select 1 from jobs where jobs.offer_id = offers.offer_id) limit ?)`,
  );
  return {
    insert: (offerId, offer) => {
      const { provider, validUntilMs } = offer.payload;
      const document = JSON.stringify(offer);
      return groups.write(() => void insert.run(offerId, provider, document, validUntilMs));
    },
    get(offerId) {
      const row = get.get(offerId);
      return row && (JSON.parse(row.document) as SignedOffer);
    },
    prune: (validBeforeMs, limit) => groups.write(() => void prune.run(validBeforeMs, limit)),
  };
}

/** Report rows of an open database. */
export function createReportRows(sqlite: Sqlite<Tables>, groups: CommitGroups): ReportRows {
  const insert = sqlite.prepare('insert or ignore into reports values (?, ?, ?, ?, ?, ?, ?, ?)');
  const has = sqlite.prepare('select 1 as found from reports where job_id = ?');
  const newest = sqlite.prepare<ReportRow>(
    'select * from reports order by reported_at_ms desc limit ?',
  );
  const prune = sqlite.prepare(
    `delete from reports where job_id in (
       select job_id from reports where reported_at_ms < ? limit ?)`,
  );
  return {
    insert: (report) => groups.write(() => void insert.run(...valuesOf(report))),
    has: (jobId) => has.get(jobId) !== undefined,
    newest: (limit) => newest.all(limit).reverse(),
    prune: (reportedBeforeMs, limit) => groups.write(() => void prune.run(reportedBeforeMs, limit)),
  };
}

function valuesOf(report: ReportRow) {
  return [
    report.job_id,
    report.provider,
    report.model,
    report.tokens,
    report.first_token_ms,
    report.duration_ms,
    report.reported_at_ms,
    report.receipt,
  ];
}
