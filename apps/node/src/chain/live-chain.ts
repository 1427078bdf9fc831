/**
 * The living chain of a node: a replica, the disk behind it, the mesh around it, and what the RPC asks of
 * them. Parts are made here and joined; the rules are the replica's.
 */
import {
  accountOf,
  type BlockContext,
  paramsOf,
  type StateReader,
  validatorsOfState,
} from '@aitbc/chain';
import { createEd25519Scheme } from '@aitbc/consensus';
import type { Clock } from '@aitbc/primitives';
import {
  asAppError,
  decodeCertificate,
  decodeOwnTx,
  type Evidence,
  encodeCertificate,
  type Hex,
  laneOf,
  type MeshMessage,
  type SignedTx,
  unwrap,
  type Validator,
} from '@aitbc/protocol';
import { createReplica, type FinalBlock, type Replica, type ReplicaEffect } from '@aitbc/replica';
import type { Log } from '@aitbc/service';
import type { Mesh } from '../mesh/types.ts';
import type { NodeMeter } from '../metrics.ts';
import type { Identity } from '../setup/key-file.ts';
import type { Journal } from '../storage/journal/journal.ts';
import {
  createSnapshotting,
  type Snapshotting,
  type SnapshottingOptions,
} from '../storage/snapshots/snapshotting.ts';
import type { Store } from '../storage/store.ts';
import type { Verifier } from '../verify/verifier.ts';
import { type Admission, createAdmission } from './admission.ts';
import { createBlockRest } from './block-rest.ts';
import type { ChainView } from './chain-view.ts';
import type { Finality } from './finality.ts';
import type { Head, OpenedChain } from './open-chain.ts';
import { createRunner, type OutwardEffect, type Runner } from './runner.ts';
import { createStoring, type Storing } from './storing.ts';

/** Parts of a living chain. */
export interface LiveChainDeps {
  readonly opened: OpenedChain;
  readonly store: Store;
  readonly journal: Journal;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly minBlockIntervalMs: number;
  readonly chain: ChainView;
  readonly finality: Finality;
  readonly verifier: Pick<Verifier, 'verify' | 'verifyNow'>;
  readonly mesh: () => Pick<Mesh, 'peers' | 'penalize' | 'send'> | undefined;
  readonly meter: NodeMeter;
  readonly snapshots: SnapshottingOptions;
  /** Height of the newest snapshot that is served, 0 for none. */
  readonly snapshotHeight: () => number;
  readonly onStored: () => void;
  readonly onEvidence: (evidence: Evidence) => void;
}

/** A chain that lives. */
export interface LiveChain {
  start(): void;
  /** Lets the turn and the blocks under way finish. */
  stop(): Promise<void>;
  readonly replica: Pick<
    Replica,
    'status' | 'pendingNonce' | 'waitingTx' | 'mempool' | 'peers' | 'tree' | 'head' | 'reader'
  >;
  /** Head and state that are on disk: what is told to others as final. */
  head(): Head;
  readonly reader: StateReader;
  readonly admission: Admission;
  /** A transaction that waits, or whose final block is on its way to disk. */
  unstoredTx(txId: Hex): SignedTx | undefined;
  nextBlock(): BlockContext;
  /** Set of the present epoch, as it was stored. */
  validators(): readonly Validator[];
  /** The next block that proves itself gets a snapshot. */
  requestSnapshot(): void;
  onMessage(peer: Hex, message: MeshMessage): void;
  onPeer(peer: Hex, isUp: boolean): void;
}

/** A living chain that stands still until `start`. */
export function createLiveChain(deps: LiveChainDeps): LiveChain {
  const { opened, store, clock, identity } = deps;
  let head: Head = { header: opened.start.header, hash: opened.start.hash };
  const replica = replicaOf(deps);
  const snapshotting = snapshottingOf(deps, replica);
  const storing = createStoring({
    commit: snapshotting.commit,
    onStored(blocks) {
      const last = blocks.at(-1) as FinalBlock;
      head = { header: last.header, hash: last.hash };
      tellStored(deps, blocks);
      runner.push({ type: 'stored', height: last.header.height });
    },
  });
  const unstoredTx = (txId: Hex) => replica.waitingTx(txId) ?? storing.txOf(txId);
  const nextBlock = (): BlockContext => ({
    height: head.header.height + 1,
    timeMs: Math.max(clock.nowMs(), head.header.timeMs + 1),
    proposer: identity.publicKey,
    network: opened.network,
    params: paramsOf(store, opened.genesis.params),
  });
  const admission = createAdmission({
    network: opened.network,
    reader: store,
    isKnown: (tx) =>
      replica.waitingTx(tx.txId) !== undefined ||
      (isPast(replica.reader, tx) &&
        (storing.txOf(tx.txId) ?? store.placeOf(tx.txId)) !== undefined),
    nextBlock,
    verify: (tx) => deps.verifier.verify([tx]).then(([isValid]) => isValid === true),
    submit: (tx) => runner.push({ type: 'txs', txs: [tx] }),
  });
  const runner = runnerOf(deps, { replica, storing, admission });
  return {
    start: () => runner.start(),
    async stop() {
      await runner.stop();
      await storing.stop();
      await snapshotting.stop();
    },
    replica,
    head: () => head,
    reader: store,
    admission,
    unstoredTx,
    nextBlock,
    validators: () => validatorsOfState(store),
    requestSnapshot: snapshotting.request,
    onMessage(peer, message) {
      if (message.type === 'txs') void takeTxs(deps, runner, { peer, txs: message.txs });
      else runner.push({ type: 'message', peer, message });
    },
    onPeer: (peer, isUp) => runner.push({ type: isUp ? 'peerUp' : 'peerDown', peer }),
  };
}

/** True for what may stand in a block; what did in the ordinary lane has used its nonce, which is cheaper to look up. */
function isPast(reader: StateReader, tx: SignedTx): boolean {
  return laneOf(tx) !== 0 || tx.nonce < accountOf(reader, tx.from).nonce;
}

/** Transactions of a peer are checked by the workers; one that is not signed is a lie of that peer. */
async function takeTxs(
  { opened, verifier, mesh, log }: LiveChainDeps,
  runner: Runner,
  { peer, txs }: { readonly peer: Hex; readonly txs: readonly Uint8Array[] },
): Promise<void> {
  const decoded = txs.map((bytes) => decodeOwnTx(opened.network, bytes));
  const known = decoded.flatMap((verdict) => (verdict.ok ? [verdict.value] : []));
  try {
    const valid = await verifier.verify(known);
    if (known.length < txs.length || valid.includes(false)) {
      mesh()?.penalize(peer, 'it passed on a transaction that is not valid');
    }
    runner.push({ type: 'txs', txs: known.filter((_, at) => valid[at]), from: peer });
  } catch (error) {
    const { code } = asAppError(error);
    log.debug({ peer, code, count: known.length }, 'transactions of a peer were not checked');
  }
}

function replicaOf(deps: LiveChainDeps): Replica {
  const { opened, store, journal, identity, minBlockIntervalMs, verifier } = deps;
  const { genesis, start } = opened;
  return createReplica(
    { genesis, self: identity.publicKey, start, journal: journal.content(), minBlockIntervalMs },
    {
      reader: store,
      schemeFor: (_epoch, validators) => schemeOf(deps, validators),
      verifyTxs: verifier.verifyNow,
      readBlock(height) {
        const row = height > 0 ? store.blockRow(height) : undefined;
        if (!row) return undefined;
        const { body, certificate } = store.record(row);
        return { body, certificate: unwrap(decodeCertificate(certificate)) };
      },
      isStoredTx: (txId) => store.placeOf(txId) !== undefined,
      snapshotHeight: deps.snapshotHeight,
      blockRestMs: createBlockRest(),
    },
  );
}

function schemeOf({ opened, identity }: LiveChainDeps, validators: readonly Validator[]) {
  const { network } = opened;
  const validator = validators.findIndex(({ publicKey }) => publicKey === identity.publicKey);
  if (validator < 0) return createEd25519Scheme({ network, validators });
  const { secretKey } = identity.keys;
  return createEd25519Scheme({ network, validators, signer: { validator, secretKey } });
}

function snapshottingOf(deps: LiveChainDeps, replica: Replica): Snapshotting<FinalBlock> {
  const { store, snapshots, meter, log } = deps;
  return createSnapshotting(snapshots, {
    async commit(blocks) {
      await store.commitAll(blocks.map((block) => storedForm(replica, block)));
      meter.storeCommitted();
    },
    validators: () => validatorsOfState(store),
    log,
  });
}

function storedForm({ tree }: Replica, block: FinalBlock) {
  const { header, hash, body, txs, receipts, writes, certificate, newFrom } = block;
  return {
    body,
    certificate: encodeCertificate(certificate),
    changes: {
      height: header.height,
      view: certificate.view,
      hash,
      txIds: txs.map(({ txId }) => txId),
      receipts,
      writes,
      indexOf: (key: string) => tree.indexOf(key),
      newFrom,
    },
  };
}

function tellStored(deps: LiveChainDeps, blocks: readonly FinalBlock[]): void {
  const { chain, finality, journal, meter, onStored } = deps;
  meter.blocksStored(blocks);
  for (const { header, hash, txs, receipts, writes, certificate } of blocks) {
    const touched = new Map([...writes.keys()].map((key, index) => [key, index]));
    chain.remember({ header, hash, txs, receipts, certificate, touched });
    finality.isFinal(txs.map(({ txId }) => txId));
  }
  const { header } = blocks.at(-1) as FinalBlock;
  journal.forget({ height: header.height, epoch: header.epoch, view: header.view });
  onStored();
}

interface Inside {
  readonly replica: Replica;
  readonly storing: Storing;
  readonly admission: Admission;
}

function runnerOf(deps: LiveChainDeps, inside: Inside): Runner {
  const { clock, journal, mesh } = deps;
  return createRunner({
    replica: inside.replica,
    clock,
    async persist(durable) {
      await journal.append(durable);
      deps.meter.journalSynced();
    },
    onAgreed: (blocks) => inside.storing.expect(blocks),
    send: (to, message) => void mesh()?.send(to, message),
    waitingBytes: (wanted) =>
      mesh()
        ?.peers()
        .find(({ publicKey }) => publicKey === wanted)?.queuedBytes ?? 0,
    onEffect: (effect) => carryOut(deps, inside, effect),
  });
}

type On = {
  readonly [T in OutwardEffect['type']]: (
    deps: LiveChainDeps,
    inside: Inside,
    effect: Extract<ReplicaEffect, { type: T }>,
  ) => void | Promise<void>;
};

const on: On = {
  final: (_deps, { storing }, { blocks }) => storing.push(blocks),
  txVerdict({ finality, meter }, { admission }, { tx, from, verdict }) {
    if (verdict.ok) finality.isAdmitted(tx.txId);
    if (verdict.ok && from === undefined) meter.txAdmitted(tx.txId);
    if (from === undefined) admission.settle(tx.txId, verdict);
  },
  dropped({ finality }, _inside, { txs }) {
    for (const { tx, code, facts } of txs) finality.isDropped(tx.txId, { code, facts });
  },
  evidence({ meter, onEvidence }, _inside, { evidence }) {
    meter.evidenceSeen();
    onEvidence(evidence);
  },
  penalize: ({ mesh }, _inside, { peer, reason }) => mesh()?.penalize(peer, reason),
  async resume({ journal, log }, _inside, { epoch }) {
    await journal.resume(epoch);
    log.info({ epoch }, 'the journal was lost; votes are safe again from this epoch on');
  },
  halt({ log }, _inside, { code, facts }) {
    log.error({ code, ...facts }, 'this program cannot go on with this chain');
  },
};

function carryOut(
  deps: LiveChainDeps,
  inside: Inside,
  effect: OutwardEffect,
): void | Promise<void> {
  const act = on[effect.type] as (
    deps: LiveChainDeps,
    inside: Inside,
    effect: OutwardEffect,
  ) => void | Promise<void>;
  return act(deps, inside, effect);
}
