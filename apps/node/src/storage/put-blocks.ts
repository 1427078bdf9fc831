/**
 * What final blocks put into the database. Several blocks are one transaction: an entry that more than one
 * of them wrote is put once, with its last value. Rows go in in the order of their keys, because a tree of
 * pages takes sorted keys at half the price of scattered ones.
 */
import { channelOf, encodeReceipt, type StateKey, type TxReceipt } from '@aitbc/chain';
import { createWriter } from '@aitbc/primitives';
import { AppError, bytes32, type Hex } from '@aitbc/protocol';
import type { LogPlace } from './block-log.ts';
import {
  encodeApplied,
  encodeBlockRow,
  encodeEntryRow,
  encodeKeys,
  encodePlace,
  entryKey,
  heightKey,
  metaKeys,
  partyKey,
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

/** Changes of a block and where it lies in the log. */
export interface PlacedChanges {
  readonly place: LogPlace;
  readonly changes: BlockChanges;
}

/** Puts everything of the blocks, oldest first, inside a transaction. */
export function putBlocks(tables: Tables, blocks: readonly PlacedChanges[]): void {
  const entries = new Map<StateKey, { index: number; value: Uint8Array }>();
  const places = new Map<Hex, TxPlace>();
  for (const { place, changes } of blocks) {
    putBlock(tables, place, changes);
    const { height, txIds, writes, indexOf } = changes;
    for (const [index, txId] of txIds.entries()) places.set(txId, { height, index });
    for (const [key, value] of writes) {
      const index = indexOf(key);
      if (index === undefined) throw new AppError('INTERNAL', { reason: `no index for ${key}` });
      entries.set(key, { index, value });
      if (index >= changes.newFrom && key.startsWith('c')) putParties(tables, changes, key);
    }
  }
  for (const [txId, place] of inOrder(places)) {
    void tables.places.put(bytes32(txId), encodePlace(place));
  }
  for (const [key, { index, value }] of inOrder(entries)) {
    void tables.entries.put(entryKey(key), encodeEntryRow(index, value));
  }
}

/** By the order of keys; hex sorts as its bytes do. */
function inOrder<T>(rows: ReadonlyMap<string, T>): [string, T][] {
  return [...rows.keys()].sort().map((key) => [key, rows.get(key) as T]);
}

function putBlock(tables: Tables, place: LogPlace, changes: BlockChanges): void {
  const { height, view, hash, txIds, receipts, writes } = changes;
  const at = heightKey(height);
  void tables.blocks.put(at, encodeBlockRow({ ...place, txCount: txIds.length, hash }));
  void tables.heights.put(bytes32(hash), at);
  void tables.receipts.put(at, encodeReceipts(receipts));
  void tables.touched.put(at, encodeKeys([...writes.keys()]));
  const logEnd = place.offset + place.sizeBytes;
  void tables.meta.put(metaKeys.applied, encodeApplied({ height, view, logEnd, hash }));
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
    if (key.startsWith('c')) putParties(tables, { writes: new Map([[key, value]]) }, key);
  }
}

function encodeReceipts(receipts: readonly TxReceipt[]): Uint8Array {
  const writer = createWriter();
  for (const receipt of receipts) writer.variable(encodeReceipt(receipt));
  return writer.finish();
}
