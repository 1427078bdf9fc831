import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hex } from '@aitbc/primitives';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChain } from '../chain/open-chain.ts';
import { type ChainMaker, createChainMaker, type MadeBlock } from '../testing/chain-maker.ts';
import { makeFolder, type TestFolder } from '../testing/test-node.ts';
import { openDatabase } from './database.ts';
import { openStore, type Store } from './store.ts';

let at: TestFolder;
let maker: ChainMaker;
beforeEach(() => {
  at = makeFolder();
  maker = createChainMaker(at);
});
afterEach(() => at.remove());

const folderOf = (name: string) => join(at.folder, name);

/** A store with the genesis block, and what else `use` puts into it. */
async function withStore(name: string, use: (store: Store) => Promise<void>): Promise<string> {
  const store = await openStore(folderOf(name), at.network);
  openChain(at.genesis, store);
  await use(store);
  await store.close();
  return folderOf(name);
}

/** Everything that a database holds, as text. */
async function dump(folder: string): Promise<Record<string, string[]>> {
  const database = openDatabase(join(folder, 'index'));
  const tables = Object.entries(database.tables).map(([name, table]) => {
    const rows = [...table.getRange()].map(({ key, value }) => `${hex(key)} ${hex(value)}`);
    return [name, rows] as const;
  });
  await database.close();
  return Object.fromEntries(tables);
}

/** Opens a folder as a node does and says where its chain stands. */
async function reopened(folder: string): Promise<{ height: number; root: string }> {
  const store = await openStore(folder, at.network);
  try {
    const { start } = openChain(at.genesis, store);
    expect(store.applied()?.height).toBe(start.header.height);
    return { height: start.header.height, root: start.tree.root() };
  } finally {
    await store.close();
  }
}

describe('storing several blocks at once', () => {
  it('leaves the same log and the same database as one by one', async () => {
    const blocks = [...maker.makeTogether([3, 0, 5]), maker.make(4), maker.make(50)];
    const single = await withStore('single', async (store) => {
      for (const block of blocks) await store.commitAll([block]);
    });
    const grouped = await withStore('grouped', (store) => store.commitAll(blocks));
    expect(readFileSync(join(grouped, 'blocks.log'))).toEqual(
      readFileSync(join(single, 'blocks.log')),
    );
    expect(await dump(grouped)).toEqual(await dump(single));
  });

  it('is found again: places, receipts, entries and the blocks themselves', async () => {
    const blocks = maker.makeTogether([3, 2]);
    await withStore('data', async (store) => {
      await store.commitAll(blocks);
      const [first, second] = blocks as [MadeBlock, MadeBlock];
      expect(store.placeOf(second.txs[1]?.txId as string)).toEqual({ height: 2, index: 1 });
      expect(store.receipts(1)).toEqual(first.changes.receipts);
      expect(store.heightOf(second.hash)).toBe(2);
      const row = store.blockRow(1);
      expect(row && Buffer.from(store.record(row).body).equals(first.body)).toBe(true);
      for (const [key, value] of store.entries()) {
        expect(Buffer.from(value).equals(maker.reader.get(key) as Uint8Array)).toBe(true);
      }
      expect(store.entries()).toHaveLength(maker.tree.size() - 1);
    });
  });

  it('survives a loss of the database: the log alone gives it back byte by byte', async () => {
    const folder = await withStore('data', async (store) => {
      await store.commitAll(maker.makeTogether([3, 4]));
      await store.commitAll([maker.make(30), ...maker.makeTogether([1, 1, 1])]);
    });
    const before = await dump(folder);
    rmSync(join(folder, 'index'), { recursive: true });
    expect(await reopened(folder)).toEqual({ height: 6, root: maker.tree.root() });
    expect(await dump(folder)).toEqual(before);
  });

  it('comes back to a proven block after a crash around any record of the append', async () => {
    const start = await withStore('data', (store) => store.commitAll([maker.make(2)]));
    const known = readFileSync(join(start, 'blocks.log')).length;
    const rootBefore = maker.tree.root();
    const group = [maker.make(1), ...maker.makeTogether([1, 2]), maker.make(1)];
    const after = folderOf('after');
    cpSync(start, after, { recursive: true });
    const store = await openStore(after, at.network);
    await store.commitAll(group);
    await store.close();
    const whole = readFileSync(join(after, 'blocks.log'));
    const ends = group.map(({ body, certificate }) => 12 + body.length + certificate.length);
    let end = known;
    const bounds = ends.map((size) => (end += size));
    const provenAt = [known, bounds[0], bounds[2], bounds[3]] as number[];
    const heights = [1, 2, 4, 5];
    const cuts = [known, ...bounds].flatMap((bound) => [bound - 1, bound, bound + 1, bound + 90]);
    for (const cut of cuts.filter((size) => size >= known && size <= whole.length)) {
      const folder = folderOf(`cut-${cut}`);
      cpSync(start, folder, { recursive: true });
      writeFileSync(join(folder, 'blocks.log'), whole.subarray(0, cut));
      const expected = heights[provenAt.findLastIndex((bound) => bound <= cut)];
      const { height, root } = await reopened(folder);
      expect(height, `cut at ${cut}`).toBe(expected);
      if (height === 1) expect(root).toBe(rootBefore);
      if (height === 5) expect(root).toBe(maker.tree.root());
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses a log that lost what the database has', async () => {
    const folder = await withStore('data', (store) => store.commitAll([maker.make(2)]));
    truncateSync(join(folder, 'blocks.log'), 100);
    await expect(openStore(folder, at.network)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('refuses the folder of another network', async () => {
    const folder = await withStore('data', async () => {});
    mkdirSync(folder, { recursive: true });
    const other = { ...at.network, genesisHash: 'cd'.repeat(32) };
    await expect(openStore(folder, other)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
