/** One node of the test network: a replica with a store, a journal and a record of what it reported. */
import { createStateTree, type GenesisBlock, type StateKey } from '@aitbc/chain';
import { createEd25519Scheme } from '@aitbc/consensus';
import {
  type Certificate,
  type Genesis,
  type Hex,
  type Network,
  type SignedTx,
  type Vote,
  verifyTx,
} from '@aitbc/protocol';
import { createReplica } from '../replica.ts';
import type {
  FinalBlock,
  JournalContent,
  Replica,
  ReplicaEffect,
  ReplicaOptions,
} from '../types.ts';
import type { Actor } from './actors.ts';

/** What a node keeps across restarts. */
export interface Disk {
  /** Final blocks by height, from 1 on. */
  readonly blocks: FinalBlock[];
  /** Entries by their index. */
  readonly state: Map<StateKey, Uint8Array>;
  readonly txs: Set<Hex>;
  readonly votes: Vote[];
  readonly bodies: Map<Hex, Uint8Array>;
  readonly certificates: Certificate[];
}

type Reported = Extract<
  ReplicaEffect,
  { type: 'txVerdict' | 'dropped' | 'evidence' | 'penalize' | 'resume' | 'halt' }
>;

/** A node of the test network. */
export interface TestNode {
  readonly actor: Actor;
  disk: Disk;
  replica: Replica;
  isUp: boolean;
  /** Rises with each restart: what was on its way to the former life is lost. */
  life: number;
  wallSkewMs: number;
  readonly reports: Reported[];
  /** Calls of `verifyTxs`, with the number of transactions. */
  readonly verified: number[];
}

/** What nodes have in common. */
export interface Ground {
  readonly genesis: Genesis;
  readonly network: Network;
  readonly first: GenesisBlock;
  readonly minBlockIntervalMs: number;
}

/** An empty disk with the genesis state. */
export function createDisk({ first }: Ground): Disk {
  const entries = [...first.writes].sort(
    ([a], [b]) => (first.tree.indexOf(a) as number) - (first.tree.indexOf(b) as number),
  );
  return {
    blocks: [],
    state: new Map(entries),
    txs: new Set(),
    votes: [],
    bodies: new Map(),
    certificates: [],
  };
}

/** A node that has not started. */
export function createNode(ground: Ground, actor: Actor): TestNode {
  const disk = createDisk(ground);
  const node = { actor, disk, isUp: false, life: 0, wallSkewMs: 0, reports: [], verified: [] };
  const journal = journalOf(disk);
  return Object.assign(node, { replica: openReplica(ground, node, journal) });
}

/** What the journal of a disk holds. */
export function journalOf({ votes, bodies, certificates }: Disk): JournalContent {
  return { votes: [...votes], bodies: new Map(bodies), certificates: [...certificates] };
}

/** A replica over the disk of a node. */
export function openReplica(
  ground: Ground,
  node: Pick<TestNode, 'actor' | 'disk' | 'verified'>,
  journal: JournalContent,
): Replica {
  const { genesis, network, first, minBlockIntervalMs } = ground;
  const { disk, actor, verified } = node;
  const last = disk.blocks.at(-1);
  const { header, hash } = last ?? first;
  const start = { header, hash, tree: createStateTree(disk.state) };
  const options: ReplicaOptions = {
    genesis,
    self: actor.id,
    start,
    journal,
    minBlockIntervalMs,
  };
  return createReplica(options, {
    reader: { get: (key) => disk.state.get(key) },
    schemeFor(_epoch, validators) {
      const at = validators.findIndex(({ publicKey }) => publicKey === actor.id);
      const { secretKey } = actor;
      const signer = at < 0 ? {} : { signer: { validator: at, secretKey } };
      return createEd25519Scheme({ network, validators, ...signer });
    },
    verifyTxs(txs: readonly SignedTx[]) {
      verified.push(txs.length);
      return txs.every((tx) => verifyTx(network, tx));
    },
    readBlock(height) {
      const block = disk.blocks[height - 1];
      return block && { body: block.body, certificate: block.certificate };
    },
    isStoredTx: (txId) => disk.txs.has(txId),
    snapshotHeight: () => 0,
  });
}

/** Puts final blocks on the disk; entries keep the order of their indices. */
export function store(node: TestNode, blocks: readonly FinalBlock[]): void {
  const { disk, replica } = node;
  for (const block of blocks) {
    disk.blocks.push(block);
    for (const { txId } of block.txs) disk.txs.add(txId);
    const rows = [...block.writes].sort(
      ([a], [b]) => (replica.tree.indexOf(a) as number) - (replica.tree.indexOf(b) as number),
    );
    for (const [key, value] of rows) disk.state.set(key, value);
  }
}
