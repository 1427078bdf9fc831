/** Stored events of the market. */
import type { EventKind } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import type { BulkInsert, Cell, Database } from './database/database.ts';
import { seqAt } from './job-store.ts';
import type { EventRow } from './schema.ts';
import type { Work } from './work.ts';

/** A page of events, oldest first. */
export interface EventPage {
  readonly after: number;
  /** Only events that were stored before. */
  readonly beforeMs: number;
  readonly kind?: EventKind | undefined;
  readonly provider?: string | undefined;
  readonly limit: number;
}

/** Reads and writes events. */
export interface EventRows {
  insert(events: readonly Omit<EventRow, 'seq'>[]): Promise<void>;
  page(page: EventPage): Promise<EventRow[]>;
  /** Deletes up to `limit` events from before a time. */
  prune(beforeMs: number, limit: number): Promise<void>;
}

const insertEvents: BulkInsert = {
  table: 'events',
  skipKnown: true,
  columns: { seq: 'int', at_ms: 'int', kind: 'text', provider: 'text', facts: 'text' },
};

/** Event rows of an open database. `nextSeq` gives a number above all before it. */
export function createEventRows(
  database: Database,
  groups: CommitGroups<Work>,
  nextSeq: () => number,
): EventRows {
  return {
    async insert(events) {
      await groups.run({
        type: 'write',
        async run(tx) {
          let open = events;
          // A number that another coordinator gave out in the same moment is replaced by the next one.
          while (open.length > 0) {
            const rows = open.map((event): [number, ...Cell[]] => [
              nextSeq(),
              ...[event.at_ms, event.kind, event.provider, event.facts],
            ]);
            const written = await database.insertRows(tx, insertEvents, rows);
            open = open.filter((_event, at) => !written.has(rows[at]?.[0] ?? null));
          }
        },
      });
    },
    async page({ after, beforeMs, kind, provider, limit }) {
      let rows = database.db.selectFrom('events').selectAll().where('seq', '>', after);
      rows = rows.where('seq', '<', seqAt(beforeMs));
      if (kind) rows = rows.where('kind', '=', kind);
      if (provider) rows = rows.where('provider', '=', provider);
      return await rows.orderBy('seq').limit(limit).execute();
    },
    async prune(beforeMs, limit) {
      const query = sql`delete from events where seq in
        (select seq from events where seq < ${seqAt(beforeMs)} order by seq limit ${limit})`;
      await groups.run({ type: 'write', run: (tx) => query.execute(tx) });
    },
  };
}
