/**
 * What final blocks put into the database. Several blocks are one transaction: an entry that more than one
 * of them wrote is put once, with its last value. Rows go in in the order of their keys, because a tree of
 * pages takes sorted keys at half the price of scattered ones.
 */
import { channelOf, keyOf, type StateKey, type TxReceipt } from '@aitbc/chain';
import { AppError, bytes32, type Hex, zeroHash } from '@aitbc/protocol';
import type { LogPlace } from './block-log.ts';
import {
  encodeApplied,
  encodeBlockRow,
  encodeEntryRow,
  encodeKeys,
  entryKey,
  entryKeyBytes,
  heightKey,
  metaKeys,
  partyKey,
  type Tables,
} from './database.ts';
import { encodeReceiptRow } from './receipt-rows.ts';

/** Rows of one transaction that fit into a sortable number beside 32 bits of their key. */
const sortedRowsMax = 2 ** 21;

/** Key of the validator set of the block after the state. */
export const setKey = keyOf('valset', zeroHash);

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

/** Changes of a block and where it lies in the log. */
export interface PlacedChanges {
  readonly place: LogPlace;
  readonly changes: BlockChanges;
}

/** Puts everything of the blocks, oldest first, inside a transaction; places come later, see late-places.ts. */
export function putBlocks(tables: Tables, blocks: readonly PlacedChanges[]): void {
  const latest = new Map<StateKey, BlockChanges>();
  for (const { place, changes } of blocks) {
    putBlock(tables, place, changes);
    for (const key of changes.writes.keys()) latest.set(key, changes);
    putNewParties(tables, changes);
  }
  putWrites(tables, latest);
}

/** One row for each entry, with the value of the last block that wrote it. */
function putWrites(tables: Tables, latest: ReadonlyMap<StateKey, BlockChanges>): void {
  const names = [...latest.keys()];
  const keys = encodeKeys(names);
  for (const at of orderOf(keys, entryKeyBytes)) {
    const name = names[at] as StateKey;
    const { indexOf, writes } = latest.get(name) as BlockChanges;
    const index = indexOf(name);
    if (index === undefined) throw new AppError('INTERNAL', { reason: `no index for ${name}` });
    const row = encodeEntryRow(index, writes.get(name) as Uint8Array);
    void tables.entries.put(keys.subarray(at * entryKeyBytes, (at + 1) * entryKeyBytes), row);
  }
}

/** Numbers of keys in the order of their first four bytes; that is near enough to the order of pages. */
export function orderOf(keys: Buffer, sizeBytes: number): number[] {
  const sortable = new Float64Array(keys.length / sizeBytes);
  for (let at = 0; at < sortable.length; at += 1) {
    sortable[at] = keys.readUInt32BE(at * sizeBytes) * sortedRowsMax + at;
  }
  return Array.from(sortable.sort(), (packed) => packed % sortedRowsMax);
}

function putBlock(tables: Tables, place: LogPlace, changes: BlockChanges): void {
  const { height, view, hash, txIds, receipts, writes } = changes;
  const at = heightKey(height);
  void tables.blocks.put(at, encodeBlockRow({ ...place, txCount: txIds.length, hash }));
  void tables.heights.put(bytes32(hash), at);
  void tables.receipts.put(at, encodeReceiptRow(receipts));
  void tables.touched.put(at, encodeKeys([...writes.keys()]));
  const set = writes.get(setKey);
  if (set) void tables.sets.put(heightKey(height === 0 ? 0 : height + 1), set);
  const logEnd = place.offset + place.sizeBytes;
  void tables.meta.put(metaKeys.applied, encodeApplied({ height, view, logEnd, hash }));
}

function putNewParties(tables: Tables, changes: BlockChanges): void {
  const { writes, indexOf, newFrom } = changes;
  for (const key of writes.keys()) {
    if (key.startsWith('c') && (indexOf(key) ?? 0) >= newFrom) putParties(tables, changes, key);
  }
}

/** A new channel is listed under both of its parties. */
function putParties(tables: Tables, { writes }: Pick<BlockChanges, 'writes'>, key: StateKey): void {
  const channelId = key.slice(1);
  const channel = channelOf({ get: (wanted) => writes.get(wanted) }, channelId);
  if (!channel) return;
  for (const role of ['payer', 'receiver'] as const) {
    void tables.parties.put(partyKey(role, channel[role], channelId), new Uint8Array(0));
  }
}

/** Puts the entries of a snapshot, in the order of their indices from the first on. */
export function putEntries(
  tables: Tables,
  firstIndex: number,
  entries: readonly (readonly [StateKey, Uint8Array])[],
): void {
  for (const [at, [key, value]] of entries.entries()) {
    void tables.entries.put(entryKey(key), encodeEntryRow(firstIndex + at, value));
    if (key === setKey) void tables.sets.put(heightKey(0), value); // its readers compare the hash
    if (key.startsWith('c')) putParties(tables, { writes: new Map([[key, value]]) }, key);
  }
}
