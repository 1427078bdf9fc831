/**
 * Kill -9 at random moments: whatever the node reported as final is there afterwards, at the same place,
 * no coin is lost or made, no vote was cast twice, and the block log alone gives the same state.
 */
import { randomInt } from 'node:crypto';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf } from '@aitbc/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ChildNode, startChild } from './testing/child-node.ts';
import { createVoteWatch, journalVotes } from './testing/journal-votes.ts';
import {
  actor,
  fund,
  makeFolder,
  nodeIn,
  resultOf,
  sendParams,
  type TestFolder,
  transfer,
} from './testing/test-node.ts';

/** More by hand: AITBC_CRASH_KILLS=1000. */
const kills = Number(process.env.AITBC_CRASH_KILLS ?? 20);
const senders = [1, 2, 3, 4].map(actor);
const receiver = actor(9);

interface Final {
  readonly txId: string;
  readonly blockHash: string;
  readonly height: number;
}

let at: TestFolder;
beforeAll(() => {
  at = makeFolder({ heartbeatMs: 500 });
});
afterAll(() => at.remove());

/** One account sends transfer after transfer until the connection breaks. */
async function stream(url: string, from: (typeof senders)[number], finals: Final[]) {
  const address = addressOf(from.publicKey);
  const { pendingNonce } = await resultOf(url, 'state_getAccount', { address });
  for (let nonce = pendingNonce; ; nonce += 1) {
    const tx = transfer(at.network, from, { to: receiver.publicKey, amount: 3n, nonce });
    const { status, receipt, blockHash } = await resultOf(url, 'tx_sendAndWait', sendParams(tx));
    if (status === 'final') finals.push({ txId: tx.txId, blockHash, height: receipt.height });
  }
}

async function assertFinals(node: ChildNode, finals: readonly Final[]): Promise<void> {
  for (const { txId, blockHash, height } of finals) {
    const found = await resultOf(node.url, 'tx_get', { txId });
    expect(found).toMatchObject({ status: 'final', blockHash, receipt: { height } });
  }
}

/** Transfers under load until the process is killed; what was reported as final meanwhile. */
async function runAndKill(node: ChildNode): Promise<Final[]> {
  const finals: Final[] = [];
  const streams = senders.map((from) => stream(node.url, from, finals));
  const ends = Promise.allSettled(streams);
  await sleep(randomInt(5, 250));
  await node.kill();
  for (const end of await ends) {
    // A stream ends because its connection broke; a refusal in between would be a fault of the node.
    if (end.status === 'rejected') expect(String(end.reason)).toContain('fetch failed');
  }
  return finals;
}

it(
  `survives ${kills} kills at random moments`,
  async () => {
    const finals: Final[] = [];
    const watch = createVoteWatch();
    let node = await startChild(at);
    for (const account of senders) await fund(node.url, account, 1_000_000_000_000n);
    for (let round = 0; round < kills; round += 1) {
      const fresh = await runAndKill(node);
      finals.push(...fresh);
      expect(watch.contradictions(await journalVotes(at.dataDir))).toEqual([]);
      node = await startChild(at);
      await assertFinals(node, fresh);
    }
    expect(finals.length).toBeGreaterThan(kills);
    await assertFinals(node, finals);
    const audit = await resultOf(node.url, 'state_audit');
    expect(audit).toMatchObject({ problems: [], supply: audit.genesisSupply });
    const paid = await resultOf(node.url, 'state_getAccount', {
      address: addressOf(receiver.publicKey),
    });
    expect(BigInt(paid.balance)).toBeGreaterThanOrEqual(3n * BigInt(finals.length));
    expect(await node.stop()).toBe(0);

    expect(watch.count()).toBeGreaterThan(2 * kills);

    const [stored, rebuilt] = [await headOf(at), await headOf(withLogOnly())];
    expect(rebuilt).toEqual(stored);
    expect(stored.height).toBeGreaterThanOrEqual(Math.max(...finals.map(({ height }) => height)));
  },
  180_000 + kills * 5_000,
);

/** A folder with the same genesis and only the block log. */
function withLogOnly(): TestFolder {
  const dataDir = join(at.folder, 'rebuilt');
  mkdirSync(dataDir);
  cpSync(join(at.dataDir, 'blocks.log'), join(dataDir, 'blocks.log'));
  return { ...at, dataDir };
}

/** Where a folder's chain stands when it is opened, before the node adds to it. */
async function headOf(folder: TestFolder) {
  const clock = { nowMs: () => 0 }; // no heartbeat is ever due
  const node = nodeIn(folder, { clock });
  await node.start();
  const { height, blockHash, stateRoot } = await resultOf(node.url as string, 'chain_status');
  await node.stop();
  return { height, blockHash, stateRoot };
}
