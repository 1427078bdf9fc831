import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agreementWindow } from '@aitbc/consensus';
import { createManualClock } from '@aitbc/primitives';
import { addressOf } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChainNode } from './app.ts';
import { segmentName } from './storage/journal/segment.ts';
import { createVoteWatch, journalVotes } from './testing/journal-votes.ts';
import {
  actor,
  call,
  fund,
  makeFolder,
  nodeIn,
  resultOf,
  type StartOptions,
  sendParams,
  type TestFolder,
  transfer,
} from './testing/test-node.ts';

let at: TestFolder;
let node: ChainNode;
const alice = actor(1);
const bob = actor(2);
const url = () => node.url as string;
const index = () => join(at.dataDir, 'index');

async function restart(options: StartOptions = {}): Promise<void> {
  await node.stop();
  node = nodeIn(at, options);
  await node.start();
}

async function pay(nonce: number, amount = 1n) {
  const tx = transfer(at.network, alice, { to: bob.publicKey, amount, nonce });
  return resultOf(url(), 'tx_sendAndWait', sendParams(tx));
}

/** Everything that the chain says, to compare before and after. Heartbeats are far away in these tests. */
async function everything() {
  const { blocks } = await resultOf(url(), 'chain_listBlocks', { limit: 100 });
  const bodies = await Promise.all(
    blocks.map(({ hash }: { hash: string }) => resultOf(url(), 'chain_getBlock', { hash })),
  );
  const { network, genesisHash, height, blockHash, stateRoot, validators, params } = await resultOf(
    url(),
    'chain_status',
  );
  const status = { network, genesisHash, height, blockHash, stateRoot, validators, params };
  return { status, bodies, audit: await resultOf(url(), 'state_audit') };
}

beforeEach(async () => {
  at = makeFolder({ heartbeatMs: 3_600_000 });
  node = nodeIn(at);
  await node.start();
  await fund(url(), alice, 1_000_000_000n);
});
afterEach(async () => {
  await node.stop();
  at.remove();
});

describe('a node', () => {
  it('makes a transfer final', async () => {
    const status = await pay(0, 5n);
    expect(status).toMatchObject({ status: 'final', receipt: { kind: 'transfer', index: 0 } });
    const address = addressOf(bob.publicKey);
    const account = await resultOf(url(), 'state_getAccount', { address });
    expect(account).toMatchObject({ balance: '5', nonce: 0, pendingNonce: 0 });
  });

  it('says the same after a restart and goes on', async () => {
    await pay(0);
    const before = await everything();
    await restart();
    expect(await everything()).toEqual(before);
    expect(await pay(1)).toMatchObject({ status: 'final' });
    const { height } = await resultOf(url(), 'chain_status');
    expect(height).toBe(before.status.height + 1);
  });

  it('rebuilds its database from the block log alone', async () => {
    for (let nonce = 0; nonce < 5; nonce += 1) await pay(nonce);
    const before = await everything();
    await node.stop();
    rmSync(index(), { recursive: true });
    node = nodeIn(at);
    await node.start();
    expect(await everything()).toEqual(before);
    expect(await pay(5)).toMatchObject({ status: 'final' });
  });

  it('catches up when the database is behind the log', async () => {
    await pay(0);
    await node.stop();
    cpSync(index(), join(at.folder, 'old-index'), { recursive: true });
    await restart();
    await pay(1);
    await pay(2);
    const before = await everything();
    await node.stop();
    rmSync(index(), { recursive: true });
    cpSync(join(at.folder, 'old-index'), index(), { recursive: true });
    node = nodeIn(at);
    await node.start();
    expect(await everything()).toEqual(before);
  });

  it('forgets nothing but the torn tail of the log', async () => {
    await pay(0);
    const before = await everything();
    await node.stop();
    const log = join(at.dataDir, 'blocks.log');
    writeFileSync(log, Buffer.concat([readFileSync(log), Buffer.from([0, 0, 1, 0, 0, 0])]));
    node = nodeIn(at);
    await node.start();
    expect(await everything()).toEqual(before);
  });

  it('alone in its network, goes on above what a lost journal can have held', async () => {
    await pay(0);
    const { height } = await resultOf(url(), 'chain_status');
    await node.stop();
    for (const generation of [0, 1]) rmSync(join(at.dataDir, segmentName(generation)));
    node = nodeIn(at);
    await node.start();
    await pay(1);
    const after = await resultOf(url(), 'chain_getBlock', { height: height + 1 });
    const before = await resultOf(url(), 'chain_getBlock', { height });
    expect(after.header.view).toBeGreaterThan(before.header.view + agreementWindow);
  });

  it('refuses to start when the log has lost what the database knows', async () => {
    await pay(0);
    await node.stop();
    truncateSync(join(at.dataDir, 'blocks.log'), 100);
    await expect(nodeIn(at).start()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('refuses a data folder of another genesis', async () => {
    await node.stop();
    const path = join(at.folder, 'genesis.json');
    const genesis = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...genesis, timeMs: genesis.timeMs + 1 }));
    await expect(nodeIn(at).start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('belongs to genesis'),
    });
    rmSync(index(), { recursive: true });
    await expect(nodeIn(at).start()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('refuses a folder that another node uses', async () => {
    await expect(nodeIn(at).start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('another node'),
    });
    expect(await pay(0)).toMatchObject({ status: 'final' });
  });

  it('names the port that is taken and frees what it had opened', async () => {
    const port = Number(new URL(url()).port);
    const other = makeFolder();
    const second = nodeIn(other, { port });
    await expect(second.start()).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    const third = nodeIn(other);
    await third.start();
    await third.stop();
    other.remove();
  });

  it('stops while callers still wait', async () => {
    await restart({ minBlockIntervalMs: 10_000 });
    await pay(0);
    const tx = transfer(at.network, alice, { to: bob.publicKey, nonce: 1 });
    const waiting = call(url(), 'tx_sendAndWait', sendParams(tx)).catch((error: unknown) => error);
    await until(async () => (await resultOf(url(), 'mempool_status')).count === 1);
    const begunMs = performance.now();
    await node.stop();
    expect(performance.now() - begunMs).toBeLessThan(5_000);
    await waiting;
  });

  it('signs one vote of a kind in a view, also across restarts', async () => {
    const watch = createVoteWatch();
    for (let nonce = 0; nonce < 3; nonce += 1) {
      await pay(nonce);
      expect(watch.contradictions(await journalVotes(at.dataDir))).toEqual([]);
      await restart();
    }
    await node.stop();
    expect(watch.contradictions(await journalVotes(at.dataDir))).toEqual([]);
    expect(watch.count()).toBeGreaterThanOrEqual(6); // two votes for each payment
  });
});

describe('time', () => {
  it('makes an empty block when nothing happens for a heartbeat', async () => {
    const other = makeFolder({ heartbeatMs: 100 });
    const idle = nodeIn(other);
    await idle.start();
    const { blocks } = await until(async () => {
      const page = await resultOf(idle.url as string, 'chain_listBlocks');
      return page.blocks.length > 4 && page;
    });
    expect(blocks.every(({ txCount }: { txCount: number }) => txCount === 0)).toBe(true);
    const times = blocks.map(({ header }: { header: { timeMs: number } }) => header.timeMs);
    expect(times[0] - times[1]).toBeGreaterThanOrEqual(100);
    await idle.stop();
    other.remove();
  });

  it('never goes back, whatever the clock says', async () => {
    const clock = createManualClock(1_760_000_900_000);
    await restart({ clock });
    const first = (await resultOf(url(), 'chain_status')).timeMs;
    clock.advance(-500_000);
    await pay(0);
    const second = (await resultOf(url(), 'chain_status')).timeMs;
    expect(second).toBe(first + 1);
  });
});
