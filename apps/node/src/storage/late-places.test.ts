/** Places that wait for their turn: found at any time, put in the end, and read again after a crash at any commit. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder, type TestFolder } from '../testing/test-node.ts';
import { type ChainDatabase, decodePlace, openDatabase } from './database.ts';
import { type BlockIds, createLatePlaces, type LatePlaces } from './late-places.ts';

const partCount = 128;
let at: TestFolder;
let database: ChainDatabase;
beforeEach(() => {
  at = makeFolder();
  database = openDatabase(join(at.folder, 'index'));
});
afterEach(async () => {
  await database.close();
  at.remove();
});

const idOf = (height: number, index: number): string =>
  createHash('sha256').update(`${height}.${index}`).digest('hex');

function blockOf(height: number, count: number): BlockIds {
  return { height, txIds: Array.from({ length: count }, (_, index) => idOf(height, index)) };
}

function commit(late: LatePlaces, blocks: readonly BlockIds[]): void {
  let settle = (): void => {};
  database.transaction(() => {
    settle = late.put(blocks);
  });
  settle();
}

function rowOf(txId: string): ReturnType<typeof decodePlace> | undefined {
  const bytes = database.tables.places.get(Buffer.from(txId, 'hex'));
  return bytes && decodePlace(bytes);
}

/** Where an id is said to be, by what waits or by the table. */
const placeOf = (late: LatePlaces, txId: string) => late.placeOf(txId) ?? rowOf(txId);

describe('places on their way into the database', () => {
  it('are known after every commit, and all in the table after one round of parts', () => {
    const late = createLatePlaces(database.tables, { applied: 0, idsOf: () => [] });
    const blocks = Array.from({ length: 20 }, (_, height) => blockOf(height + 1, 40));
    for (const block of blocks) {
      commit(late, [block]);
      for (const [index, txId] of block.txIds.entries()) {
        expect(placeOf(late, txId)).toEqual({ height: block.height, index });
      }
    }
    const ids = blocks.flatMap(({ txIds }) => txIds);
    expect(ids.some((txId) => late.placeOf(txId))).toBe(true);
    for (let height = 21; height <= 20 + partCount; height += 1) commit(late, [blockOf(height, 0)]);
    expect(ids.every((txId) => rowOf(txId) && !late.placeOf(txId))).toBe(true);
    expect(late.placeOf(idOf(99, 0))).toBeUndefined();
  });

  it('come in one commit as rows that are neighbours', () => {
    const late = createLatePlaces(database.tables, { applied: 0, idsOf: () => [] });
    commit(late, [blockOf(1, 300), blockOf(2, 300)]);
    const first = [...database.tables.places.getKeys()].map((key) => key[0] as number);
    expect(first.length).toBeGreaterThan(0);
    expect(first.every((byte) => byte < 256 / partCount)).toBe(true);
  });

  it('do not pile up when a node stores more than a round of parts holds', () => {
    const late = createLatePlaces(database.tables, { applied: 0, idsOf: () => [] });
    for (let commits = 0; commits < 2; commits += 1) {
      const blocks = Array.from({ length: 50 }, (_, at) => blockOf(commits * 50 + at + 1, 2_000));
      commit(late, blocks);
      const waiting = blocks.flatMap(({ txIds }) => txIds.filter((txId) => late.placeOf(txId)));
      expect(waiting.length).toBeLessThanOrEqual(partCount * 1_024);
      const ids = blocks.flatMap(({ txIds }) => txIds);
      expect(ids.every((txId) => placeOf(late, txId))).toBe(true);
    }
    expect(database.tables.places.getCount()).toBeGreaterThan(60_000);
  });

  it('are read again from the receipts after a crash behind any commit', async () => {
    const blocks = new Map<number, BlockIds>();
    const idsOf = (height: number) => blocks.get(height)?.txIds ?? [];
    let late = createLatePlaces(database.tables, { applied: 0, idsOf });
    for (let height = 1; height <= 300; height += 1) {
      const block = blockOf(height, height % 4);
      blocks.set(height, block);
      commit(late, [block]);
      if (height % 37 !== 0) continue;
      late = createLatePlaces(database.tables, { applied: height, idsOf }); // what waited is forgotten
      for (const { txIds, height: own } of blocks.values()) {
        for (const [index, txId] of txIds.entries()) {
          expect(placeOf(late, txId)).toEqual({ height: own, index });
        }
      }
    }
  });

  it('are all put by a closing store, and none is missed in a folder from before there was a row `placed`', () => {
    const late = createLatePlaces(database.tables, { applied: 0, idsOf: () => [] });
    const block = blockOf(1, 200);
    commit(late, [block]);
    database.transaction(() => late.putAll());
    expect(block.txIds.every((txId) => rowOf(txId))).toBe(true);
    const asked: number[] = [];
    const idsOf = (height: number): string[] => {
      asked.push(height);
      return [];
    };
    createLatePlaces(database.tables, { applied: 1, idsOf });
    database.transaction(() => void database.tables.meta.remove(Buffer.from('placed')));
    createLatePlaces(database.tables, { applied: 7, idsOf });
    expect(asked).toEqual([]);
  });
});
