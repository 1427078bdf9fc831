import { createLog, until } from '@aitbc/service';
import { afterEach, describe, expect, test } from 'vitest';
import { createTestBlocks } from '../testing/test-blocks.ts';
import type { FinalBlock } from './block-source.ts';
import { type BlockCursor, type BlockFollower, createBlockFollower } from './follow-blocks.ts';
import { operationsOf } from './operations.ts';

const log = createLog({ name: 'blocks', level: 'silent' });
const transfer = { kind: 'transfer', from: 'ait1sender', body: { amount: '1' } } as const;

function createCursors(stored = new Map<string, BlockCursor>()) {
  return {
    stored,
    get: async (name: string) => stored.get(name),
    put: async (name: string, cursor: BlockCursor) => void stored.set(name, cursor),
  };
}

function createRecorder(name: string) {
  const blocks: FinalBlock[] = [];
  const gaps: unknown[] = [];
  return {
    name,
    blocks,
    gaps,
    failAt: 0,
    heights: () => blocks.map(({ height }) => height),
    async onBlock(block: FinalBlock) {
      if (block.height === this.failAt) throw new Error('the consumer is broken');
      blocks.push(block);
    },
    onGap: async (gap: unknown) => void gaps.push(gap),
  };
}

describe('the follower of blocks', () => {
  let follower: BlockFollower | undefined;
  let isUp = true;
  afterEach(async () => {
    await follower?.stop();
    isUp = true;
  });

  function follow(
    source: ReturnType<typeof createTestBlocks>,
    cursors: ReturnType<typeof createCursors>,
    ...consumers: ReturnType<typeof createRecorder>[]
  ): BlockFollower {
    follower = createBlockFollower({ source, cursors, log, isUp: () => isUp });
    for (const consumer of consumers) follower.listen(consumer);
    return follower;
  }

  const chainOf = (count: number) => {
    const source = createTestBlocks();
    for (let at = 0; at < count; at += 1) source.add(1_000 + at);
    return source;
  };

  test('hands every block on once and in order, over several pages and a restart', async () => {
    const source = chainOf(250);
    const cursors = createCursors();
    const first = createRecorder('a');
    await follow(source, cursors, first).round();
    expect(first.heights()).toEqual(Array.from({ length: 250 }, (_, at) => at + 1));
    expect(cursors.stored.get('a')).toMatchObject({ height: 250 });
    await follower?.stop();
    source.add(2_000, transfer);
    const second = createRecorder('a');
    await follow(source, cursors, second).round();
    expect(second.blocks).toMatchObject([
      { height: 251, timeMs: 2_000, txs: [{ tx: transfer, receipt: { height: 251 } }] },
    ]);
    expect(second.blocks[0]?.txs[0]?.id).toBe(second.blocks[0]?.txs[0]?.receipt.txId);
  });

  test('is poked by new blocks', async () => {
    const source = chainOf(1);
    const recorder = createRecorder('a');
    follow(source, createCursors(), recorder).start();
    await until(() => recorder.blocks.length === 1);
    source.add(5);
    await until(() => recorder.blocks.length === 2);
  });

  test('reads a block once for all, and one that fails holds up nobody else', async () => {
    const source = chainOf(1);
    source.add(2, transfer);
    source.add(3, transfer);
    const [good, bad] = [createRecorder('good'), createRecorder('bad')];
    bad.failAt = 3;
    const cursors = createCursors();
    await follow(source, cursors, good, bad).round();
    expect([good.heights(), bad.heights()]).toEqual([
      [1, 2, 3],
      [1, 2],
    ]);
    expect(cursors.stored.get('bad')?.height).toBe(2);
    expect(source.calls).toBe(2 + 2); // a page for each, and the transactions of two blocks
    bad.failAt = 0;
    await follower?.round();
    expect(bad.heights()).toEqual([1, 2, 3]);
  });

  test('one that is slow holds up nobody else, and sees what came meanwhile', async () => {
    const source = chainOf(1);
    const [quick, slow] = [createRecorder('quick'), createRecorder('slow')];
    let goOn = (): void => {};
    const waiting = new Promise<void>((done) => {
      goOn = done;
    });
    const record = slow.onBlock.bind(slow);
    const waits = Object.assign(slow, {
      async onBlock(block: FinalBlock) {
        await waiting;
        await record(block);
      },
    });
    follow(source, createCursors(), quick, waits).start();
    await until(() => quick.blocks.length === 1);
    source.add(2);
    await until(() => quick.blocks.length === 2);
    expect(slow.heights()).toEqual([]);
    goOn();
    await until(() => slow.blocks.length === 2);
    expect(slow.heights()).toEqual([1, 2]);
  });

  test('waits while the node is away', async () => {
    const source = chainOf(2);
    const recorder = createRecorder('a');
    isUp = false;
    const following = follow(source, createCursors(), recorder);
    await following.round();
    expect(source.calls).toBe(0);
    isUp = true;
    source.isDown = true;
    await following.round();
    expect(recorder.blocks).toEqual([]);
    source.isDown = false;
    await following.round();
    expect(recorder.heights()).toEqual([1, 2]);
  });

  test('tells of blocks that the node does not have, and goes on behind them', async () => {
    const source = chainOf(120);
    source.firstHeight = 110;
    const recorder = createRecorder('a');
    await follow(source, createCursors(), recorder).round();
    expect(recorder.gaps).toEqual([
      { from: 1, to: 100 },
      { from: 101, to: 109 },
    ]);
    expect(recorder.heights()[0]).toBe(110);
    expect(recorder.heights()).toHaveLength(11);
  });

  test('stops at a block that does not follow the last one', async () => {
    const source = chainOf(3);
    const recorder = createRecorder('a');
    const following = follow(source, createCursors(), recorder);
    await following.round();
    source.add(4);
    source.rewrite(3);
    await following.round();
    expect(recorder.heights()).toEqual([1, 2, 3]);
  });
});

test('operations of a batch are told one by one, in the order of the chain', () => {
  const source = createTestBlocks();
  const operations = [
    { kind: 'task_accept', body: { taskId: 'a' } },
    { kind: 'transfer', body: {} },
  ];
  source.add(1, transfer);
  source.add(2, transfer, { kind: 'batch', from: 'ait1other', body: { operations } });
  return source.heads(2, 1).then(async ([head]) => {
    const { txCount: _count, ...rest } = head ?? { txCount: 0 };
    const block = { ...rest, txs: await source.txs(2) } as FinalBlock;
    const found = operationsOf(block);
    expect(found.map(({ kind, from }) => [kind, from])).toEqual([
      ['transfer', 'ait1sender'],
      ['task_accept', 'ait1other'],
      ['transfer', 'ait1other'],
    ]);
    const places = found.map(({ place }) => place - 2 * 2 ** 20);
    expect(places).toEqual([0, 256, 257]);
  });
});
