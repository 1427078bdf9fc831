import { cpSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chunkCount, createStateTree, decodeChunk, verifyChunk } from '@aitbc/chain';
import { encodeHeader, unwrap, type Validator } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openChain } from '../../chain/open-chain.ts';
import { type ChainMaker, createChainMaker, type MadeBlock } from '../../testing/chain-maker.ts';
import { makeFolder, type TestFolder, validatorActor } from '../../testing/test-node.ts';
import { openStore, type Store } from '../store.ts';
import { installSnapshot } from './install.ts';
import { readChunk, readSnapshot, type Snapshot, snapshotHeights } from './snapshots.ts';
import { createSnapshotting, type Snapshotting } from './snapshotting.ts';

const entry = new URL('../../../dist/storage/snapshots/snapshot-worker.js', import.meta.url);
const validators: Validator[] = [{ publicKey: validatorActor.publicKey, stake: 5n }];

let at: TestFolder;
let maker: ChainMaker;
let store: Store;
let warnings: object[];

beforeEach(async () => {
  if (!existsSync(fileURLToPath(entry)))
    throw new Error('the node is not built; run npm run build');
  warnings = [];
  at = makeFolder();
  maker = createChainMaker(at);
  store = await openStore(at.dataDir, at.network);
  openChain(at.genesis, store);
});
afterEach(async () => {
  await store.close();
  at.remove();
});

function snapshotting(everyBlocks: number): Snapshotting<Certified> {
  const log = {
    info() {},
    warn(facts: object) {
      warnings.push(facts);
    },
  } as unknown as Log;
  const commit = (blocks: readonly Certified[]) => store.commitAll(blocks.map(({ made }) => made));
  const deps = { commit, validators: () => validators, log };
  return createSnapshotting({ dataDir: at.dataDir, everyBlocks, entry }, deps);
}

type Certified = ReturnType<typeof certified>;
const certified = (made: MadeBlock) => ({
  header: made.header,
  hash: made.hash,
  certificate: made.final,
  made,
});

const chunksOf = (height: number, { size, level }: Snapshot): Uint8Array[] =>
  Array.from(
    { length: chunkCount({ size, level }) },
    (_, chunk) => readChunk(at.dataDir, height, chunk) as Uint8Array,
  );

describe('snapshots', () => {
  it('are taken at their heights while more blocks are stored, and two are kept', async () => {
    const taking = snapshotting(2);
    const blocks = Array.from({ length: 9 }, () => certified(maker.make(3)));
    for (const block of blocks) {
      await taking.commit([block]);
      if (block.header.height % 2 === 0) await taking.idle();
    }
    expect(warnings).toEqual([]);
    expect(store.applied()?.height).toBe(9);
    expect(snapshotHeights(at.dataDir)).toEqual([8, 6]);
    const snapshot = readSnapshot(at.dataDir, 6) as Snapshot;
    expect(snapshot).toMatchObject({ header: blocks[5]?.header, validators });
    expect(snapshot.certificate).toEqual(blocks[5]?.certificate);
    expect(snapshot.header.stateRoot).not.toBe(maker.tree.root());
    for (const bytes of chunksOf(6, snapshot)) {
      expect(verifyChunk(snapshot.header.stateRoot, unwrap(decodeChunk(bytes)))).toBe(true);
    }
    expect(readSnapshot(at.dataDir, 4)).toBeUndefined();
    expect(readChunk(at.dataDir, 8, 99)).toBeUndefined();
  });

  it('pin the state of their block though all blocks come in one call', async () => {
    const taking = snapshotting(3);
    const blocks = Array.from({ length: 5 }, () => certified(maker.make(4)));
    await taking.commit(blocks);
    await taking.idle();
    expect(warnings).toEqual([]);
    expect(snapshotHeights(at.dataDir)).toEqual([3]);
    expect(store.applied()?.height).toBe(5);
  });

  it('pass over a block that does not prove itself, and are taken when asked for', async () => {
    const taking = snapshotting(1_000);
    taking.request();
    await taking.commit(maker.makeTogether([1, 1]).slice(0, 2).map(certified));
    await taking.idle();
    expect(snapshotHeights(at.dataDir)).toEqual([2]);
    await taking.commit([certified(maker.make(1))]);
    await taking.idle();
    expect(snapshotHeights(at.dataDir)).toEqual([2]);
  });

  it('are not written from a state that is not theirs', async () => {
    const taking = snapshotting(1);
    const { header, ...rest } = certified(maker.make(2));
    await taking.commit([{ ...rest, header: { ...header, stateRoot: 'ee'.repeat(32) } }]);
    await taking.idle();
    expect(warnings).toHaveLength(1);
    expect(snapshotHeights(at.dataDir)).toEqual([]);
  });

  it('are told from damaged ones', async () => {
    const taking = snapshotting(1);
    await taking.commit([certified(maker.make(2))]);
    await taking.idle();
    writeFileSync(join(at.dataDir, 'snapshots', '1', 'manifest.json'), '{"header":"00"');
    expect(() => readSnapshot(at.dataDir, 1)).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
  });
});

describe('a downloaded snapshot', () => {
  /** A snapshot at height 2 of a chain that goes on to height 3. */
  async function offered() {
    const taking = snapshotting(2);
    const blocks = [maker.make(20), maker.make(30)];
    await taking.commit(blocks.map(certified));
    await taking.idle();
    const root = maker.tree.root();
    const next = maker.make(5);
    const snapshot = readSnapshot(at.dataDir, 2) as Snapshot;
    const { header } = snapshot;
    return { root, next, header, chunks: chunksOf(2, snapshot) };
  }
  const target = () => join(at.folder, 'target');

  it('is a chain that begins at its block and goes on with the next', async () => {
    const { root, next, header, chunks } = await offered();
    mkdirSync(target());
    await installSnapshot(target(), { network: at.network, header, chunks });
    const installed = await openStore(target(), at.network);
    expect(installed.applied()).toMatchObject({ height: 2, view: header.view, logEnd: 0 });
    expect(Buffer.from(installed.base() ?? []).equals(encodeHeader(header))).toBe(true);
    expect(createStateTree(installed.entries()).root()).toBe(root);
    expect(installed.setAt(3)).toEqual(store.setAt(3));
    expect(installed.setAt(3)).toBeDefined();
    await installed.commitAll([next]);
    expect(createStateTree(installed.entries()).root()).toBe(maker.tree.root());
    expect(installed.blockRow(3)?.offset).toBe(0);
    await installed.close();
  });

  it('takes the place of an older chain', async () => {
    const { root, header, chunks } = await offered();
    const other = createChainMaker(at);
    const old = await openStore(target(), at.network);
    openChain(at.genesis, old);
    await old.commitAll([other.make(1)]);
    await old.close();
    await installSnapshot(target(), { network: at.network, header, chunks });
    const installed = await openStore(target(), at.network);
    expect(createStateTree(installed.entries()).root()).toBe(root);
    expect([...installed.unappliedRecords()]).toEqual([]);
    await installed.close();
  });

  it('leaves the folder as it was when a chunk is wrong or missing', async () => {
    const { header, chunks } = await offered();
    const old = await openStore(target(), at.network);
    openChain(at.genesis, old);
    await old.close();
    const flipped = chunks.map((bytes) => Uint8Array.from(bytes));
    const last = flipped.at(-1) as Uint8Array;
    last[40] = (last[40] as number) ^ 1;
    const network = at.network;
    for (const wrong of [flipped, [], [...chunks, ...chunks]]) {
      const download = installSnapshot(target(), { network, header, chunks: wrong });
      await expect(download).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' });
    }
    const installed = await openStore(target(), at.network);
    expect([installed.applied()?.height, installed.base()]).toEqual([0, undefined]);
    await installed.close();
  });

  it('is finished or forgotten after a crash at any step', async () => {
    const { root, header, chunks } = await offered();
    const done = join(at.folder, 'done');
    mkdirSync(done);
    await installSnapshot(done, { network: at.network, header, chunks });
    const old = join(at.folder, 'old');
    const before = await openStore(old, at.network);
    openChain(at.genesis, before);
    await before.close();
    const steps: readonly (readonly [string, boolean, (folder: string) => void])[] = [
      ['half made', false, () => {}],
      ['decided', true, (folder) => writeFileSync(join(folder, 'installing'), '')],
      [
        'old chain gone',
        true,
        (folder) => {
          writeFileSync(join(folder, 'installing'), '');
          renameSync(join(folder, 'index'), join(at.folder, 'trash'));
        },
      ],
      [
        'new chain in place',
        true,
        (folder) => {
          writeFileSync(join(folder, 'installing'), '');
          cpSync(join(folder, 'index.new'), join(folder, 'index'), { recursive: true });
          renameSync(join(folder, 'index.new'), join(at.folder, 'trash-2'));
        },
      ],
    ];
    for (const [name, isInstalled, prepare] of steps) {
      const folder = join(at.folder, name.replaceAll(' ', '-'));
      cpSync(old, folder, { recursive: true });
      cpSync(join(done, 'index'), join(folder, 'index.new'), { recursive: true });
      prepare(folder);
      const opened = await openStore(folder, at.network);
      expect(opened.applied()?.height, name).toBe(isInstalled ? 2 : 0);
      if (isInstalled) expect(createStateTree(opened.entries()).root(), name).toBe(root);
      expect(existsSync(join(folder, 'index.new')), name).toBe(false);
      expect(existsSync(join(folder, 'installing')), name).toBe(false);
      await opened.close();
    }
  });
});
