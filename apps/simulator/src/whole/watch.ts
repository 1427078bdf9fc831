/**
 * The observer of the large level: the promises of agreement (see agreement/observer.ts) and those of the ledger:
 *
 *   sets      all nodes derive the same validator set for an epoch
 *   roots      the root in each final header is that of the state after the block
 *   signatures every transaction in a final block is signed
 *   funds     no coin is made or lost, every lock has a way out, at every final block of one node
 *   oracle    a naive second ledger agrees with the state after the whole chain
 *   penalty   no honest node is called a liar by an honest node
 *   bond      no audit convicts a provider whose job was honest
 */
import {
  auditFunds,
  createStateTree,
  type GenesisBlock,
  type StateKey,
  supplyOf,
} from '@aitbc/chain';
import type { Certificate, Evidence, Hex, MeshMessage, Vote } from '@aitbc/protocol';
import type { FinalBlock, Replica, ReplicaEffect } from '@aitbc/replica';
import { truthOf } from '../commerce/audits.ts';
import { createView, type View } from '../commerce/view.ts';
import { type Facts, ViolationError } from '../engine/violation.ts';
import type { Observer } from '../observer/observer.ts';
import type { Ground, SetOfEpoch } from './ground.ts';
import type { Disks } from './life.ts';

export const ledgerInvariants = [
  'sets',
  'roots',
  'funds',
  'signatures',
  'oracle',
  'penalty',
  'halt',
  'pending',
  'bond',
] as const;
export type LedgerInvariant = (typeof ledgerInvariants)[number];

/** Executed blocks above the final one that a replica may hold. */
const pendingMax = 600;
const evidenceMax = 1_000;

export interface Watch {
  readonly counts: Record<LedgerInvariant, number>;
  readonly txs: { accepted: number; refused: number; final: number };
  entered(node: number, set: SetOfEpoch): void;
  born(node: number, head: { readonly height: number; readonly hash: Hex }, disks: Disks): void;
  durable(node: number, vote: Vote): void;
  believed(node: number, certificate: Certificate): void;
  sent(node: number, message: MeshMessage): void;
  committed(node: number, block: FinalBlock): void;
  accused(node: number, evidence: Evidence): void;
  penalized(node: number, other: number, reason: string): void;
  halted(node: number, effect: Extract<ReplicaEffect, { readonly type: 'halt' }>): void;
  txVerdict(isAccepted: boolean): void;
  looked(node: number, replica: Replica): void;
  /** Contradictions seen by honest nodes, to be sent to the chain. */
  readonly evidence: Evidence[];
  /** The final chain from height 1 on, as the first node that had each block. */
  readonly chain: readonly FinalBlock[];
  readonly sets: ReadonlyMap<number, SetOfEpoch>;
  /** Entries of the state after `chain`. */
  readonly view: View;
  fail(invariant: LedgerInvariant, facts: Facts): never;
}

export interface WatchOptions {
  readonly ground: Ground;
  readonly observer: Observer;
  readonly sets: Map<number, SetOfEpoch>;
  readonly atMs: () => number;
  readonly isVillain: (node: number) => boolean;
}

/** Entries of the first block in the order of their places in the tree. */
export function entriesInOrder({ writes, tree }: GenesisBlock): [StateKey, Uint8Array][] {
  return [...writes].sort(([a], [b]) => (tree.indexOf(a) as number) - (tree.indexOf(b) as number));
}

/** A watch that has seen nothing. */
export function createWatch(options: WatchOptions): Watch {
  const { observer, sets, isVillain, atMs } = options;
  const counts = Object.fromEntries(ledgerInvariants.map((name) => [name, 0])) as Watch['counts'];
  const txs = { accepted: 0, refused: 0, final: 0 };
  const evidence: Evidence[] = [];
  const fail = (invariant: LedgerInvariant, facts: Facts): never => {
    throw new ViolationError(invariant, { atMs: atMs(), ...facts });
  };
  const ledger = createLedgerWatch(options.ground, { counts, fail });
  return {
    counts,
    txs,
    evidence,
    chain: ledger.chain,
    view: ledger.view,
    sets,
    fail,
    entered(node, set) {
      counts.sets += 1;
      const known = sets.get(set.epoch) ?? set;
      sets.set(set.epoch, known);
      if (setText(known) !== setText(set)) {
        fail('sets', { node, set: setText(set), other: setText(known) });
      }
    },
    born(node, { height, hash }, { journal }) {
      observer.born(node, height, hash);
      for (const { votes } of journal.records)
        for (const vote of votes) observer.durable(node, vote);
    },
    durable: observer.durable,
    believed: observer.believed,
    sent: (node, message) => watchSent(observer, node, message),
    committed(node, block) {
      const { header, hash, certificate } = block;
      observer.committed(node, { ...header, hash }, certificate);
      if (ledger.take(block)) txs.final += block.txs.length;
    },
    accused(node, found) {
      observer.accused(node, found);
      if (evidence.length < evidenceMax) evidence.push(found);
    },
    penalized(node, other, reason) {
      counts.penalty += 1;
      if (!isVillain(other)) fail('penalty', { node, other, reason });
    },
    halted: (node, { code }) => fail('halt', { node, code }),
    txVerdict(isAccepted) {
      if (isAccepted) txs.accepted += 1;
      else txs.refused += 1;
    },
    looked(node, replica) {
      counts.pending += 1;
      const { pendingBlocks } = replica.status();
      if (pendingBlocks > pendingMax) fail('pending', { node, pendingBlocks });
    },
  };
}

function setText({ validators }: SetOfEpoch): string {
  return validators.map(({ publicKey, stake }) => `${publicKey.slice(0, 8)}=${stake}`).join();
}

function watchSent(observer: Observer, node: number, message: MeshMessage): void {
  if (message.type === 'votes') for (const vote of message.votes) observer.sentVote(node, vote);
  if (message.type === 'proposal') observer.sentVote(node, message.vote);
  if (message.type !== 'certificates') return;
  for (const one of message.certificates) observer.sentCertificate(node, one);
}

interface LedgerWatch {
  readonly chain: readonly FinalBlock[];
  readonly view: View;
  /** Judges a block that is the next one of the chain; false for others. */
  take(block: FinalBlock): boolean;
}

/** Follows the final chain with a tree and a state of its own. */
function createLedgerWatch(
  ground: Ground,
  { counts, fail }: Pick<Watch, 'counts' | 'fail'>,
): LedgerWatch {
  const chain: FinalBlock[] = [];
  const view = createView();
  view.take(ground.first.writes);
  const state = new Map<StateKey, Uint8Array>(ground.first.writes);
  const tree = createStateTree(entriesInOrder(ground.first));
  const supply = supplyOf(ground.genesis);
  const checkFunds = (height: number, timeMs: number): void => {
    counts.funds += 1;
    const funds = auditFunds(state, timeMs);
    const isWhole = funds.supply + funds.burned === supply;
    if (isWhole && funds.problems.length === 0) return;
    fail('funds', { height, supply: `${funds.supply}`, problem: funds.problems[0] });
  };
  return {
    chain,
    view,
    take(block) {
      const { height, stateRoot, timeMs } = block.header;
      if (height !== chain.length + 1) return false;
      chain.push(block);
      counts.roots += 1;
      const root = tree.commit(block.writes);
      if (root !== stateRoot) fail('roots', { height, root, stateRoot });
      counts.signatures += block.txs.length;
      if (!ground.verifyTxs(block.txs)) fail('signatures', { height });
      for (const [key, value] of block.writes) state.set(key, value);
      view.take(block.writes);
      checkFunds(height, timeMs);
      counts.bond += 1;
      const auditId = wrongVerdictIn(view);
      if (auditId !== undefined) fail('bond', { height, auditId });
      return true;
    },
  };
}

/** An audit that found an honest job guilty; jurors lie in a minority only. */
export function wrongVerdictIn(view: View): Hex | undefined {
  for (const [auditId, { jobId, first, outcome }] of view.all('audit')) {
    const isGuilty = first === 'guilty' || outcome === 'guilty';
    if (isGuilty && truthOf(jobId) === 'honest') return auditId;
  }
  return undefined;
}
