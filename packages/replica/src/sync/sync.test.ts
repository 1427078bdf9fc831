import { signStakeProof } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { actorOf, stakeNait, txOf, validatorActor } from '../testing/actors.ts';
import {
  doubleVotesOf,
  forksOf,
  haveAll,
  heightOf,
  received,
  reportsOf,
  transfers,
} from '../testing/looks.ts';
import { createNet, type Net, type NetOptions } from '../testing/net.ts';
import type { TestNode } from '../testing/node.ts';

const follower = actorOf(150);
const quiet = { heartbeatMs: 3_600_000 };

/** Four validators and a follower that is down, with some blocks of one transfer each. */
function grown(blocks: number, options: Partial<NetOptions> = {}): Net {
  const net = createNet({ validators: 4, followers: [follower], params: quiet, ...options });
  net.start();
  net.stop(net.nodes[4] as TestNode);
  net.run(50);
  const all = net.nodes.slice(0, 4);
  for (let nonce = 0; nonce < blocks; nonce += 1) {
    net.submit(all[nonce % 4] as TestNode, ...transfers(net, { nonce }));
    net.until(() => haveAll(all, nonce + 1), 5_000);
  }
  net.run(20);
  return net;
}

function late(net: Net): TestNode {
  return net.nodes[4] as TestNode;
}

function expectSound(net: Net): void {
  expect(forksOf(net.nodes)).toEqual([]);
  expect(net.nodes.flatMap(doubleVotesOf)).toEqual([]);
}

describe('a follower', () => {
  it('fetches all blocks from several peers and then follows block by block', () => {
    const net = grown(140);
    const asked = new Set<string>();
    net.onDelivered = ({ from, to, message }) => {
      if (from === late(net) && message.type === 'wantRange') asked.add(to.actor.id);
    };
    net.restart(late(net));
    net.until(() => received(late(net)) === 140n, 3_000);
    expect(asked.size).toBeGreaterThan(2);
    expect(late(net).verified).toEqual([]); // signatures below a certificate are not checked again
    net.submit(net.nodes[0] as TestNode, ...transfers(net, { nonce: 140 }));
    net.until(() => received(late(net)) === 141n, 200);
    expect(late(net).replica.status()).toMatchObject({ isValidator: false, isSyncing: false });
    expect(late(net).disk.votes).toEqual([]);
    expectSound(net);
  });

  it('passes transactions of its users on to validators', () => {
    const net = grown(1);
    net.restart(late(net));
    net.until(() => heightOf(late(net)) === 1, 5_000);
    net.submit(late(net), ...transfers(net, { nonce: 1, count: 4 }));
    net.until(() => haveAll(net.nodes, 5), 500);
    expectSound(net);
  });

  it('goes through the ends of epochs while it catches up', () => {
    const net = grown(60, { params: { ...quiet, epochBlocks: 7 } });
    net.restart(late(net));
    net.until(() => received(late(net)) === 60n, 3_000);
    expect(late(net).replica.status().epoch).toBe(8);
    expectSound(net);
  });

  it('gets past blocks that only a later certificate proves', () => {
    const net = grown(30);
    for (const { disk } of net.nodes.slice(0, 4)) {
      for (const [at, block] of disk.blocks.entries()) {
        const later = disk.blocks[Math.min(29, at - (at % 10) + 9)];
        if (later) disk.blocks[at] = { ...block, certificate: later.certificate };
      }
    }
    net.restart(late(net));
    net.until(() => received(late(net)) === 30n, 3_000);
    expectSound(net);
  });
});

describe('liars', () => {
  it('that answer with a forged certificate are reported and passed by', () => {
    const net = grown(20);
    const [liar] = net.nodes as [TestNode];
    const votes = liar.disk.blocks[0]?.certificate.votes.slice(0, 2) ?? [];
    for (const [at, block] of liar.disk.blocks.entries()) {
      liar.disk.blocks[at] = { ...block, certificate: { ...block.certificate, votes } };
    }
    net.restart(late(net));
    net.until(() => received(late(net)) === 20n, 10_000);
    const reported = reportsOf(late(net), 'penalize').map(({ peer }) => peer);
    expect(new Set(reported)).toEqual(new Set([liar.actor.id]));
  });

  it('that answer with other blocks are reported and passed by', () => {
    const net = grown(20);
    const other = grown(20, { params: { ...quiet, epochBlocks: 9 } }); // another network altogether
    const [liar] = net.nodes as [TestNode];
    liar.disk.blocks.splice(0, 20, ...(other.nodes[0]?.disk.blocks ?? []));
    net.restart(late(net));
    net.until(() => received(late(net)) === 20n, 10_000);
    const reported = reportsOf(late(net), 'penalize').map(({ peer }) => peer);
    expect(new Set(reported)).toEqual(new Set([liar.actor.id]));
  });

  it('that claim blocks they never send do not stop anybody', () => {
    const net = grown(10);
    const [a, b, c, d] = net.nodes as [TestNode, TestNode, TestNode, TestNode];
    net.restart(late(net));
    const status = { ...status0(net), height: 1_000_000_000 };
    for (const node of [b, c, d, late(net)]) {
      net.give(node, { type: 'message', peer: a.actor.id, message: { type: 'status', status } });
    }
    net.submit(b, ...transfers(net, { nonce: 10, count: 5 }));
    net.until(() => haveAll([b, c, d, late(net)], 15), 10_000);
    expectSound(net);
  });

  it('that answer what nobody asked are ignored', () => {
    const net = grown(5);
    const [a, b] = net.nodes as [TestNode, TestNode];
    const blocks = a.disk.blocks.map(({ body, certificate }) => ({ body, certificate }));
    const message = { type: 'range', from: 1, blocks } as const;
    const effects = net.give(b, { type: 'message', peer: a.actor.id, message });
    expect(effects).toEqual([]);
  });
});

function status0(net: Net) {
  const { header, hash } = (net.nodes[0] as TestNode).replica.head();
  return { height: header.height, hash, epoch: 0, view: 1, snapshotHeight: 0 };
}

describe('epochs', () => {
  it('bring a new validator in, which then votes and leads', () => {
    const fifth = actorOf(150);
    const net = createNet({
      validators: 4,
      followers: [fifth],
      params: { heartbeatMs: 200, epochBlocks: 10 },
    });
    net.start();
    net.run(50);
    const owner = actorOf(5);
    const body = {
      validator: fifth.id,
      stake: 2n * stakeNait,
      keySignature: signStakeProof(net.network, owner.id, fifth.secretKey),
    };
    const bond = txOf(net.network, { from: owner, nonce: 0, kind: 'validator_bond', body });
    net.submit(net.nodes[0] as TestNode, bond);
    const isLed = () => late(net).disk.blocks.some(({ header }) => header.proposer === fifth.id);
    net.until(isLed, 30_000);
    expect(late(net).replica.status()).toMatchObject({ isValidator: true, mayVote: true });
    expect(late(net).replica.status().validators[0]).toEqual({
      publicKey: fifth.id,
      stake: 2n * stakeNait,
    });
    net.run(3_000);
    expect(new Set(net.nodes.map(heightOf)).size).toBe(1);
    expectSound(net);
  });

  it('end on an idle chain by heartbeats', () => {
    const net = createNet({ validators: 4, params: { heartbeatMs: 300, epochBlocks: 3 } });
    net.start();
    net.run(5_000);
    const [node] = net.nodes as [TestNode];
    expect(node.replica.status().epoch).toBeGreaterThan(3);
    expect(node.replica.status().validators.map(({ publicKey }) => publicKey)).toContain(
      validatorActor(3).id,
    );
    expectSound(net);
  });
});
