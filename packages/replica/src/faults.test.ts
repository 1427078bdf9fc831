import { keyOf } from '@aitbc/chain';
import { type MeshMessage, signVote } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { actorOf, txOf } from './testing/actors.ts';
import {
  doubleVotesOf,
  forksOf,
  haveAll,
  heightOf,
  reportsOf,
  transfers,
} from './testing/looks.ts';
import { createNet, type Net, type NetOptions } from './testing/net.ts';
import { journalOf, type TestNode } from './testing/node.ts';

type Four = [TestNode, TestNode, TestNode, TestNode];
const quiet = { heartbeatMs: 3_600_000 };

function four(options: Partial<NetOptions> = {}): Net {
  const net = createNet({ validators: 4, params: quiet, ...options });
  net.start();
  net.run(100);
  return net;
}

/** Position of a node in the validator set. */
function placeOf({ actor, replica }: TestNode): number {
  return replica.status().validators.findIndex(({ publicKey }) => publicKey === actor.id);
}

/** The node that leads a view of the first epoch. */
function leaderOf(net: Net, view: number): TestNode {
  return net.nodes.find((node) => placeOf(node) === view % 4) as TestNode;
}

describe('clocks', () => {
  it('get no vote for a block from the future, and the next leader goes on', () => {
    const net = four();
    const ahead = leaderOf(net, 1);
    ahead.wallSkewMs = 60_000;
    net.submit(leaderOf(net, 2), ...transfers(net, { count: 2 }));
    net.until(() => haveAll(net.nodes, 2), 5_000);
    net.run(50);
    expect(ahead.disk.votes).toContainEqual(expect.objectContaining({ kind: 'notarize', view: 1 }));
    const views = net.nodes[0]?.disk.blocks.map(({ header }) => header.view);
    expect(views).toEqual([2]);
  });

  it('that are behind alone do not keep a node from following', () => {
    const net = four();
    const behind = net.nodes[0] as TestNode;
    behind.wallSkewMs = -60_000;
    for (let nonce = 0; nonce < 8; nonce += 1) {
      net.submit(net.nodes[1] as TestNode, ...transfers(net, { nonce }));
      net.until(() => haveAll(net.nodes, nonce + 1), 10_000);
    }
    expect(forksOf(net.nodes)).toEqual([]);
  });
});

describe('a node that cannot go on', () => {
  it('stops when the network certifies what it finds invalid', () => {
    const net = four();
    const broken = net.nodes[3] as TestNode;
    broken.disk.state.set(
      keyOf('account', actorOf(1).id),
      broken.disk.state.get(keyOf('account', actorOf(2).id)) as Uint8Array,
    );
    broken.disk.state.delete(keyOf('account', actorOf(2).id));
    net.passes = ({ to, message }) => to !== broken || message.type !== 'range';
    net.submit(net.nodes[0] as TestNode, ...transfers(net, { from: 2 }));
    net.until(() => broken.replica.status().isHalted, 10_000);
    expect(reportsOf(broken, 'halt')).toMatchObject([{ code: 'BLOCK_INVALID' }]);
    expect(broken.disk.votes.some(({ kind }) => kind === 'notarize')).toBe(false);
    const others = net.nodes.slice(0, 3);
    net.until(() => haveAll(others, 1), 10_000);
    expect(others.map(({ replica }) => replica.status().isHalted)).toEqual([false, false, false]);
  });

  it('stops as well when it finds that out by fetching', () => {
    const net = four();
    const broken = net.nodes[3] as TestNode;
    net.stop(broken);
    const rich = broken.disk.state.get(keyOf('account', actorOf(2).id)) as Uint8Array;
    broken.disk.state.set(keyOf('account', actorOf(8).id), rich.slice().fill(0, 0, 8));
    net.submit(net.nodes[0] as TestNode, ...transfers(net, { from: 8 }));
    net.until(() => haveAll(net.nodes.slice(0, 3), 1), 10_000);
    net.run(50);
    net.restart(broken);
    net.until(() => broken.replica.status().isHalted, 10_000);
    expect(heightOf(broken)).toBe(0);
    expect(broken.disk.blocks).toEqual([]);
  });

  it('stops before a version of the rules that it does not know, and still answers', () => {
    const net = createNet({ validators: 4, params: { heartbeatMs: 200, epochBlocks: 5 } });
    net.start();
    for (let owner = 1; owner <= 4; owner += 1) {
      const body = { validator: net.nodes[owner - 1]?.actor.id as string, version: 2, height: 40 };
      net.submit(
        net.nodes[0] as TestNode,
        txOf(net.network, { from: actorOf(owner), nonce: 0, kind: 'upgrade_signal', body }),
      );
    }
    net.until(() => net.nodes.every(({ replica }) => replica.status().isHalted), 60_000);
    expect(net.nodes.map(heightOf)).toEqual([39, 39, 39, 39]);
    expect(reportsOf(net.nodes[0] as TestNode, 'halt')).toMatchObject([
      { code: 'CHAIN_UPGRADE_NEEDED' },
    ]);
    const message: MeshMessage = { type: 'wantRange', from: 1, to: 2 };
    const peer = net.nodes[1]?.actor.id as string;
    const answer = net.give(net.nodes[0] as TestNode, { type: 'message', peer, message });
    expect(answer).toMatchObject([{ type: 'send', message: { type: 'range', from: 1 } }]);
  });
});

describe('votes of a former life', () => {
  it('bind a validator: it does not finalize a view that it nullified', () => {
    const net = four();
    const [, , , d] = net.nodes as Four;
    const others = net.nodes.slice(0, 3);
    const leader = others.find((node) => placeOf(node) === 1) ?? (others[0] as TestNode);
    const isFinalize = (message: MeshMessage): boolean =>
      message.type === 'votes' && message.votes.some(({ kind }) => kind === 'finalize');
    net.passes = ({ to, from, message }) => to !== d && from !== d && !isFinalize(message);
    net.submit(d, ...transfers(net, { from: 2 })); // alone with work, it gives up view 1
    net.submit(leader, ...transfers(net));
    net.until(() => d.disk.votes.some(({ kind, view }) => kind === 'nullify' && view === 1));
    net.passes = ({ message }) => !isFinalize(message);
    net.restart(d);
    net.run(3_000);
    net.passes = () => true;
    net.until(() => haveAll(net.nodes, 1), 5_000);
    expect(net.nodes.flatMap(doubleVotesOf)).toEqual([]);
  });
});

describe('a lost journal', () => {
  it('keeps a validator silent until the epoch after next of the first fresh block', () => {
    const params = { heartbeatMs: 500, epochBlocks: 10, blockSkewMs: 1_000 };
    const net = four({ params });
    const [, b, c, d] = net.nodes as Four;
    net.run(3_000);
    const { votes } = d.disk;
    const before = votes.length;
    net.restart(d, {
      ...journalOf({ ...d.disk, votes: [], bodies: new Map(), certificates: [] }),
      silent: { type: 'lost' },
    });
    net.until(() => reportsOf(d, 'resume').length > 0, 20_000);
    const epoch = reportsOf(d, 'resume')[0]?.epoch ?? 0;
    expect(epoch).toBe(d.replica.head().header.epoch + 2);
    net.until(() => b.replica.status().epoch === epoch, 60_000);
    expect(votes.length).toBe(before);
    expect(c.replica.status().mayVote).toBe(true);
    net.until(() => votes.length > before, 20_000);
    expect(Math.min(...votes.slice(before).map((vote) => vote.epoch))).toBe(epoch);
    expect(doubleVotesOf(d)).toEqual([]);
  });

  it('that is only torn keeps it silent up to a view', () => {
    const net = four();
    const [a, , , d] = net.nodes as Four;
    net.restart(d, { ...journalOf(d.disk), silent: { type: 'view', epoch: 0, view: 5 } });
    for (let nonce = 0; nonce < 8; nonce += 1) {
      net.submit(a, ...transfers(net, { nonce }));
      net.until(() => haveAll(net.nodes, nonce + 1), 10_000);
    }
    expect(Math.min(...d.disk.votes.map(({ view }) => view))).toBe(6);
  });
});

describe('a liar', () => {
  it('that votes twice is reported with both votes, and the network goes on', () => {
    const net = four();
    const [a, b, c, d] = net.nodes as Four;
    net.stop(d);
    const second = signVote(
      net.network,
      { kind: 'notarize', epoch: 0, view: 1, blockHash: 'ab'.repeat(32), validator: placeOf(d) },
      d.actor.secretKey,
    );
    const first = signVote(
      net.network,
      { ...second, blockHash: 'cd'.repeat(32) },
      d.actor.secretKey,
    );
    net.give(a, { type: 'peerUp', peer: d.actor.id });
    const message: MeshMessage = { type: 'votes', votes: [first, second] };
    net.give(a, { type: 'message', peer: d.actor.id, message });
    expect(reportsOf(a, 'evidence')).toMatchObject([{ evidence: { validator: d.actor.id } }]);
    net.submit(b, ...transfers(net, { count: 3 }));
    net.until(() => haveAll([a, b, c], 3), 10_000);
  });

  it('that forges votes or sends unsigned transactions is reported', () => {
    const net = four();
    const [a, b] = net.nodes as Four;
    const peer = b.actor.id;
    const vote = signVote(
      net.network,
      { kind: 'nullify', epoch: 0, view: 1, blockHash: '00'.repeat(32), validator: placeOf(a) },
      b.actor.secretKey,
    );
    const forged: MeshMessage = {
      type: 'votes',
      votes: [{ ...vote, validator: placeOf(net.nodes[2] as TestNode) }],
    };
    net.give(a, { type: 'message', peer, message: forged });
    const [tx] = transfers(net);
    const bytes = Uint8Array.from(tx?.bytes ?? []);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    net.give(a, { type: 'message', peer, message: { type: 'txs', txs: [bytes] } });
    expect(reportsOf(a, 'penalize').map((report) => report.peer)).toEqual([peer, peer]);
    expect(a.replica.mempool().count).toBe(0);
  });

  it('that sends another block than was asked for is reported, and the right one comes from others', () => {
    const net = four();
    const [a] = net.nodes as Four;
    net.passes = ({ to, message }) => to !== a || !['proposal', 'txs'].includes(message.type);
    const liars = new Set<string>();
    net.passes = ({ from, to, message }) => {
      if (to !== a) return true;
      if (message.type === 'block' && liars.size === 0 && message.body.length > 0) {
        liars.add(from.actor.id);
        (message as { body: Uint8Array }).body = message.body.slice(0, 100);
      }
      return !['proposal', 'txs'].includes(message.type);
    };
    net.submit(net.nodes[1] as TestNode, ...transfers(net, { count: 2 }));
    net.until(() => haveAll(net.nodes, 2), 10_000);
    expect(new Set(reportsOf(a, 'penalize').map(({ peer }) => peer))).toEqual(liars);
    expect(liars.size).toBe(1);
  });
});
