/**
 * The database: everything that is looked up by a key, in one LMDB environment. One transaction for each
 * final block carries all its changes and the applied height, so the tables never disagree.
 *
 *   meta       'genesis' → hash 32 · 'applied' → height u64 ‖ view u64 ‖ log end u64 ‖ block hash 32 ·
 *              'base' → header of the snapshot that the chain begins with ·
 *              'placed' → height u64 up to which `places` is complete, see late-places.ts
 *   entries    kind letter ‖ id 32 → index in the state tree u32 ‖ entry bytes
 *   blocks     height u64 → offset u64 ‖ record bytes u32 ‖ transactions u32 ‖ block hash 32
 *   heights    block hash 32 → height u64
 *   receipts   height u64 → receipts in order, see receipt-rows.ts
 *   touched    height u64 → entry keys the block wrote, 33 bytes each
 *   places     transaction id 32 → height u64 ‖ index u32
 *   sets       height u64 of the first block of a validator set → entry bytes of the set
 *   parties    role letter ‖ account 32 ‖ channel 32 → nothing
 *
 * Bodies and certificates stay in the block log; a row of `blocks` says where. Commits are synced before
 * they return. Rejected: a copy of each body here (the log is needed anyway, and it would double the
 * bytes written). See docs/spec/consensus.md, "Stored data".
 */
import type { StateKey } from '@aitbc/chain';
import { createReader, createWriter, hex } from '@aitbc/primitives';
import { AppError, bytes32, type Hex } from '@aitbc/protocol';
import { type Database, open, type RootDatabase } from 'lmdb';

const tableNames = [
  'meta',
  'entries',
  'blocks',
  'heights',
  'receipts',
  'touched',
  'places',
  'sets',
  'parties',
] as const;

/** Tables by name; keys and values are bytes. */
export type Tables = Readonly<Record<(typeof tableNames)[number], Table>>;

/** One table. */
export type Table = Database<Uint8Array, Uint8Array>;

/** An open database. */
export interface ChainDatabase {
  readonly tables: Tables;
  /** Runs synchronously; everything it puts is readable when it returns, or nothing when it throws. */
  transaction(run: () => void): void;
  /** The same, written by another thread: resolves when it is readable, all at once. */
  batch(run: () => void): Promise<void>;
  close(): Promise<void>;
}

/** Opens or creates the environment in a folder. Throws AppError STORE_CORRUPT. */
export function openDatabase(folder: string): ChainDatabase {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const root = openRoot(folder);
  const tables = Object.fromEntries(
    tableNames.map((name) => [name, root.openDB<Uint8Array, Uint8Array>(name, binary)]),
  ) as unknown as Tables;
  return {
    tables,
    transaction: (run) => root.transactionSync(run),
    async batch(run) {
      await root.batch(run);
    },
    close: () => root.close(),
  };
}

function openRoot(path: string): RootDatabase<Uint8Array, Uint8Array> {
  try {
    return open<Uint8Array, Uint8Array>({
      path,
      noSubdir: false,
      maxDbs: tableNames.length,
      encoding: 'binary',
      keyEncoding: 'binary',
      cache: false,
      overlappingSync: true, // the block log is synced before: what a power cut takes from here is replayed
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError('STORE_CORRUPT', { what: 'the database', reason }, { cause: error });
  }
}

/** Where the stored chain ends. */
export interface Applied {
  readonly height: number;
  readonly view: number;
  readonly logEnd: number;
  readonly hash: Hex;
}

/** Where a block lies in the log. */
export interface BlockRow {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly txCount: number;
  readonly hash: Hex;
}

/** Where a transaction stands in the chain. */
export interface TxPlace {
  readonly height: number;
  readonly index: number;
}

export const metaKeys = Object.freeze({
  genesis: Buffer.from('genesis'),
  applied: Buffer.from('applied'),
  base: Buffer.from('base'),
  placed: Buffer.from('placed'),
});

const u64 = (value: number): Uint8Array => createWriter().u64(BigInt(value)).finish();

/** Key of a height: eight bytes, so that the order of keys is the order of heights. */
export const heightKey = u64;

/** The height of its key. */
export const decodeHeight = (bytes: Uint8Array): number => Number(createReader(bytes).u64());

export const entryKeyBytes = 33;
export const hashBytes = 32;
export const placeBytes = 12;

/** Bytes of an entry's key. */
export function entryKey(key: StateKey): Uint8Array {
  return encodeKeys([key]);
}

/** Bytes of entry keys, one behind the other. */
export function encodeKeys(keys: readonly StateKey[]): Buffer {
  const bytes = Buffer.allocUnsafe(keys.length * entryKeyBytes);
  let at = 0;
  for (const key of keys) {
    bytes[at] = key.charCodeAt(0);
    bytes.write(key.slice(1), at + 1, 'hex');
    at += entryKeyBytes;
  }
  return bytes;
}

/** Entry key of its bytes. */
export function stateKeyOf(bytes: Uint8Array): StateKey {
  return String.fromCharCode(bytes[0] as number) + hex(bytes.subarray(1, 33));
}

export function encodeApplied({ height, view, logEnd, hash }: Applied): Uint8Array {
  const writer = createWriter().u64(BigInt(height)).u64(BigInt(view)).u64(BigInt(logEnd));
  return writer.fixed(bytes32(hash), 32).finish();
}

export function decodeApplied(bytes: Uint8Array): Applied {
  const reader = createReader(bytes);
  const [height, view, logEnd] = [reader.u64(), reader.u64(), reader.u64()].map(Number) as [
    number,
    number,
    number,
  ];
  return { height, view, logEnd, hash: hex(reader.fixed(32)) };
}

export function encodeBlockRow({ offset, sizeBytes, txCount, hash }: BlockRow): Uint8Array {
  const writer = createWriter().u64(BigInt(offset)).u32(sizeBytes).u32(txCount);
  return writer.fixed(bytes32(hash), 32).finish();
}

export function decodeBlockRow(bytes: Uint8Array): BlockRow {
  const reader = createReader(bytes);
  const offset = Number(reader.u64());
  return { offset, sizeBytes: reader.u32(), txCount: reader.u32(), hash: hex(reader.fixed(32)) };
}

/** Bytes of hashes, one behind the other. */
export function encodeHashes(hashes: readonly Hex[]): Buffer {
  const bytes = Buffer.allocUnsafe(hashes.length * hashBytes);
  for (const [at, hash] of hashes.entries()) bytes.write(hash, at * hashBytes, 'hex');
  return bytes;
}

export function decodePlace(bytes: Uint8Array): TxPlace {
  const reader = createReader(bytes);
  return { height: Number(reader.u64()), index: reader.u32() };
}

export function encodeEntryRow(index: number, value: Uint8Array): Uint8Array {
  const row = Buffer.allocUnsafe(4 + value.length);
  row.writeUInt32BE(index);
  row.set(value, 4);
  return row;
}

export function decodeEntryRow(row: Uint8Array): { index: number; value: Uint8Array } {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  return { index: view.getUint32(0), value: row.subarray(4) };
}

/** Which side of a channel an account is on. */
export type Role = 'payer' | 'receiver';

/** Key of a channel under one of its parties. */
export function partyKey(role: Role, party: Hex, channelId: Hex): Uint8Array {
  const writer = createWriter().u8(role.charCodeAt(0));
  return writer.fixed(bytes32(party), 32).fixed(bytes32(channelId), 32).finish();
}
