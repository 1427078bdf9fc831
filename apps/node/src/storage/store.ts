/**
 * Stored data of a node: block log and database together.
 *
 * `commitAll` appends blocks to the log and syncs it once, then puts everything that follows from them into
 * the database in one transaction. A crash between the two leaves the database behind; `openStore` reports
 * that as `applied` below the end of the log, and whoever opens the chain replays `unappliedRecords`.
 *
 * The chain of a store begins with the genesis block, or with the block of a snapshot: then `base` says which,
 * and the log begins with the block after it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StateKey, StateReader, TxReceipt } from '@aitbc/chain';
import { concat, createReader, hex } from '@aitbc/primitives';
import {
  AppError,
  blockHashOf,
  bytes32,
  decodeCertificate,
  type Hex,
  headerFields,
  type Network,
  readRecord,
} from '@aitbc/protocol';
import { type BlockLog, type LogPlace, type LogRecord, openBlockLog } from './block-log.ts';
import {
  type Applied,
  type BlockRow,
  type ChainDatabase,
  decodeApplied,
  decodeBlockRow,
  decodeEntryRow,
  decodePlace,
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
import { createLatePlaces } from './late-places.ts';
import { type BlockChanges, putBlocks } from './put-blocks.ts';
import { decodeReceiptRow } from './receipt-rows.ts';
import { finishInstall } from './snapshots/install.ts';

export type { BlockChanges };

/** A final block with all that follows from it. */
export interface BlockToStore {
  /** Bytes of the block. */
  readonly body: Uint8Array;
  /** Finalization of the block, or of a later one of the same call. */
  readonly certificate: Uint8Array;
  readonly changes: BlockChanges;
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
  /** Bytes of the header that the chain begins with, when that is a snapshot's and not the genesis block's. */
  base(): Uint8Array | undefined;
  /** Puts the genesis entries into an empty database. */
  initialise(changes: BlockChanges, genesisHash: Hex): void;
  /** Appends to the log, syncs, then updates the database: oldest block first. One call at a time. */
  commitAll(blocks: readonly BlockToStore[]): Promise<void>;
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
  /** Entry bytes of the validator set of a height, as far back as this store has seen sets change. */
  setAt(height: number): Uint8Array | undefined;
  close(): Promise<void>;
}

/** Opens the stored data in a folder. Throws AppError CONFIG_INVALID for another network's folder, STORE_CORRUPT. */
export async function openStore(folder: string, network: Network): Promise<Store> {
  const { genesisHash } = network;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await finishInstall(folder);
  const database = openDatabase(join(folder, 'index'));
  try {
    const known = database.tables.meta.get(metaKeys.genesis);
    if (known && hex(known) !== genesisHash) throw foreignFolder(folder, hex(known), genesisHash);
    const log = await openBlockLog(join(folder, 'blocks.log'), {
      fromOffset: appliedOf(database)?.logEnd ?? 0,
      provesItself: (record) => provesItself(network, record),
    });
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

/** True when the certificate of a record names its own block. */
function provesItself(network: Network, { body, certificate }: LogRecord): boolean {
  const decoded = decodeCertificate(certificate);
  if (!decoded.ok) return true; // whole and not readable: damage that is reported when it is read
  const header = readRecord(headerFields, createReader(body));
  if (header.chain !== network.chain) {
    const reason = `block ${header.height} belongs to chain ${header.chain}, not ${network.chain}`;
    throw new AppError('STORE_CORRUPT', { what: 'the block log', reason });
  }
  return decoded.value.blockHash === blockHashOf(network, header);
}

function appliedOf({ tables }: ChainDatabase): Applied | undefined {
  const bytes = tables.meta.get(metaKeys.applied);
  return bytes && decodeApplied(bytes);
}

function createStore(database: ChainDatabase, log: BlockLog): Store {
  const { tables } = database;
  const reads = readsOf(tables);
  const late = createLatePlaces(tables, {
    applied: appliedOf(database)?.height ?? 0,
    idsOf: (height) => reads.receipts(height).map(({ txId }) => txId),
  });
  return {
    get(key) {
      const row = tables.entries.get(entryKey(key));
      return row && decodeEntryRow(row).value;
    },
    applied: () => appliedOf(database),
    base: () => tables.meta.get(metaKeys.base),
    initialise(changes, genesisHash) {
      database.transaction(() => {
        void tables.meta.put(metaKeys.genesis, bytes32(genesisHash));
        putBlocks(tables, [{ place: { offset: 0, sizeBytes: 0 }, changes }]);
      });
    },
    async commitAll(blocks) {
      const places = await log.append(blocks);
      const placed = blocks.map(({ changes }, at) => ({ place: places[at] as LogPlace, changes }));
      let settle = (): void => {};
      await database.batch(() => {
        putBlocks(tables, placed);
        settle = late.put(placed.map(({ changes }) => changes));
      });
      settle();
    },
    apply(place, changes) {
      let settle = (): void => {};
      database.transaction(() => {
        putBlocks(tables, [{ place, changes }]);
        settle = late.put([changes]);
      });
      settle();
    },
    unappliedRecords: () => log.records(appliedOf(database)?.logEnd ?? 0),
    record: (row) => log.read(row),
    ...reads,
    placeOf(txId) {
      const waiting = late.placeOf(txId);
      const bytes = waiting ? undefined : tables.places.get(bytes32(txId));
      return bytes ? decodePlace(bytes) : waiting;
    },
    async close() {
      await log.close();
      database.transaction(() => late.putAll());
      await database.close();
    },
  };
}

function readsOf(
  tables: Tables,
): Pick<
  Store,
  'entries' | 'keysOf' | 'channelsOf' | 'blockRow' | 'heightOf' | 'receipts' | 'touched' | 'setAt'
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
    receipts: (height) =>
      decodeReceiptRow(height, tables.receipts.get(heightKey(height)) ?? new Uint8Array(0)),
    touched(height) {
      const bytes = tables.touched.get(heightKey(height)) ?? new Uint8Array(0);
      const keys = bytes.length / 33;
      return Array.from({ length: keys }, (_, at) => stateKeyOf(bytes.subarray(at * 33)));
    },
    setAt(height) {
      const [row] = tables.sets.getRange({ start: heightKey(height), reverse: true, limit: 1 });
      return row?.value;
    },
  };
}

function entriesByIndex({ entries }: Tables): [StateKey, Uint8Array][] {
  const sorted: [StateKey, Uint8Array][] = new Array(entries.getCount());
  for (const { key, value: row } of entries.getRange()) {
    const { index, value } = decodeEntryRow(row);
    sorted[index - 1] = [stateKeyOf(key), value]; // leaf 0 is the sentinel of the tree
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
