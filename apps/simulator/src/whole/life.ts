/**
 * One life of a node of the large level: the whole replica (ledger, mempool, agreement, sync) over disks that
 * outlive it. The shell keeps the replica's contract: effects in order, nothing behind a `persist` before
 * the journal is synced, `stored` only when blocks are durable, timers by their latest id.
 */
import { createStateTree, type StateKey } from '@aitbc/chain';
import type { Certificate, Hex, MeshMessage, SignedTx, Validator, Vote } from '@aitbc/protocol';
import {
  createReplica,
  type FinalBlock,
  type JournalContent,
  type NamedBody,
  type Replica,
  type ReplicaDeps,
  type ReplicaEffect,
  type ReplicaInput,
} from '@aitbc/replica';
import type { Disk } from '../engine/disk.ts';
import type { World } from '../engine/world.ts';
import type { WholeBug } from '../planted/whole-bugs.ts';
import { type Ground, genesisTimeMs, type SetOfEpoch } from './ground.ts';
import type { Watch } from './watch.ts';

/** What the journal keeps in one write. */
export interface JournalRecord {
  readonly votes: readonly Vote[];
  readonly certificates: readonly Certificate[];
  readonly bodies: readonly NamedBody[];
}

/** A final block with its entries in the order of their places in the tree. */
export interface StoredBlock {
  readonly block: FinalBlock;
  readonly rows: readonly (readonly [StateKey, Uint8Array])[];
}

/** The disks of a node. */
export interface Disks {
  readonly journal: Disk<JournalRecord>;
  readonly store: Disk<StoredBlock>;
  /** Database: state after the stored blocks, by place; and how many blocks are in it. */
  readonly state: Map<StateKey, Uint8Array>;
  readonly txs: Set<Hex>;
  applied: number;
  isJournalLost: boolean;
  /** After the end of the journal was torn: no vote up to here is certain to be known. */
  silent?: { readonly epoch: number; readonly view: number };
}

/** What all nodes of a run share. */
export interface Stage {
  readonly world: World<MeshMessage>;
  readonly ground: Ground;
  readonly minBlockIntervalMs: number;
  readonly endpointsOf: (node: number) => readonly number[];
  readonly nodeAt: (endpoint: number) => number;
  /** How far the wall clock of a node is off, ms. */
  readonly wallSkewMs: readonly number[];
  readonly bug: WholeBug;
}

export interface LifeParts {
  readonly stage: Stage;
  readonly node: number;
  readonly endpoint: number;
  readonly disks: Disks;
  /** Undefined for villains. */
  readonly watch: Watch | undefined;
  readonly send: (to: number, message: MeshMessage) => void;
}

/** A node that is up. */
export interface WholeLife extends LifeParts {
  readonly replica: Replica;
  /** Gives an input and carries out the effects. */
  give(input: ReplicaInput): void;
  readonly set: () => SetOfEpoch;
}

/** Starts a node from its disks. */
export function startLife(parts: LifeParts): WholeLife {
  const { stage, disks, node, endpoint, watch } = parts;
  applyStored(disks);
  let set: SetOfEpoch = { epoch: 0, validators: [] };
  const schemeFor = (epoch: number, validators: readonly Validator[]) => {
    set = { epoch, validators };
    watch?.entered(node, set);
    return stage.ground.schemeOf(set, node);
  };
  const replica = openReplica(parts, schemeFor);
  const outbox: ReplicaEffect[] = [];
  const shell: Shell = { parts, replica, outbox, isSyncing: false, give: () => {} };
  const give = (input: ReplicaInput): void => {
    const nowMs = stage.world.clockMs(endpoint);
    const wallMs = genesisTimeMs + stage.world.nowUs() / 1000 + (stage.wallSkewMs[node] ?? 0);
    outbox.push(...replica.step(input, nowMs, wallMs));
    drain(shell);
  };
  shell.give = give;
  const { header, hash } = replica.head();
  watch?.born(node, { height: header.height, hash }, disks);
  return { ...parts, replica, give, set: () => set };
}

interface Shell {
  readonly parts: LifeParts;
  readonly replica: Replica;
  readonly outbox: ReplicaEffect[];
  isSyncing: boolean;
  give: (input: ReplicaInput) => void;
}

function openReplica(parts: LifeParts, schemeFor: ReplicaDeps['schemeFor']): Replica {
  const { stage, disks, node } = parts;
  const { ground, bug } = stage;
  const { header, hash } = disks.store.records.at(-1)?.block ?? ground.first;
  const records = disks.journal.records;
  const journal: JournalContent = {
    votes: records.flatMap(({ votes }) => votes),
    certificates: records.flatMap(({ certificates }) => certificates),
    bodies: new Map(
      records.flatMap(({ bodies }) => bodies.map(({ hash: of, bytes }) => [of, bytes] as const)),
    ),
    ...(disks.silent && { silent: { type: 'view', ...disks.silent } as const }),
    ...(disks.isJournalLost && { silent: { type: 'lost' } as const }),
  };
  const deps: ReplicaDeps = {
    reader: { get: (key) => disks.state.get(key) },
    schemeFor,
    verifyTxs: (txs: readonly SignedTx[]) => ground.verifyTxs(txs),
    readBlock(height) {
      const block = height > disks.applied ? undefined : disks.store.records[height - 1]?.block;
      return block && { body: block.body, certificate: block.certificate };
    },
    isStoredTx: (txId) => disks.txs.has(txId),
    snapshotHeight: () => 0,
  };
  const isHonest = parts.watch !== undefined;
  const tree = createStateTree(disks.state);
  const options = {
    genesis: ground.genesis,
    self: (ground.validators[node] as { id: Hex }).id,
    start: { header, hash, tree: (isHonest && bug.tree?.(tree)) || tree },
    journal: (isHonest && bug.journal?.(journal)) || journal,
    minBlockIntervalMs: stage.minBlockIntervalMs,
  };
  const replica = createReplica(options, (isHonest && bug.deps?.(deps)) || deps);
  return (isHonest && bug.replica?.(replica)) || replica;
}

/** Brings the database up to the stored blocks. */
function applyStored(disks: Disks): void {
  for (const { block, rows } of disks.store.records.slice(disks.applied)) {
    for (const [key, value] of rows) disks.state.set(key, value);
    for (const { txId } of block.txs) disks.txs.add(txId);
    disks.applied += 1;
  }
}

function drain(shell: Shell): void {
  while (!shell.isSyncing) {
    const effect = shell.outbox.shift();
    if (!effect) return;
    if (effect.type === 'persist') persist(shell, effect);
    else carryOut(shell, effect);
  }
}

function persist(
  shell: Shell,
  { votes, certificates, bodies }: Extract<ReplicaEffect, { readonly type: 'persist' }>,
): void {
  const { disks, watch, node, stage } = shell.parts;
  const waits = watch === undefined || (stage.bug.waitsForDisk ?? true);
  const keepsBodies = watch === undefined || (stage.bug.keepsBodies ?? true);
  for (const one of certificates) watch?.believed(node, one);
  disks.journal.write({ votes, certificates, bodies: keepsBodies ? bodies : [] });
  shell.isSyncing = waits;
  disks.journal.sync(() => {
    for (const vote of votes) watch?.durable(node, vote);
    if (!waits) return;
    shell.isSyncing = false;
    drain(shell);
  });
}

function carryOut(
  shell: Shell,
  effect: Exclude<ReplicaEffect, { readonly type: 'persist' }>,
): void {
  const { parts, replica } = shell;
  const { stage, node, watch, endpoint } = parts;
  if (effect.type === 'send') sendTo(parts, effect.to, effect.message);
  else if (effect.type === 'final') storeBlocks(shell, effect.blocks);
  else if (effect.type === 'arm') {
    const { timer, id, delayMs } = effect;
    stage.world.after(endpoint, delayMs, () => shell.give({ type: 'timer', timer, id }));
  } else if (effect.type === 'evidence') watch?.accused(node, effect.evidence);
  else if (effect.type === 'halt') watch?.halted(node, effect);
  else if (effect.type === 'penalize') {
    watch?.penalized(node, stage.ground.nodeOfKey(effect.peer), effect.reason);
  } else if (effect.type === 'resume') parts.disks.isJournalLost = false;
  else if (effect.type === 'txVerdict') watch?.txVerdict(effect.verdict.ok);
  watch?.looked(node, replica);
}

function sendTo({ stage, send, watch, node }: LifeParts, to: readonly Hex[], message: MeshMessage) {
  watch?.sent(node, message);
  for (const key of to) {
    for (const endpoint of stage.endpointsOf(stage.ground.nodeOfKey(key))) send(endpoint, message);
  }
}

function storeBlocks(shell: Shell, blocks: readonly FinalBlock[]): void {
  const { parts, replica } = shell;
  const { disks, watch, node } = parts;
  for (const block of blocks) {
    const rows = [...block.writes].sort(
      ([a], [b]) => (replica.tree.indexOf(a) as number) - (replica.tree.indexOf(b) as number),
    );
    watch?.committed(node, block);
    disks.store.write({ block, rows });
  }
  const { height } = (blocks.at(-1) as FinalBlock).header;
  disks.store.sync(() => {
    applyStored(disks);
    shell.give({ type: 'stored', height: Math.min(height, disks.applied) });
  });
}
