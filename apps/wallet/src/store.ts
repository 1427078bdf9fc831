/**
 * The wallet's database: the only place with its SQL. Every commit reaches the disk before it returns,
 * so a signature never leaves the process before its log line and its spending are safe.
 */
import { AppError } from '@aitbc/protocol';
import { migrate, openSqlite, type Sqlite } from '@aitbc/service';
import type { WalletScopes } from './access/scopes.ts';
import { type Keystore, zKeystore } from './keys/keystore.ts';
import { migrations } from './migrations/steps.ts';

/** An account the wallet holds. */
export interface AccountRow {
  readonly address: string;
  readonly label: string;
  readonly keystore: Keystore;
  readonly createdAtMs: number;
}

/** An account without a key: one that is watched, or one that is shared. */
export interface WatchedRow {
  readonly address: string;
  readonly label: string;
  readonly kind: 'watch' | 'shared';
  readonly createdAtMs: number;
}

/** A token; its text is not stored, only the hash. */
export interface TokenRow {
  readonly tokenId: string;
  readonly label: string;
  readonly hash: string;
  readonly scopes: WalletScopes;
  readonly createdAtMs: number;
}

/** One line of the signature log. */
export interface LogEntry {
  readonly number: number;
  readonly atMs: number;
  readonly address: string;
  readonly token: string;
  readonly txId: string;
  readonly description: string;
}

/** A signature on its way into the log. */
export interface NewLogEntry extends Omit<LogEntry, 'number' | 'token'> {
  readonly tokenId: string;
  readonly tokenLabel: string;
}

/** What the daemon stores. All calls are synchronous; several become one by `transaction`. */
export interface WalletStore {
  transaction<T>(work: () => T): T;
  readonly accounts: {
    /** Throws WALLET_ACCOUNT_EXISTS, or FORBIDDEN when the wallet is full. */
    add(row: AccountRow): void;
    /** Throws WALLET_ACCOUNT_UNKNOWN. */
    get(address: string): AccountRow;
    has(address: string): boolean;
    list(): AccountRow[];
    /** Nothing of the keystore before is left in the files of the database. */
    replaceKeystore(address: string, keystore: Keystore): void;
  };
  readonly watched: {
    /** Throws WALLET_ACCOUNT_EXISTS, or FORBIDDEN when the wallet is full. */
    add(row: WatchedRow): void;
    get(address: string): WatchedRow | undefined;
    list(): WatchedRow[];
    remove(address: string): void;
  };
  readonly tokens: {
    /** Throws FORBIDDEN when the wallet is full. */
    add(row: TokenRow): void;
    byHash(hash: string): TokenRow | undefined;
    byId(tokenId: string): TokenRow | undefined;
    list(): TokenRow[];
    remove(tokenId: string): boolean;
  };
  readonly spending: {
    /** What a token spent on a UTC day, nait. */
    of(tokenId: string, day: number): bigint;
    set(tokenId: string, day: number, amountNait: bigint): void;
  };
  readonly log: {
    add(entry: NewLogEntry): void;
    hasTx(txId: string): boolean;
    /** Newest first, below a number; of these accounts only when some are named. */
    page(options: {
      readonly before: number | undefined;
      readonly addresses: readonly string[] | undefined;
      readonly limit: number;
    }): LogEntry[];
  };
  close(): Promise<void>;
}

const accountsMax = 1_000;
const tokensMax = 1_000;

/** Opens or creates the database file. Throws STORE_CORRUPT. */
export async function openStore(path: string): Promise<WalletStore> {
  const sqlite = await openSqlite(path, { durability: 'full' });
  try {
    sqlite.exec('pragma secure_delete = on');
    migrate(sqlite, migrations);
  } catch (error) {
    await sqlite.close();
    throw error;
  }
  return {
    transaction: (work) => sqlite.transaction(work),
    accounts: accountsOf(sqlite),
    watched: watchedOf(sqlite),
    tokens: tokensOf(sqlite),
    spending: spendingOf(sqlite),
    log: logOf(sqlite),
    close: () => sqlite.close(),
  };
}

interface RawAccount {
  readonly address: string;
  readonly label: string;
  readonly keystore: string;
  readonly created_at_ms: number;
}

function accountsOf(sqlite: Sqlite): WalletStore['accounts'] {
  const insert = sqlite.prepare('insert into accounts values (?, ?, ?, ?) on conflict do nothing');
  const one = sqlite.prepare<RawAccount>('select * from accounts where address = ?');
  const all = sqlite.prepare<RawAccount>('select * from accounts order by created_at_ms, address');
  const count = sqlite.prepare<{ n: number }>('select count(*) as n from accounts');
  const replace = sqlite.prepare('update accounts set keystore = ? where address = ?');
  return {
    add(row) {
      assertRoom(count.get()?.n ?? 0, accountsMax, 'accounts');
      const keystore = JSON.stringify(row.keystore);
      const { changes } = insert.run(row.address, row.label, keystore, row.createdAtMs);
      if (changes === 0) throw new AppError('WALLET_ACCOUNT_EXISTS', { account: row.address });
    },
    get(address) {
      const raw = one.get(address);
      if (!raw) throw new AppError('WALLET_ACCOUNT_UNKNOWN', { account: address });
      return accountFrom(raw);
    },
    has: (address) => one.get(address) !== undefined,
    list: () => all.all().map(accountFrom),
    replaceKeystore(address, keystore) {
      replace.run(JSON.stringify(keystore), address);
      sqlite.exec('pragma wal_checkpoint(truncate)');
    },
  };
}

function accountFrom(raw: RawAccount): AccountRow {
  const keystore = zKeystore.safeParse(JSON.parse(raw.keystore));
  if (!keystore.success) {
    const what = `the keystore of ${raw.address}`;
    throw new AppError('STORE_CORRUPT', { what, reason: 'it does not fit its format' });
  }
  const { address, label, created_at_ms: createdAtMs } = raw;
  return { address, label, keystore: keystore.data, createdAtMs };
}

const watchedColumns = 'address, label, kind, created_at_ms as "createdAtMs"';

function watchedOf(sqlite: Sqlite): WalletStore['watched'] {
  const insert = sqlite.prepare('insert into watched values (?, ?, ?, ?) on conflict do nothing');
  const select = `select ${watchedColumns} from watched`;
  const one = sqlite.prepare<WatchedRow>(`${select} where address = ?`);
  const all = sqlite.prepare<WatchedRow>(`${select} order by created_at_ms, address`);
  const count = sqlite.prepare<{ n: number }>('select count(*) as n from watched');
  const remove = sqlite.prepare('delete from watched where address = ?');
  return {
    add({ address, label, kind, createdAtMs }) {
      assertRoom(count.get()?.n ?? 0, accountsMax, 'watched accounts');
      const { changes } = insert.run(address, label, kind, createdAtMs);
      if (changes === 0) throw new AppError('WALLET_ACCOUNT_EXISTS', { account: address });
    },
    get: (address) => one.get(address),
    list: () => all.all(),
    remove: (address) => void remove.run(address),
  };
}

interface RawToken {
  readonly token_id: string;
  readonly label: string;
  readonly hash: string;
  readonly scopes: string;
  readonly created_at_ms: number;
}

function tokensOf(sqlite: Sqlite): WalletStore['tokens'] {
  const insert = sqlite.prepare('insert into tokens values (?, ?, ?, ?, ?)');
  const byHash = sqlite.prepare<RawToken>('select * from tokens where hash = ?');
  const byId = sqlite.prepare<RawToken>('select * from tokens where token_id = ?');
  const all = sqlite.prepare<RawToken>('select * from tokens order by created_at_ms, token_id');
  const count = sqlite.prepare<{ n: number }>('select count(*) as n from tokens');
  const remove = sqlite.prepare('delete from tokens where token_id = ?');
  const from = (raw: RawToken | undefined): TokenRow | undefined =>
    raw && {
      tokenId: raw.token_id,
      label: raw.label,
      hash: raw.hash,
      scopes: JSON.parse(raw.scopes) as WalletScopes,
      createdAtMs: raw.created_at_ms,
    };
  return {
    add(row) {
      assertRoom(count.get()?.n ?? 0, tokensMax, 'tokens');
      const scopes = JSON.stringify(row.scopes);
      insert.run(row.tokenId, row.label, row.hash, scopes, row.createdAtMs);
    },
    byHash: (hash) => from(byHash.get(hash)),
    byId: (tokenId) => from(byId.get(tokenId)),
    list: () => all.all().flatMap((raw) => from(raw) ?? []),
    remove: (tokenId) => Number(remove.run(tokenId).changes) > 0,
  };
}

function spendingOf(sqlite: Sqlite): WalletStore['spending'] {
  const one = sqlite.prepare<{ amount: string }>(
    'select amount from spending where token_id = ? and day = ?',
  );
  const put = sqlite.prepare(
    'insert into spending values (?, ?, ?) on conflict (token_id, day) do update set amount = excluded.amount',
  );
  return {
    of: (tokenId, day) => BigInt(one.get(tokenId, day)?.amount ?? '0'),
    set: (tokenId, day, amountNait) => void put.run(tokenId, day, amountNait.toString()),
  };
}

const logColumns = `number, at_ms as "atMs", address, token_label as "token", tx_id as "txId", description`;

function logOf(sqlite: Sqlite): WalletStore['log'] {
  const insert = sqlite.prepare(
    'insert into signature_log (at_ms, address, token_id, token_label, tx_id, description) values (?, ?, ?, ?, ?, ?)',
  );
  const hasTx = sqlite.prepare('select 1 as found from signature_log where tx_id = ? limit 1');
  const page = sqlite.prepare<LogEntry>(
    `select ${logColumns} from signature_log
     where number < ? and (? is null or address in (select value from json_each(?)))
     order by number desc limit ?`,
  );
  return {
    add: ({ atMs, address, tokenId, tokenLabel, txId, description }) =>
      void insert.run(atMs, address, tokenId, tokenLabel, txId, description),
    hasTx: (txId) => hasTx.get(txId) !== undefined,
    page({ before, addresses, limit }) {
      const only = addresses ? JSON.stringify(addresses) : null;
      return page.all(before ?? Number.MAX_SAFE_INTEGER, only, only ?? '[]', limit);
    },
  };
}

function assertRoom(count: number, max: number, what: string): void {
  if (count >= max) {
    throw new AppError('FORBIDDEN', { reason: `this wallet holds its limit of ${max} ${what}` });
  }
}
