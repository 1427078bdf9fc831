/**
 * Places of transactions on their way into the database. Ids are hashes: the rows of one commit would each fall on a
 * page of their own, and writing a page for every transaction costs more than all else that is stored of it. So ids
 * wait here, in parts by their first byte, and each commit puts the one part whose turn it is: rows that are
 * neighbours, some of them on every page it touches. After `partCount` commits everything that waited is in.
 *
 * Nothing is at risk: the receipts of a block are in its own commit and name its transactions in order. The row `placed`
 * of the meta table says up to which height all places are in the table, and what is above it is read from there when
 * the database is opened. Closing puts the rest.
 *
 * Rejected: one large put now and then (it stops the main thread for tens of milliseconds), shorter keys (twice as many
 * rows on a page, and somebody who finds two ids with one beginning hides a transaction).
 */
import { type Hex, limits } from '@aitbc/protocol';
import {
  decodeHeight,
  encodeHashes,
  hashBytes,
  heightKey,
  metaKeys,
  placeBytes,
  type Tables,
  type TxPlace,
} from './database.ts';
import { orderOf } from './put-blocks.ts';

/** Divides 256. At 5 commits a second an id waits for 13 seconds on average, and 4 000 transactions a second are 50 000 ids. */
const partCount = 128;
/** A longer part does not wait for its turn: whoever catches up stores 100 000 ids at once, and ids of one part can be made on purpose. */
const partIdsMax = 1_024;

/** Transactions of a final block. */
export interface BlockIds {
  readonly height: number;
  readonly txIds: readonly Hex[];
}

/** Places that are not in the table yet. */
export interface LatePlaces {
  placeOf(txId: Hex): TxPlace | undefined;
  /**
   * Inside a transaction that stores these blocks: puts the part whose turn it is. Call the result when the transaction
   * is readable, and before the next one.
   */
  put(blocks: readonly BlockIds[]): () => void;
  /** Puts everything that waits, inside a transaction; nothing may be put after it. */
  putAll(): void;
}

/** What is in the database already. */
export interface StoredPlaces {
  /** Height of the last block. */
  readonly applied: number;
  /** Ids of the transactions of a block, in order. */
  readonly idsOf: (height: number) => readonly Hex[];
}

/**
 * Ids, and the place of each as one number. Tens of thousands live for seconds, so there is neither a map nor an object for
 * each: who looks for one looks through its part, which is rare and takes as long as two looks into the database.
 */
interface Part {
  readonly ids: Hex[];
  readonly places: number[];
}

const emptyPart = (): Part => ({ ids: [], places: [] });
const isLong = ({ ids }: Part): boolean => ids.length > partIdsMax;

/** The places that an earlier process left out of the table, and all that come. */
export function createLatePlaces(tables: Tables, { applied, idsOf }: StoredPlaces): LatePlaces {
  const placed = tables.meta.get(metaKeys.placed);
  const first = placed ? decodeHeight(placed) : applied;
  const parts = Array.from({ length: partCount }, emptyPart);
  const through = parts.map(() => first); // for each part, the height up to which its places are in the table
  let turn = 0;
  let last = applied;
  const add = ({ height, txIds }: BlockIds): void => {
    for (const [index, txId] of txIds.entries()) {
      const { ids, places } = parts[partOf(txId)] as Part;
      ids.push(txId);
      places.push(height * limits.blockTxCount + index);
    }
  };
  for (let height = first + 1; height <= applied; height += 1) {
    add({ height, txIds: idsOf(height) });
  }
  const note = (height: number): void => void tables.meta.put(metaKeys.placed, heightKey(height));
  return {
    placeOf(txId) {
      const { ids, places } = parts[partOf(txId)] as Part;
      const place = places[ids.indexOf(txId)];
      return place === undefined ? undefined : unpacked(place);
    },
    put(blocks) {
      for (const block of blocks) add(block);
      last = blocks.at(-1)?.height ?? last;
      const due = [...parts.keys()].filter((part) => part === turn || isLong(parts[part] as Part));
      turn = (turn + 1) % partCount;
      for (const part of due) {
        putPlaces(tables, parts[part] as Part);
        through[part] = last;
      }
      note(Math.min(...through));
      return () => {
        for (const part of due) parts[part] = emptyPart();
      };
    },
    putAll() {
      for (const part of parts) putPlaces(tables, part);
      note(last);
    },
  };
}

/** By the first byte, whose digits are read by hand: this runs for every transaction. */
function partOf(txId: Hex): number {
  return Math.floor((digitAt(txId, 0) * 16 + digitAt(txId, 1)) / (256 / partCount));
}

function digitAt(text: Hex, at: number): number {
  const letter = text.charCodeAt(at);
  return letter > 0x39 ? letter - 0x57 : letter - 0x30;
}

function unpacked(place: number): TxPlace {
  const index = place % limits.blockTxCount;
  return { height: (place - index) / limits.blockTxCount, index };
}

/** One row for each transaction, in the order of ids: its id leads to its height and place. */
function putPlaces(tables: Tables, { ids, places }: Part): void {
  const keys = encodeHashes(ids);
  const rows = encodePlaces(places);
  for (const at of orderOf(keys, hashBytes)) {
    const key = keys.subarray(at * hashBytes, (at + 1) * hashBytes);
    void tables.places.put(key, rows.subarray(at * placeBytes, (at + 1) * placeBytes));
  }
}

function encodePlaces(places: readonly number[]): Buffer {
  const rows = Buffer.allocUnsafe(places.length * placeBytes);
  for (const [at, place] of places.entries()) {
    const { height, index } = unpacked(place);
    rows.writeBigUInt64BE(BigInt(height), at * placeBytes);
    rows.writeUInt32BE(index, at * placeBytes + 8);
  }
  return rows;
}
