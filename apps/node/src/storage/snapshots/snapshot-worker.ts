/**
 * A thread that writes one snapshot and ends. It reads the database in a transaction of its own, so the
 * state stands still for it while blocks go on; `pinned` is told as soon as that transaction is open.
 */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { createStateTree, type StateKey } from '@aitbc/chain';
import { AppError } from '@aitbc/protocol';
import { decodeApplied, decodeEntryRow, metaKeys, openDatabase, stateKeyOf } from '../database.ts';
import { type SnapshotInfo, writeSnapshot } from './snapshots.ts';

/** What the thread is given. */
export interface SnapshotOrder {
  readonly dataDir: string;
  readonly info: SnapshotInfo;
}

const { dataDir, info }: SnapshotOrder = workerData;
const database = openDatabase(join(dataDir, 'index'));
try {
  const entries = readPinned();
  const tree = createStateTree(entries);
  const values = new Map(entries);
  await writeSnapshot(dataDir, info, { tree, readValue: (key) => values.get(key) });
} finally {
  await database.close();
}

/** All entries in the order of their indices, as they are at the height of the snapshot. */
function readPinned(): [StateKey, Uint8Array][] {
  const { entries, meta } = database.tables;
  const transaction = entries.useReadTransaction();
  try {
    const applied = meta.get(metaKeys.applied, { transaction });
    parentPort?.postMessage('pinned');
    const { height } = info.header;
    if (!applied || decodeApplied(applied).height !== height) {
      const reason = `the database is not at height ${height}`;
      throw new AppError('STORE_CORRUPT', { what: 'a snapshot', reason });
    }
    const rows = [...entries.getRange({ transaction })].map(({ key, value: row }) => {
      const { index, value } = decodeEntryRow(row);
      return { index, entry: [stateKeyOf(key), value] as [StateKey, Uint8Array] };
    });
    return rows.sort((a, b) => a.index - b.index).map(({ entry }) => entry);
  } finally {
    transaction.done();
  }
}
