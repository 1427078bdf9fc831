/**
 * Replicas wired in memory for tests: virtual time, messages as bytes with a delay that a test may cut, a store and a
 * journal for each node that survive a restart. Real keys, real rules.
 */
import { genesisBlock } from '@aitbc/chain';
import {
  type ChainParams,
  decodeMeshMessage,
  encodeMeshMessage,
  type Genesis,
  type Hex,
  type MeshMessage,
  type Network,
  networkFromGenesis,
  type SignedTx,
  unwrap,
} from '@aitbc/protocol';
import type { FinalBlock, JournalContent, ReplicaEffect, ReplicaInput } from '../types.ts';
import { type Actor, genesisOf, genesisTimeMs, validatorActor } from './actors.ts';
import { createNode, type Ground, journalOf, openReplica, store, type TestNode } from './node.ts';
import { createQueue, type Queue } from './queue.ts';

/** What a test network is made of. */
export interface NetOptions {
  readonly validators: number;
  /** Keys of further nodes. */
  readonly followers?: readonly Actor[];
  readonly params?: Partial<ChainParams>;
  readonly hopMs?: number;
  readonly storeMs?: number;
  readonly minBlockIntervalMs?: number;
}

/** A message on its way. */
export interface Parcel {
  readonly from: TestNode;
  readonly to: TestNode;
  readonly message: MeshMessage;
}

/** See the head of this file. */
export interface Net {
  readonly genesis: Genesis;
  readonly network: Network;
  readonly nodes: readonly TestNode[];
  readonly queue: Queue;
  /** Messages that it returns false for are lost. */
  passes: (parcel: Parcel) => boolean;
  /** Time that a message takes beyond `hopMs`. */
  extraMs: (parcel: Parcel) => number;
  /** Called for each message that is delivered. */
  onDelivered: (parcel: Parcel) => void;
  start(): void;
  run(forMs: number): void;
  /** Runs until the condition holds; throws after `limitMs`. Returns the time it took, ms. */
  until(condition: () => boolean, limitMs?: number): number;
  give(node: TestNode, input: ReplicaInput): ReplicaEffect[];
  submit(node: TestNode, ...txs: SignedTx[]): void;
  stop(node: TestNode): void;
  restart(node: TestNode, journal?: JournalContent): void;
}

interface Wires {
  readonly net: Net;
  readonly hopMs: number;
  readonly storeMs: number;
  readonly byKey: ReadonlyMap<Hex, TestNode>;
}

/** A network that stands still until `start`. */
export function createNet(options: NetOptions): Net {
  const { validators, followers = [], params, hopMs = 5, storeMs = 2 } = options;
  const genesis = genesisOf(validators, params);
  const { minBlockIntervalMs = 10 } = options;
  const network = networkFromGenesis(genesis);
  const ground: Ground = { genesis, network, first: genesisBlock(genesis), minBlockIntervalMs };
  const members = Array.from({ length: validators }, (_, at) => validatorActor(at));
  const nodes = [...members, ...followers].map((actor) => createNode(ground, actor));
  const queue = createQueue();
  const net: Net = {
    genesis,
    network,
    nodes,
    queue,
    passes: () => true,
    extraMs: () => 0,
    onDelivered: () => {},
    start() {
      for (const node of nodes) wake(net, node);
    },
    run: (forMs) => queue.run(forMs),
    until: (condition, limitMs = 60_000) => queue.until(condition, limitMs),
    give(node, input) {
      const wallMs = genesisTimeMs + queue.nowMs + node.wallSkewMs;
      const effects = node.replica.step(input, queue.nowMs, wallMs);
      for (const effect of effects) carryOut(wires, node, effect);
      return effects;
    },
    submit: (node, ...txs) => void net.give(node, { type: 'txs', txs }),
    stop(node) {
      node.isUp = false;
      node.life += 1;
      for (const other of nodes) {
        if (other.isUp) net.give(other, { type: 'peerDown', peer: node.actor.id });
      }
    },
    restart(node, journal = journalOf(node.disk)) {
      if (node.isUp) net.stop(node);
      node.replica = openReplica(ground, node, journal);
      wake(net, node);
    },
  };
  const byKey = new Map(nodes.map((node) => [node.actor.id, node]));
  const wires: Wires = { net, hopMs, storeMs, byKey };
  return net;
}

function wake(net: Net, node: TestNode): void {
  node.isUp = true;
  net.give(node, { type: 'start' });
  for (const other of net.nodes) {
    if (other === node || !other.isUp) continue;
    net.give(node, { type: 'peerUp', peer: other.actor.id });
    net.give(other, { type: 'peerUp', peer: node.actor.id });
  }
}

function carryOut(wires: Wires, node: TestNode, effect: ReplicaEffect): void {
  const { net, byKey } = wires;
  if (effect.type === 'persist') keepVotes(node, effect);
  else if (effect.type === 'final') storeLater(wires, node, effect.blocks);
  else if (effect.type === 'arm') {
    const { timer, id, delayMs } = effect;
    laterFor(net, node, { delayMs, run: () => net.give(node, { type: 'timer', timer, id }) });
  } else if (effect.type === 'send') {
    for (const key of effect.to) {
      deliver(wires, node, { to: byKey.get(key), message: effect.message });
    }
  } else if (effect.type !== 'disarm') node.reports.push(effect);
}

/** What is planned for a node is lost when it stops. */
function laterFor(
  { queue }: Net,
  node: TestNode,
  { delayMs, run }: { delayMs: number; run: () => void },
): void {
  const { life } = node;
  queue.later(delayMs, () => {
    if (node.isUp && node.life === life) run();
  });
}

function storeLater({ net, storeMs }: Wires, node: TestNode, blocks: readonly FinalBlock[]): void {
  const run = (): void => {
    store(node, blocks);
    const { height } = (blocks.at(-1) as FinalBlock).header;
    net.give(node, { type: 'stored', height });
  };
  laterFor(net, node, { delayMs: storeMs, run });
}

function deliver(
  { net, hopMs }: Wires,
  from: TestNode,
  { to, message }: { to: TestNode | undefined; message: MeshMessage },
): void {
  if (!to?.isUp || !net.passes({ from, to, message })) return;
  const bytes = encodeMeshMessage(message);
  const run = (): void => {
    const received = unwrap(decodeMeshMessage(bytes));
    net.onDelivered({ from, to, message: received });
    net.give(to, { type: 'message', peer: from.actor.id, message: received });
  };
  const delayMs = hopMs + net.extraMs({ from, to, message });
  laterFor(net, to, { delayMs, run });
}

function keepVotes(
  { disk }: TestNode,
  { votes, bodies, certificates }: Extract<ReplicaEffect, { type: 'persist' }>,
): void {
  disk.votes.push(...votes);
  disk.certificates.push(...certificates);
  for (const { hash, bytes } of bodies) disk.bodies.set(hash, bytes);
}
