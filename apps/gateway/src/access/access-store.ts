/**
 * Who may spend, and who asked: API keys, and one row for each request. A file of its own beside the books,
 * because the books are the buyer's and know nothing of keys. Secrets are stored as SHA-256 only; they have 256
 * random bits, so a slow hash would add nothing. No prompt and no answer is ever written.
 *
 * Requests are written in groups (group-commit.ts), most of them once, when they have ended. The books call `flushKeyed`
 * before each write of their own, so a request that counts against the limits of a key is on disk before a voucher for it
 * leaves. Others are a log, of which a crash may take the last moment.
 */
import { amountOf, type Hex } from '@aitbc/protocol';
import { type Migration, migrate, openSqlite, type Sqlite, type SqlRow } from '@aitbc/service';
import { createGroupCommit } from '../group-commit.ts';

const requestsKept = 100_000;

const migrations: readonly Migration[] = [
  {
    name: 'first',
    up: `
create table keys (
  name text primary key,
  secret_hash text not null unique,
  day_max text,
  job_max text,
  models text,
  created_at_ms integer not null
) strict;
create table requests (
  job_id text primary key,
  key text,
  dialect text not null,
  started_at_ms integer not null,
  charged text
) strict, without rowid;
create index requests_by_key on requests (key, started_at_ms);
create index requests_by_time on requests (started_at_ms);
`,
  },
  {
    name: 'an index of keys only',
    up: `
drop index requests_by_key;
create index requests_by_key on requests (key, started_at_ms) where key is not null;
`,
  },
];

/** A local API key. Amounts in nait; null for no limit of its own. */
export interface ApiKey {
  readonly name: string;
  readonly secretHash: Hex;
  readonly dayMax: bigint | null;
  readonly jobMax: bigint | null;
  readonly models: readonly string[] | null;
  readonly createdAtMs: number;
}

/** One request that was bought. */
export interface RequestRow {
  readonly jobId: Hex;
  /** Name of the API key. */
  readonly key: string | null;
  readonly dialect: string;
  readonly startedAtMs: number;
  /** nait; null until all is known that it owes. */
  readonly charged: bigint | null;
}

/** Keys and requests. */
export interface AccessStore {
  keys(): readonly ApiKey[];
  addKey(key: ApiKey): void;
  removeKey(name: string): void;
  /** Notes a request; one that is repeated keeps its time, and its end is to come again. */
  begin(row: Omit<RequestRow, 'charged'>): void;
  end(jobId: Hex, charged: bigint): void;
  request(jobId: Hex): RequestRow | undefined;
  /** Requests of a key since a time. */
  requestsOf(key: string, sinceMs: number): readonly RequestRow[];
  /** Writes what was noted when a request of a key is among it. Throws what keeps it from being written. */
  flushKeyed(): void;
  close(): Promise<void>;
}

/** Opens or creates the file. Throws STORE_CORRUPT. */
export async function openAccessStore(path: string): Promise<AccessStore> {
  const sqlite = await openSqlite(path, { durability: 'normal' });
  migrate(sqlite, migrations);
  prune(sqlite);
  const requests = requestStatements(sqlite);
  return {
    ...keyStatements(sqlite),
    ...requests,
    async close() {
      requests.flush();
      await sqlite.close();
    },
  };
}

function prune(sqlite: Sqlite): void {
  const edge = 'select started_at_ms from requests order by started_at_ms desc limit 1 offset ?';
  const row = sqlite.prepare<{ started_at_ms: number }>(edge).get(requestsKept);
  if (row) sqlite.prepare('delete from requests where started_at_ms <= ?').run(row.started_at_ms);
}

function keyStatements(sqlite: Sqlite): Pick<AccessStore, 'keys' | 'addKey' | 'removeKey'> {
  const select = sqlite.prepare('select * from keys order by name');
  const insert = sqlite.prepare('insert into keys values (?, ?, ?, ?, ?, ?)');
  const remove = sqlite.prepare('delete from keys where name = ?');
  return {
    keys: () => select.all().map(keyOf),
    addKey({ name, secretHash, dayMax, jobMax, models, createdAtMs }) {
      const list = models && JSON.stringify(models);
      insert.run(name, secretHash, textOf(dayMax), textOf(jobMax), list, createdAtMs);
    },
    removeKey: (name) => void remove.run(name),
  };
}

/** A request that begins, or its end. */
type Noted = Omit<RequestRow, 'charged'> | Required<Pick<RequestRow, 'jobId' | 'charged'>>;

type RequestStatements = Pick<AccessStore, 'begin' | 'end' | 'request' | 'requestsOf'> &
  Pick<AccessStore, 'flushKeyed'> & { flush(): void };

function requestStatements(sqlite: Sqlite): RequestStatements {
  const insert = sqlite.prepare(
    `insert into requests values (?, ?, ?, ?, ?)
     on conflict (job_id) do update set charged = excluded.charged`,
  );
  const update = sqlite.prepare('update requests set charged = ? where job_id = ?');
  const selectOne = sqlite.prepare('select * from requests where job_id = ?');
  const selectOf = sqlite.prepare('select * from requests where key = ? and started_at_ms >= ?');
  let isKeyed = false;
  const write = (all: readonly Noted[]): void => {
    sqlite.transaction(() => {
      for (const [jobId, { begun, charged }] of newestOf(all)) {
        if (!begun) update.run(textOf(charged), jobId);
        else insert.run(jobId, begun.key, begun.dialect, begun.startedAtMs, textOf(charged));
      }
    });
    isKeyed = false;
  };
  const group = createGroupCommit<Noted>(write);
  const note = (noted: Noted): void => {
    group.add(noted, 'soon').catch(() => {}); // a request that must be on disk is flushed
  };
  return {
    begin(row) {
      isKeyed ||= row.key !== null;
      note(row);
    },
    end: (jobId, charged) => note({ jobId, charged }),
    request(jobId) {
      if (group.waiting().some((noted) => noted.jobId === jobId)) group.flush();
      const row = selectOne.get(jobId);
      return row && requestOf(row);
    },
    requestsOf(key, sinceMs) {
      group.flush();
      return selectOf.all(key, sinceMs).map(requestOf);
    },
    flush: group.flush,
    flushKeyed() {
      if (isKeyed) group.flush();
    },
  };
}

/** What a group says of each request: its first beginning and its last state. */
function newestOf(all: readonly Noted[]) {
  const newest = new Map<Hex, { begun?: Omit<RequestRow, 'charged'>; charged: bigint | null }>();
  for (const noted of all) {
    const { jobId } = noted;
    const known = newest.get(jobId);
    if ('charged' in noted) newest.set(jobId, { ...known, charged: noted.charged });
    else newest.set(jobId, { begun: known?.begun ?? noted, charged: null });
  }
  return newest;
}

const textOf = (amount: bigint | null) => (amount === null ? null : amount.toString());
const amountOrNull = (value: unknown) => (value === null ? null : amountOf(String(value)));

function keyOf(row: SqlRow): ApiKey {
  return {
    name: String(row.name),
    secretHash: String(row.secret_hash),
    dayMax: amountOrNull(row.day_max),
    jobMax: amountOrNull(row.job_max),
    models: row.models === null ? null : (JSON.parse(String(row.models)) as string[]),
    createdAtMs: Number(row.created_at_ms),
  };
}

function requestOf(row: SqlRow): RequestRow {
  return {
    jobId: String(row.job_id),
    key: row.key === null ? null : String(row.key),
    dialect: String(row.dialect),
    startedAtMs: Number(row.started_at_ms),
    charged: amountOrNull(row.charged),
  };
}
