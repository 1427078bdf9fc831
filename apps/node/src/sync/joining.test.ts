/** Nodes that join by a snapshot a network of real nodes whose validators change. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type MeshMessage, signStakeProof } from '@aitbc/protocol';
import { createLog, until } from '@aitbc/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import { createMesh } from '../mesh/mesh.ts';
import type { Mesh } from '../mesh/types.ts';
import {
  readChunk,
  readSnapshot,
  type Snapshot,
  snapshotHeights,
} from '../storage/snapshots/snapshots.ts';
import { actor, codeOf, fund, resultOf, signed, transfer } from '../testing/test-node.ts';
import { finalised, startNet, type ValidatorNet } from '../testing/validator-net.ts';

const payer = actor(7);
const newcomer = actor(60);
const firstHeights = 160;
let net: ValidatorNet;
let nonce = 0;

const urlOf = (node: ChainNode | undefined): string => node?.url as string;
const statusOf = (node: ChainNode | undefined) => resultOf(urlOf(node), 'chain_status');

/** Transfers, one block each, until the chain is that high. */
async function growTo(height: number): Promise<void> {
  for (let at = 0; at < height; nonce += 1) {
    const to = actor(10 + (nonce % 40)).publicKey;
    at = await finalised(urlOf(net.nodes[0]), transfer(net.network, payer, { to, nonce }));
  }
}

async function bond(): Promise<void> {
  const { network } = net;
  const keySignature = signStakeProof(network, payer.publicKey, newcomer.keys.secretKey);
  const body = { validator: newcomer.publicKey, stake: 2_000_000n, keySignature };
  await finalised(
    urlOf(net.nodes[0]),
    signed(network, payer, { kind: 'validator_bond', body, nonce }),
  );
  nonce += 1;
}

/** Waits until a node has the head of the first one, and compares what they say of it. */
async function expectSame(node: ChainNode): Promise<void> {
  await until(async () => (await statusOf(node)).height >= (await statusOf(net.nodes[0])).height, {
    timeoutMs: 20_000,
  });
  const { height } = await statusOf(node);
  const [theirs, ours] = await Promise.all(
    [net.nodes[0], node].map((one) => resultOf(urlOf(one), 'chain_getHeader', { height })),
  );
  expect(ours).toEqual(theirs);
  const audits = [net.nodes[0], node].map((one) => resultOf(urlOf(one), 'state_audit'));
  const [theirAudit, ourAudit] = await Promise.all(audits);
  expect(ourAudit).toEqual(theirAudit);
}

beforeAll(async () => {
  net = await startNet({
    timeMs: 1_760_000_000_000,
    params: { epochBlocks: 20, validatorStakeMin: '1000000' },
    snapshotBlocks: 50,
  });
  await fund(urlOf(net.nodes[0]), payer, 1_000_000_000n);
  await growTo(30);
  await bond();
  await growTo(firstHeights);
}, 120_000);
afterAll(() => net.stop());

/** A stranger that offers the snapshot of the first node, and more than it has. */
async function startLiar(byte: number, tell: (truth: MeshMessage) => MeshMessage | undefined) {
  const dataDir = join(net.folder, 'node-0');
  const snapshot = readSnapshot(dataDir, snapshotHeights(dataDir)[0] as number) as Snapshot;
  const { header, certificate, validators, size, level } = snapshot;
  const { height } = header;
  const truthOf = (question: MeshMessage): MeshMessage | undefined => {
    const bundle = { header, certificate, validators };
    if (question.type === 'wantSnapshot') return { type: 'snapshot', bundle, size, level };
    if (question.type === 'wantBundle') {
      return { type: 'bundle', height: question.height, bundles: [] };
    }
    if (question.type !== 'wantChunk') return undefined;
    return { type: 'chunk', height, chunk: 0, bytes: readChunk(dataDir, height, 0) as Uint8Array };
  };
  const { genesisHash } = net.network;
  const mesh: Mesh = createMesh(
    { identity: actor(byte), genesisHash, host: '127.0.0.1', port: 0, peers: [] },
    {
      log: createLog({ name: 'liar', level: 'silent' }),
      isValidator: () => false,
      onPeer(peer, isUp) {
        const place = { height: height + 9_000, hash: '11'.repeat(32), epoch: 3, view: 1 };
        const status = { ...place, snapshotHeight: height + 5_000 };
        if (isUp) mesh.send(peer, { type: 'status', status });
      },
      onMessage(peer, message) {
        const truth = truthOf(message);
        const words = truth && tell(truth);
        if (words) mesh.send(peer, words);
        else if (truth) void mesh.stop();
      },
    },
  );
  await mesh.start();
  return mesh;
}

describe('joining by snapshot', () => {
  it('brings a fresh follower to the head without the blocks before', async () => {
    const follower = await net.start({ name: 'follower', follower: 70 });
    await expectSame(follower);
    expect((await statusOf(follower)).validators).toHaveLength(5);
    expect(await codeOf(urlOf(follower), 'chain_getBlock', { height: 100 })).toBe('NOT_FOUND');
    const { blocks, next } = await resultOf(urlOf(follower), 'chain_listBlocks', { limit: 100 });
    // The snapshot of block 150 may still be in the making at the peer that was asked.
    expect([101, 151]).toContain(blocks.at(-1).header.height);
    expect(next).toBeNull();
    await growTo((await statusOf(follower)).height + 30);
    await expectSame(follower);
  }, 60_000);

  it('brings a wiped validator back', async () => {
    const [wiped] = net.nodes.splice(3, 1);
    await wiped?.stop();
    rmSync(join(net.folder, 'node-3'), { recursive: true });
    const back = await net.start({ name: 'node-3', validator: 3, isOld: true });
    await expectSame(back);
    expect(await codeOf(urlOf(back), 'chain_getBlock', { height: 100 })).toBe('NOT_FOUND');
    await growTo((await statusOf(back)).height + 30);
    await expectSame(back);
  }, 60_000);

  it.each<[string, number, (truth: MeshMessage) => MeshMessage | undefined]>([
    [
      'forges the header of its snapshot',
      80,
      (truth) => {
        if (truth.type !== 'snapshot') return truth;
        const header = { ...truth.bundle.header, stateRoot: 'ee'.repeat(32) };
        return { ...truth, bundle: { ...truth.bundle, header } };
      },
    ],
    [
      'sends a wrong chunk',
      81,
      (truth) => (truth.type === 'chunk' ? { ...truth, bytes: truth.bytes.with(90, 7) } : truth),
    ],
    ['stops in the middle', 82, (truth) => (truth.type === 'chunk' ? undefined : truth)],
  ])(
    'does not fall for a peer that %s',
    async (_, byte, tell) => {
      const liar = await startLiar(byte, tell);
      const dial = `127.0.0.1:${liar.port}`;
      const follower = await net.start({ name: `follower-${byte}`, follower: byte + 10, dial });
      expect(await codeOf(urlOf(follower), 'chain_getBlock', { height: 100 })).toBe('NOT_FOUND');
      await expectSame(follower);
      const { peers } = await resultOf(urlOf(follower), 'net_peers');
      const isThere = peers.some(
        (peer: { publicKey: string }) => peer.publicKey === actor(byte).publicKey,
      );
      expect(isThere).toBe(false);
      expect(liar.stats().connected).toBe(1);
      await liar.stop();
    },
    60_000,
  );
});
