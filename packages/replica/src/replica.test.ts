import { accountOf } from '@aitbc/chain';
import type { MeshMessage } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { actorOf, balanceNait } from './testing/actors.ts';
import {
  doubleVotesOf,
  forksOf,
  haveAll,
  heightOf,
  received,
  reportsOf,
  transfers,
} from './testing/looks.ts';
import { createNet, type Net } from './testing/net.ts';
import type { TestNode } from './testing/node.ts';

type Four = [TestNode, TestNode, TestNode, TestNode];

function four(options: Partial<Parameters<typeof createNet>[0]> = {}): Net {
  const net = createNet({ validators: 4, params: { heartbeatMs: 3_600_000 }, ...options });
  net.start();
  net.run(100);
  return net;
}

function expectSound(net: Net): void {
  expect(forksOf(net.nodes)).toEqual([]);
  expect(net.nodes.flatMap(doubleVotesOf)).toEqual([]);
}

describe('one validator', () => {
  it('makes a transaction final in the step that brings it', () => {
    const net = createNet({ validators: 1 });
    net.start();
    net.run(50);
    const [node] = net.nodes as [TestNode];
    const effects = net.give(node, { type: 'txs', txs: transfers(net) });
    const types = effects.map(({ type }) => type).filter((type) => type !== 'arm');
    expect(types).toEqual(['txVerdict', 'persist', 'final']);
    expect(heightOf(node)).toBe(1);
    expect(received(node)).toBe(1n);
    expect(accountOf(node.replica.reader, actorOf(1).id).balance).toBe(balanceNait - 10_001n);
  });

  it('waits for the shortest time between blocks and fills the next one', () => {
    const net = createNet({ validators: 1, minBlockIntervalMs: 40 });
    net.start();
    net.run(50);
    const [node] = net.nodes as [TestNode];
    for (const tx of transfers(net, { count: 10 })) net.submit(node, tx);
    expect(heightOf(node)).toBe(1);
    net.run(39);
    expect(heightOf(node)).toBe(1);
    net.run(1);
    expect(heightOf(node)).toBe(2);
    expect(received(node)).toBe(10n);
  });

  it('makes no block of transactions that the rules refuse, and says so', () => {
    const net = createNet({ validators: 1, params: { heartbeatMs: 3_600_000 } });
    net.start();
    net.run(50);
    const [node] = net.nodes as [TestNode];
    const [first, again] = [transfers(net), transfers(net)].flat();
    net.submit(node, first as never, again as never);
    const verdicts = reportsOf(node, 'txVerdict').map(({ verdict }) => verdict);
    expect(verdicts).toMatchObject([{ ok: true }, { ok: false, code: 'TX_DUPLICATE' }]);
    net.run(100);
    expect(heightOf(node)).toBe(1);
  });

  it('finishes after a crash the block that it had voted for', () => {
    const net = createNet({ validators: 1, params: { heartbeatMs: 3_600_000 } });
    net.start();
    net.run(50);
    const [node] = net.nodes as [TestNode];
    net.submit(node, ...transfers(net));
    const { hash } = node.replica.head();
    net.stop(node); // before the block is stored
    expect(node.disk.blocks).toEqual([]);
    net.restart(node);
    expect(node.replica.head().hash).toBe(hash);
    expect(received(node)).toBe(1n);
  });
});

describe('four validators', () => {
  it('make transfers final everywhere with equal roots', () => {
    const net = four();
    net.submit(net.nodes[2] as TestNode, ...transfers(net, { count: 50 }));
    const tookMs = net.until(() => haveAll(net.nodes, 50));
    expect(tookMs).toBeLessThan(100);
    expect(new Set(net.nodes.map(({ replica }) => replica.tree.root())).size).toBe(1);
    expectSound(net);
  });

  it('check each signature once, at admission', () => {
    const net = four();
    net.submit(net.nodes[0] as TestNode, ...transfers(net, { count: 20 }));
    net.until(() => haveAll(net.nodes, 20));
    const checked = net.nodes.map(({ verified }) =>
      verified.reduce((sum, count) => sum + count, 0),
    );
    expect(checked).toEqual([0, 20, 20, 20]); // the first got them from its own users, checked
  });

  it('leave no view while there is nothing to do', () => {
    const net = four();
    net.run(600_000);
    expect(net.nodes.map(({ replica }) => replica.status().view)).toEqual([1, 1, 1, 1]);
    expect(net.nodes.map(heightOf)).toEqual([0, 0, 0, 0]);
  });

  it('make an empty block when a heartbeat is due, and no view is lost', () => {
    const net = four({ params: { heartbeatMs: 2_000 } });
    net.run(21_000);
    const [node] = net.nodes as Four;
    expect(heightOf(node)).toBe(10);
    expect(node.disk.blocks.map(({ header }) => header.view)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expectSound(net);
  });

  it('go on when a leader is down', () => {
    const net = four();
    const [a, b, c, d] = net.nodes as Four;
    net.stop(d);
    for (let nonce = 0; nonce < 8; nonce += 1) {
      net.submit(a, ...transfers(net, { nonce }));
      net.until(() => haveAll([a, b, c], nonce + 1), 5_000);
    }
    expectSound(net);
  });

  it('let one that was down follow again, far behind or a little', () => {
    const net = four();
    const [a, b, c, d] = net.nodes as Four;
    for (const count of [1, 30]) {
      net.stop(d);
      const before = Number(received(a));
      for (let at = 0; at < count; at += 1) {
        net.submit(a, ...transfers(net, { nonce: before + at }));
        net.until(() => haveAll([a, b, c], before + at + 1), 5_000);
      }
      net.restart(d);
      net.until(() => heightOf(d) === heightOf(a), 5_000);
      expect(d.replica.tree.root()).toBe(a.replica.tree.root());
    }
    expectSound(net);
  });

  it('stand still in two halves and go on when they meet', () => {
    const net = four();
    const [a, b, c, d] = net.nodes as Four;
    const left = new Set([a, b]);
    net.passes = ({ from, to }) => left.has(from) === left.has(to);
    net.submit(a, ...transfers(net, { count: 3 }));
    net.submit(c, ...transfers(net, { from: 2, count: 3 }));
    net.run(30_000);
    expect(net.nodes.map(heightOf)).toEqual([0, 0, 0, 0]);
    net.passes = () => true;
    net.until(() => haveAll([a, b, c, d], 6), 60_000);
    expectSound(net);
  });

  it('all lose power between vote and finality and finish the same block', () => {
    const net = four();
    const [a, b, c, d] = net.nodes as Four;
    net.passes = ({ message }) =>
      !(message.type === 'votes' && message.votes[0]?.kind === 'finalize');
    net.submit(a, ...transfers(net, { count: 5 }));
    net.until(() =>
      net.nodes.every(({ disk }) => disk.votes.some(({ kind }) => kind === 'finalize')),
    );
    const named = a.disk.votes.find(({ kind }) => kind === 'finalize')?.blockHash;
    for (const node of net.nodes) net.stop(node);
    net.passes = () => true;
    for (const node of net.nodes) net.restart(node);
    net.until(() => haveAll([a, b, c, d], 5), 20_000);
    net.run(10);
    expect(a.disk.blocks.map(({ hash }) => hash)).toContain(named);
    expectSound(net);
  });

  it('ask for the transactions of a proposal that they lack', () => {
    const net = four();
    const [a, b, c, d] = net.nodes as Four;
    net.passes = ({ message, to }) => !(message.type === 'txs' && to === d);
    const seen: MeshMessage['type'][] = [];
    net.onDelivered = ({ from, message }) => {
      if (from === d) seen.push(message.type);
    };
    net.submit(a, ...transfers(net, { count: 3 }));
    net.until(() => haveAll([a, b, c, d], 3), 2_000);
    expect(seen).toContain('wantTxs');
    expect(d.verified).toEqual([3]);
    expectSound(net);
  });

  it('ask for the whole block when a proposal names the wrong transactions', () => {
    const net = four();
    const [a, b, c, d] = net.nodes as Four;
    net.passes = ({ message, to }) => {
      if (message.type === 'proposal' && to === d) (message.txIds as string[]).reverse();
      return true;
    };
    const seen: MeshMessage['type'][] = [];
    net.onDelivered = ({ from, message }) => {
      if (from === d) seen.push(message.type);
    };
    net.submit(a, ...transfers(net), ...transfers(net, { from: 2 }));
    net.until(() => haveAll([a, b, c, d], 2), 2_000);
    expect(seen).toContain('wantBlock');
    expectSound(net);
  });

  it('bring a block along that did not become final by itself', () => {
    const net = four();
    net.passes = ({ message }) =>
      message.type !== 'votes' ||
      !message.votes.some(({ kind, view }) => kind === 'finalize' && view === 1);
    net.submit(net.nodes[0] as TestNode, ...transfers(net));
    net.until(() => haveAll(net.nodes, 1), 1_000);
    net.run(50);
    const [{ disk }] = net.nodes as Four;
    expect(disk.blocks.map(({ header, txs }) => [header.view, txs.length])).toEqual([
      [1, 1],
      [2, 0],
    ]);
  });

  it('hear of a transaction again when the first message was lost', () => {
    const net = four();
    net.passes = ({ message }) => message.type !== 'txs';
    const outsider = net.nodes.find(({ replica, actor }) => {
      const at = replica.status().validators.findIndex(({ publicKey }) => publicKey === actor.id);
      return at !== 1; // it does not lead view 1
    });
    net.submit(outsider as TestNode, ...transfers(net));
    net.run(1_000);
    expect(net.nodes.map(heightOf)).toEqual([0, 0, 0, 0]);
    net.passes = () => true;
    net.until(() => haveAll(net.nodes, 1), 4_000);
    expectSound(net);
  });

  it('keep what others say of the next epoch until it begins', () => {
    const net = four({ params: { heartbeatMs: 3_600_000, epochBlocks: 3 } });
    const [a, , , d] = net.nodes as Four;
    const others = net.nodes.slice(0, 3);
    const fetched: MeshMessage['type'][] = [];
    net.onDelivered = ({ from, message }) => {
      if (from === d && message.type.startsWith('want')) fetched.push(message.type);
    };
    const slow: MeshMessage['type'][] = ['votes', 'certificates'];
    net.extraMs = ({ to, message }) => (to === d && slow.includes(message.type) ? 25 : 0);
    for (let nonce = 0; nonce < 8; nonce += 1) {
      net.submit(a, ...transfers(net, { nonce }));
      net.until(() => haveAll(others, nonce + 1), 5_000); // and d is about to end the epoch
    }
    net.until(() => haveAll(net.nodes, 8), 5_000);
    expect(fetched).toEqual([]);
    expectSound(net);
  });

  it('help one that still talks of an old epoch, and not more often than is good', () => {
    const net = four({ params: { heartbeatMs: 100, epochBlocks: 2 } });
    net.run(2_000);
    net.passes = () => false;
    net.run(600);
    const [a, b] = net.nodes as Four;
    const [vote] = b.disk.votes;
    const message: MeshMessage = { type: 'votes', votes: [vote as never, vote as never] };
    const answers = [1, 2].flatMap(() =>
      net.give(a, { type: 'message', peer: b.actor.id, message }),
    );
    const told = answers.filter(({ type }) => type === 'send');
    const { height } = a.replica.head().header;
    expect(told).toMatchObject([
      { to: [b.actor.id], message: { type: 'status', status: { height } } },
    ]);
  });

  it('stay together while messages are lost and nodes come and go', () => {
    const net = four({ params: { heartbeatMs: 500, epochBlocks: 7 } });
    let lot = 7;
    const draw = (below: number): number => {
      lot = (lot * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((lot / 2 ** 31) * below);
    };
    net.passes = () => draw(20) > 0;
    const [a] = net.nodes as Four;
    for (let round = 0; round < 40; round += 1) {
      const node = net.nodes[1 + draw(3)] as TestNode;
      if (draw(3) === 0) net.restart(node);
      net.submit(a, ...transfers(net, { nonce: round }));
      net.run(draw(400));
    }
    net.passes = () => true;
    net.until(() => haveAll(net.nodes, 40), 60_000);
    expect(a.replica.status().epoch).toBeGreaterThan(1);
    expectSound(net);
  });
});
