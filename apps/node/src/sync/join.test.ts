import { genesisBlock } from '@aitbc/chain';
import {
  type AppError,
  devnetParams,
  type Hex,
  networkFromGenesis,
  type PeerStatus,
} from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import { actor } from '../testing/test-node.ts';
import { hearPeers, joinBySnapshot } from './join.ts';
import { createQuestions, type Offer } from './questions.ts';

const genesis = {
  ...{ network: 'test', timeMs: 1_760_000_000_000, accounts: [] },
  validators: [{ publicKey: actor(1).publicKey, stake: '5' }],
  params: { ...devnetParams, epochBlocks: 20 },
};
const network = networkFromGenesis(genesis);
const { header } = genesisBlock(genesis);
const signal = new AbortController().signal;

const statusAt = (snapshotHeight: number): PeerStatus => ({
  ...{ height: snapshotHeight + 5, hash: '11'.repeat(32), epoch: 1, view: 1, snapshotHeight },
});

/** Joins from a height with peers that have snapshots; who was asked and reported, and whether the store was closed. */
async function join(height: number, heights: Readonly<Record<Hex, number>>, snapshotBlocks = 50) {
  const asked: Hex[] = [];
  const penalized: Hex[] = [];
  let isReleased = false;
  const peers = Object.entries(heights);
  const statuses = new Map(peers.map(([peer, at]) => [peer, statusAt(at)]));
  const certificate = { kind: 3, epoch: 0, view: 1, blockHash: '22'.repeat(32), votes: [] };
  const bundle = { header, certificate, validators: [] };
  const isJoined = await joinBySnapshot(
    {
      genesis,
      network,
      trustedBlock: undefined,
      folder: '/none',
      head: { height },
      snapshotBlocks,
    },
    {
      front: { statuses: () => statuses },
      questions: {
        ...createQuestions({ send() {} }),
        async snapshotOf(peer): Promise<Offer> {
          asked.push(peer);
          return { type: 'snapshot', bundle, size: 9, level: 2 };
        },
      },
      ...{ clock: { nowMs: () => 0 }, log: createLog({ name: 'join', level: 'silent' }) },
      penalize(peer) {
        penalized.push(peer);
        statuses.delete(peer);
      },
      async release() {
        isReleased = true;
      },
    },
    signal,
  );
  return { isJoined, asked, penalized, isReleased };
}

describe('a node', () => {
  it('at genesis asks everybody who has a snapshot, the newest first', async () => {
    const { asked, isJoined, penalized } = await join(0, { a: 50, b: 0, c: 100 });
    expect(asked).toEqual(['c', 'a']);
    expect(isJoined).toBe(false);
    expect(penalized).toEqual(['c', 'a']); // their bundles are signed by nobody
  });

  it('that has blocks joins only by a snapshot that is far ahead', async () => {
    expect((await join(100, { a: 150 })).asked).toEqual([]);
    expect((await join(100, { a: 151 })).asked).toEqual(['a']);
    const many = 10_000; // then ten epochs of 20 blocks are far
    expect((await join(100, { a: 300 }, many)).asked).toEqual([]);
    expect((await join(100, { a: 301 }, many)).asked).toEqual(['a']);
    expect((await join(100, { a: 301 }, 0)).asked).toEqual(['a']);
  });

  it('leaves its store open when nothing is to be installed', async () => {
    expect(await join(0, { a: 0 })).toMatchObject({ isJoined: false, isReleased: false });
    expect(await join(0, { a: 50 })).toMatchObject({ isJoined: false, isReleased: false });
  });
});

describe('peers', () => {
  const front = (statuses: readonly (PeerStatus | undefined)[]) => ({
    statuses: () => new Map(statuses.map((status, at) => [`p${at}`, status])),
  });
  const timeToHear = async (statuses: readonly (PeerStatus | undefined)[], inUse?: string) => {
    const startMs = performance.now();
    await hearPeers({ front: front(statuses), keyInUseAt: () => inUse }, 4, signal);
    return performance.now() - startMs;
  };

  it('are waited for, the longer the fewer there are', async () => {
    const heard = statusAt(0);
    expect(await timeToHear([heard, heard, heard, heard])).toBeLessThan(200);
    expect(await timeToHear([undefined, heard, heard])).toBeGreaterThanOrEqual(290);
    expect(await timeToHear([heard, undefined])).toBeGreaterThanOrEqual(990);
    expect(await timeToHear([undefined], '127.0.0.1:1')).toBeLessThan(200);
  });

  it('are not waited for any more when the node is told to stop', async () => {
    const stopped = hearPeers(
      { front: front([]), keyInUseAt: () => undefined },
      1,
      AbortSignal.timeout(20),
    );
    await expect(stopped).rejects.toThrow();
  });
});

describe('questions', () => {
  const answer = { type: 'chunk', height: 5, chunk: 1, bytes: Uint8Array.of(1) } as const;

  it('are answered by the peer that was asked, and end without an answer', async () => {
    const sent: Hex[] = [];
    const questions = createQuestions({ send: (peer) => void sent.push(peer), answerMs: 50 });
    const [first, same] = [questions.chunkOf('a', 5, 1), questions.chunkOf('a', 5, 1)];
    expect(sent).toEqual(['a']);
    questions.onAnswer('b', answer);
    questions.onAnswer('a', { ...answer, chunk: 2 });
    questions.onAnswer('a', answer);
    expect([await first, await same]).toEqual([answer.bytes, answer.bytes]);
    const codeOf = (asked: Promise<unknown>) => asked.catch((error: AppError) => error.code);
    const ends = [questions.chunkOf('a', 5, 1), questions.bundleOf('b', 5)].map(codeOf);
    const down = codeOf(questions.chunkOf('c', 5, 1));
    questions.onPeerDown('c');
    questions.onAnswer('b', { type: 'bundle', height: 5, bundles: [] });
    expect([...(await Promise.all(ends)), await down]).toEqual([
      'TIMEOUT',
      'NOT_FOUND',
      'UNAVAILABLE',
    ]);
    const last = codeOf(questions.snapshotOf('a'));
    questions.stop();
    expect(await last).toBe('CANCELLED');
  });
});
