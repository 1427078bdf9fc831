/**
 * Notices that wait to be sent. A row is made in the transaction that ends the job, so a crash between the end and the
 * notice loses nothing. Who sends takes rows by moving their time on; a sender that dies has moved them only so far.
 */
import { sql } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import type { Database, Tx } from './database/database.ts';
import type { WebhookRow } from './schema.ts';
import type { Work } from './work.ts';

/** Reads and writes notices. */
export interface WebhookRows {
  /** Takes up to `limit` notices that are due; nobody else gets them for `forMs`. */
  take(limit: number, forMs: number): Promise<WebhookRow[]>;
  /** The notice was received, or is given up. */
  remove(subject: string): Promise<void>;
  /** The next try. */
  postpone(subject: string, untilMs: number): Promise<void>;
}

/** Notices of an open database. */
export function createWebhookRows(database: Database, groups: CommitGroups<Work>): WebhookRows {
  const write = async <T>(run: (tx: Tx, nowMs: number) => Promise<T>): Promise<T> =>
    (await groups.run({ type: 'write', run })) as T;
  return {
    async take(limit, forMs) {
      const known = await database.db.selectFrom('webhooks').select('subject').limit(1).execute();
      if (known.length === 0) return [];
      return write(async (tx, nowMs) => {
        const locked = database.kind === 'postgres' ? sql`for update skip locked` : sql``;
        const { rows } = await sql<WebhookRow>`
          update webhooks set attempts = attempts + 1, not_before_ms = ${nowMs + forMs}
          where subject in (
            select subject from webhooks where not_before_ms <= ${nowMs}
            order by not_before_ms limit ${limit} ${locked}
          ) returning *`.execute(tx);
        return rows;
      });
    },
    async remove(subject) {
      await write((tx) => tx.deleteFrom('webhooks').where('subject', '=', subject).execute());
    },
    async postpone(subject, untilMs) {
      await write((tx) =>
        tx
          .updateTable('webhooks')
          .set({ not_before_ms: untilMs })
          .where('subject', '=', subject)
          .execute(),
      );
    },
  };
}
