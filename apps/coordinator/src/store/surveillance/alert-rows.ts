/** Stored alerts. The document never changes; what became of it stands beside. */
import {
  type Alert,
  type AlertLevel,
  type AlertState,
  alertLevels,
  alertStates,
  type Hex,
  type StoredAlert,
} from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from '../commit-groups.ts';
import type { BulkInsert, Cell, Database } from '../database/database.ts';
import type { AlertRow } from '../schema.ts';
import type { Work } from '../work.ts';

/** Which alerts are wanted. */
export interface AlertWish {
  /** This level and more serious ones. */
  readonly level?: AlertLevel | undefined;
  readonly pattern?: string | undefined;
  readonly subject?: string | undefined;
  readonly status?: AlertState | undefined;
}

/** A page of alerts: newest first, or oldest first after a number. */
export interface AlertPage extends AlertWish {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

/** How many alerts of a pattern there are. */
export interface AlertCount {
  readonly pattern: string;
  readonly level: AlertLevel;
  readonly status: AlertState;
  readonly alerts: number;
}

/** Reads and writes alerts. */
export interface AlertRows {
  /** Stores what is new; how many that were. */
  insert(alerts: readonly Alert[]): Promise<number>;
  get(id: Hex): Promise<StoredAlert | undefined>;
  page(page: AlertPage): Promise<StoredAlert[]>;
  /** The changed alert; undefined for none. */
  resolve(
    id: Hex,
    end: { readonly status: AlertState; readonly note: string; readonly atMs: number },
  ): Promise<StoredAlert | undefined>;
  counts(): Promise<AlertCount[]>;
  prune(beforeMs: number, limit: number): Promise<void>;
}

const insertAlerts: BulkInsert = {
  table: 'alerts',
  skipKnown: true,
  columns: {
    ...{ alert_id: 'text', seq: 'int', at_ms: 'int', level: 'int', pattern: 'text' },
    ...{ subjects: 'text', document: 'text', status: 'text', note: 'text', resolved_at_ms: 'int' },
  },
};

/** Alert rows of an open database. */
export function createAlertRows(
  database: Database,
  groups: CommitGroups<Work>,
  nextSeq: () => number,
): AlertRows {
  const { db } = database;
  const all = () => db.selectFrom('alerts').selectAll();
  return {
    async insert(alerts) {
      if (alerts.length === 0) return 0;
      const written = await groups.run({
        type: 'write',
        run: (tx) => {
          const rows = alerts.map((alert) => cellsOf(nextSeq(), alert));
          return database.insertRows(tx, insertAlerts, rows);
        },
      });
      return (written as Set<Cell>).size;
    },
    async get(id) {
      const row = await all().where('alert_id', '=', id).executeTakeFirst();
      return row && alertOf(row);
    },
    async page({ after, before, limit, ...wish }) {
      let rows = all();
      if (wish.level) rows = rows.where('level', '>=', alertLevels.indexOf(wish.level));
      if (wish.pattern) rows = rows.where('pattern', '=', wish.pattern);
      if (wish.status) rows = rows.where('status', '=', wish.status);
      if (wish.subject) rows = rows.where('subjects', 'like', `%${wish.subject}%`);
      if (after !== undefined) rows = rows.where('seq', '>', after);
      if (before !== undefined) rows = rows.where('seq', '<', before);
      const order = after === undefined ? 'desc' : 'asc';
      return (await rows.orderBy('seq', order).limit(limit).execute()).map(alertOf);
    },
    async resolve(id, { status, note, atMs }) {
      const row = await groups.run({
        type: 'write',
        run: (tx) =>
          tx
            .updateTable('alerts')
            .set({ status, note, resolved_at_ms: atMs })
            .where('alert_id', '=', id)
            .returningAll()
            .executeTakeFirst(),
      });
      return row ? alertOf(row as AlertRow) : undefined;
    },
    async counts() {
      const rows = await db
        .selectFrom('alerts')
        .select(({ fn }) => ['pattern', 'level', 'status', fn.countAll().as('alerts')])
        .groupBy(['pattern', 'level', 'status'])
        .execute();
      return rows.map(({ pattern, level, status, alerts }) => ({
        ...{ pattern, level: levelOf(level), status: stateOf(status), alerts: Number(alerts) },
      }));
    },
    async prune(beforeMs, limit) {
      const query = sql`delete from alerts where alert_id in
        (select alert_id from alerts where at_ms < ${beforeMs} limit ${limit})`;
      await groups.run({ type: 'write', run: (tx) => query.execute(tx) });
    },
  };
}

function cellsOf(seq: number, alert: Alert): Cell[] {
  const { id, atMs, level, pattern, subjects } = alert;
  const names = subjects.map(({ address }) => address).join(' ');
  const rank = alertLevels.indexOf(level);
  return [id, seq, atMs, rank, pattern, names, JSON.stringify(alert), 'open', '', null];
}

function alertOf({ seq, document, status, note, resolved_at_ms }: AlertRow): StoredAlert {
  const alert = JSON.parse(document) as Alert;
  return { ...alert, seq, status: stateOf(status), note, resolvedAtMs: resolved_at_ms };
}

function levelOf(rank: number): AlertLevel {
  return alertLevels[rank] ?? 'low';
}

function stateOf(text: string): AlertState {
  return alertStates.find((state) => state === text) ?? 'open';
}
