/**
 * Stored data of a node: block log and database together.
 *
 * `commit` appends the block to the log and syncs it, then puts everything that follows from the block
 * into the database in one transaction. A crash between the two leaves the database behind; `openStore`
 * reports that as `applied` below the end of the log, and the ledger replays `unappliedRecords`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  channelOf,
  decodeReceipt,
  encodeReceipt,
  type StateKey,
  type StateReader,
  type TxReceipt,
} from '@aitbc/chain';
import { concat, createReader, createWriter, hex } from '@aitbc/primitives';
import { AppError, bytes32, type Hex, unwrap } from '@aitbc/protocol';
import { type BlockLog, type LogPlace, type LogRecord, openBlockLog } from './block-log.ts';
import {
  type Applied,
  type BlockRow,
  type ChainDatabase,
  decodeApplied,
  decodeBlockRow,
  decodeEntryRow,
  decodePlace,
  encodeApplied,
  encodeBlockRow,
  encodeEntryRow,
  encodePlace,
  entryKey,
  heightKey,
  metaKeys,
  openDatabase,
  partyKey,
  type Role,
  stateKeyOf,
  type Tables,
  type TxPlace,
} from './database.ts';

/** What a block changes, beside its own bytes. */
export interface BlockChanges {
  readonly height: number;
  readonly view: number;
  readonly hash: Hex;
  readonly txIds: readonly Hex[];
  readonly receipts: readonly TxReceipt[];
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
  /** Index of each written key in the tree; `newFrom` and above are new keys. */
  readonly indexOf: (key: StateKey) => number | undefined;
  readonly newFrom: number;
}

/** Entries of one kind, in key order. */
export interface EntryPage {
  readonly letter: string;
  readonly after?: Hex | undefined;
  readonly limit: number;
}

/** Channels of one party, in id order. */
export interface PartyPage {
  readonly role: Role;
  readonly party: Hex;
  readonly after?: Hex | undefined;
  readonly limit: number;
}

/** Stored data of a node; reads see the last committed block. */
export interface Store extends StateReader {
  /** Where the database stands; undefined before the genesis block is in it. */
  applied(): Applied | undefined;
  /** Puts the genesis entries into an empty database. */
  initialise(changes: BlockChanges, genesisHash: Hex): void;
  /** Appends to the log, syncs, then updates the database. One call at a time. */
  commit(body: Uint8Array, certificate: Uint8Array, changes: BlockChanges): Promise<void>;
  /** Updates the database for a record that is in the log already. */
  apply(place: LogPlace, changes: BlockChanges): void;
  /** Records of the log that the database does not have yet. */
  unappliedRecords(): Generator<LogRecord>;
  /** All entries in the order of their index. */
  entries(): [StateKey, Uint8Array][];
  keysOf(page: EntryPage): Hex[];
  channelsOf(page: PartyPage): Hex[];
  blockRow(height: number): BlockRow | undefined;
  heightOf(hash: Hex): number | undefined;
  record(row: BlockRow): LogRecord;
  receipts(height: number): TxReceipt[];
  touched(height: number): StateKey[];
  placeOf(txId: Hex): TxPlace | undefined;
  close(): Promise<void>;
}

/** Opens the stored data in a folder. Throws AppError CONFIG_INVALID for another network's folder, STORE_CORRUPT. */
export async function openStore(folder: string, genesisHash: Hex): Promise<Store> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = openDatabase(join(folder, 'index'));
  try {
    const known = database.tables.meta.get(metaKeys.genesis);
    if (known && hex(known) !== genesisHash) throw foreignFolder(folder, hex(known), genesisHash);
    const log = await openBlockLog(join(folder, 'blocks.log'), appliedOf(database)?.logEnd);
    return createStore(database, log);
  } catch (error) {
    await database.close();
    throw error;
  }
}

function foreignFolder(folder: string, got: Hex, expected: Hex): AppError {
  const reason = `the data in ${folder} belongs to genesis ${got}, not ${expected}; use another folder`;
  return new AppError('CONFIG_INVALID', { reason });
}

function appliedOf({ tables }: ChainDatabase): Applied | undefined {
  const bytes = tables.meta.get(metaKeys.applied);
  return bytes && decodeApplied(bytes);
}

function createStore(database: ChainDatabase, log: BlockLog): Store {
  const { tables } = database;
  const apply = (place: LogPlace, changes: BlockChanges): void =>
    database.transaction(() => putBlock(tables, place, changes));
  return {
    get(key) {
      const row = tables.entries.get(entryKey(key));
      return row && decodeEntryRow(row).value;
    },
    applied: () => appliedOf(database),
    initialise(changes, genesisHash) {
      database.transaction(() => {
        void tables.meta.put(metaKeys.genesis, bytes32(genesisHash));
        putBlock(tables, { offset: 0, sizeBytes: 0 }, changes);
      });
    },
    async commit(body, certificate, changes) {
      apply(await log.append(body, certificate), changes);
    },
    apply,
    unappliedRecords: () => log.records(appliedOf(database)?.logEnd ?? 0),
    record: (row) => log.read(row),
    ...readsOf(tables),
    async close() {
      await log.close();
      await database.close();
    },
  };
}

/** Inside a transaction. */
function putBlock(tables: Tables, place: LogPlace, changes: BlockChanges): void {
  const { height, view, hash, txIds, receipts, writes } = changes;
  const at = heightKey(height);
  const row = { ...place, txCount: txIds.length, hash };
  void tables.blocks.put(at, encodeBlockRow(row));
  void tables.heights.put(bytes32(hash), at);
  void tables.receipts.put(at, encodeReceipts(receipts));
  void tables.touched.put(at, concat(...[...writes.keys()].map(entryKey)));
  for (const [index, txId] of txIds.entries()) {
    void tables.places.put(bytes32(txId), encodePlace({ height, index }));
  }
  for (const [key, value] of writes) putEntry(tables, changes, { key, value });
  const logEnd = place.offset + place.sizeBytes;
  void tables.meta.put(metaKeys.applied, encodeApplied({ height, view, logEnd, hash }));
}

function putEntry(
  tables: Tables,
  { indexOf, newFrom, writes }: BlockChanges,
  { key, value }: { readonly key: StateKey; readonly value: Uint8Array },
): void {
  const index = indexOf(key);
  if (index === undefined) throw new AppError('INTERNAL', { reason: `no index for ${key}` });
  void tables.entries.put(entryKey(key), encodeEntryRow(index, value));
  if (index < newFrom || !key.startsWith('c')) return;
  const channelId = key.slice(1);
  const channel = channelOf({ get: (wanted) => writes.get(wanted) }, channelId);
  if (!channel) return;
  for (const role of ['payer', 'receiver'] as const) {
    void tables.parties.put(partyKey(role, channel[role], channelId), new Uint8Array(0));
  }
}

function readsOf(
  tables: Tables,
): Pick<
  Store,
  'entries' | 'keysOf' | 'channelsOf' | 'blockRow' | 'heightOf' | 'receipts' | 'touched' | 'placeOf'
> {
  return {
    entries: () => entriesByIndex(tables),
    keysOf: ({ letter, after, limit }) => {
      const start = after ? entryKey(letter + after) : Buffer.from(letter);
      const end = Buffer.from(String.fromCharCode(letter.charCodeAt(0) + 1));
      return keysBetween(tables.entries, { start, end, after, limit });
    },
    channelsOf: ({ role, party, after, limit }) => {
      const start = partyKey(role, party, after ?? '00'.repeat(32));
      const end = concat(start.subarray(0, 33), new Uint8Array(33).fill(0xff));
      return keysBetween(tables.parties, { start, end, after, limit });
    },
    blockRow(height) {
      const row = tables.blocks.get(heightKey(height));
      return row && decodeBlockRow(row);
    },
    heightOf(hash) {
      const bytes = tables.heights.get(bytes32(hash));
      return bytes && Number(Buffer.from(bytes).readBigUInt64BE(0));
    },
    receipts: (height) => decodeReceipts(tables.receipts.get(heightKey(height))),
    touched(height) {
      const bytes = tables.touched.get(heightKey(height)) ?? new Uint8Array(0);
      const keys = bytes.length / 33;
      return Array.from({ length: keys }, (_, at) => stateKeyOf(bytes.subarray(at * 33)));
    },
    placeOf(txId) {
      const bytes = tables.places.get(bytes32(txId));
      return bytes && decodePlace(bytes);
    },
  };
}

function encodeReceipts(receipts: readonly TxReceipt[]): Uint8Array {
  const writer = createWriter();
  for (const receipt of receipts) writer.variable(encodeReceipt(receipt));
  return writer.finish();
}

function decodeReceipts(bytes: Uint8Array = new Uint8Array(0)): TxReceipt[] {
  const reader = createReader(bytes);
  const receipts: TxReceipt[] = [];
  while (reader.left() > 0) receipts.push(unwrap(decodeReceipt(reader.variable(0xffff))));
  return receipts;
}

function entriesByIndex({ entries }: Tables): [StateKey, Uint8Array][] {
  const sorted: [StateKey, Uint8Array][] = [];
  for (const { key, value: row } of entries.getRange()) {
    const { index, value } = decodeEntryRow(row);
    sorted[index] = [stateKeyOf(key), value];
  }
  if (sorted.includes(undefined as never)) {
    throw new AppError('STORE_CORRUPT', { what: 'the database', reason: 'an entry is missing' });
  }
  return sorted;
}

interface KeyRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly after: Hex | undefined;
  readonly limit: number;
}

/** The last 32 bytes of the keys in a range, as hex, without `after` itself. */
function keysBetween(table: Tables['entries'], { start, end, after, limit }: KeyRange): Hex[] {
  const found: Hex[] = [];
  for (const key of table.getKeys({ start, end, limit: limit + 1 })) {
    const id = hex(key.subarray(key.length - 32));
    if (id !== after && found.length < limit) found.push(id);
  }
  return found;
}
