/**
 * Taking over a downloaded state: a database made of the chunks of a snapshot takes the place of what the
 * folder had, and its chain begins with the snapshot's block.
 *
 *   index.new/ is filled and synced → installing is made → index/ and blocks.log go →
 *   index.new/ becomes index/ → installing goes
 *
 * A crash before `installing` leaves the folder as it was; the half-made database is removed and the download
 * starts over. A crash after it is finished at the next opening. Each chunk is checked against the state root,
 * so the caller only has to know that the header is final.
 */
import { existsSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  chunkCount,
  decodeChunk,
  entriesOfChunk,
  type StateChunk,
  verifyChunk,
} from '@aitbc/chain';
import {
  AppError,
  type BlockHeader,
  blockHashOf,
  bytes32,
  encodeHeader,
  type Network,
  unwrap,
} from '@aitbc/protocol';
import {
  type ChainDatabase,
  encodeApplied,
  heightKey,
  metaKeys,
  openDatabase,
} from '../database.ts';
import { syncFolder } from '../files.ts';
import { putEntries, setKey } from '../put-blocks.ts';

const newIndex = 'index.new';
const marker = 'installing';

/** A state to take over. */
export interface Download {
  readonly network: Network;
  /** Header of a block that is final for certain. */
  readonly header: BlockHeader;
  /** Chunks from 0 on, as `encodeChunk` makes them. */
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Replaces the chain of a folder that no store has open. Throws AppError SNAPSHOT_INVALID for chunks that are
 * not the state of the header; the folder is then as it was.
 */
export async function installSnapshot(folder: string, download: Download): Promise<void> {
  const path = join(folder, newIndex);
  rmSync(path, { recursive: true, force: true });
  const database = openDatabase(path);
  try {
    await fill(database, download);
  } catch (error) {
    await database.close();
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
  await database.close();
  await syncFolder(path);
  const file = await open(join(folder, marker), 'w', 0o600);
  await file.sync();
  await file.close();
  await syncFolder(folder);
  await finishInstall(folder);
}

/** Finishes or forgets an installation that a crash interrupted. */
export async function finishInstall(folder: string): Promise<void> {
  const isDecided = existsSync(join(folder, marker));
  const path = join(folder, newIndex);
  if (!isDecided) return rmSync(path, { recursive: true, force: true });
  if (existsSync(path)) {
    rmSync(join(folder, 'index'), { recursive: true, force: true });
    rmSync(join(folder, 'blocks.log'), { force: true });
    await rename(path, join(folder, 'index'));
    await syncFolder(folder);
  }
  rmSync(join(folder, marker));
  await syncFolder(folder);
}

function invalid(reason: string): AppError {
  return new AppError('SNAPSHOT_INVALID', { reason });
}

async function fill(database: ChainDatabase, { network, header, chunks }: Download): Promise<void> {
  const { tables } = database;
  let first: StateChunk | undefined;
  let set: Uint8Array | undefined;
  let next = 0;
  let index = 1; // leaf 0 is the sentinel of the tree
  for await (const bytes of chunks) {
    const chunk = unwrap(decodeChunk(bytes));
    first ??= chunk;
    const fits = chunk.chunk === next && chunk.size === first.size && chunk.level === first.level;
    if (!fits) throw invalid(`chunk ${next} of another cut`);
    if (!verifyChunk(header.stateRoot, chunk)) throw invalid(`chunk ${next} is not of this state`);
    const entries = entriesOfChunk(chunk);
    database.transaction(() => putEntries(tables, index, entries));
    set = entries.find(([key]) => key === setKey)?.[1] ?? set;
    index += entries.length;
    next += 1;
  }
  if (!first || next !== chunkCount(first)) throw invalid(`it has only ${next} chunks`);
  const { height, view } = header;
  const hash = blockHashOf(network, header);
  database.transaction(() => {
    void tables.heights.put(bytes32(hash), heightKey(height));
    void tables.meta.put(metaKeys.genesis, bytes32(network.genesisHash));
    if (set) void tables.sets.put(heightKey(height + 1), set);
    void tables.meta.put(metaKeys.base, encodeHeader(header));
    void tables.meta.put(metaKeys.applied, encodeApplied({ height, view, logEnd: 0, hash }));
  });
}
