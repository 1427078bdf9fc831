/**
 * What a replica remembers, and the few moves that every part of it makes. All of it lives in one record that
 * is passed to the parts (blocks, proposals, agreement, pace, sync …): they meet here and not in each other.
 * A step fills `out`; inputs for agreement queue up in `inbox` and are run by the step before it ends.
 */
import {
  createMempool,
  epochOf,
  lastHeightOf,
  type Mempool,
  paramsOf,
  type RefusedTx,
  type StateKey,
  type StateReader,
  type StateTree,
  type TreeVersion,
  type TxReceipt,
  type ValidatorSet,
  validatorSetOf,
} from '@aitbc/chain';
import type {
  AgreedPoint,
  Agreement,
  AgreementInput,
  AgreementState,
  Scheme,
} from '@aitbc/consensus';
import {
  type BlockHeader,
  type Certificate,
  type ChainParams,
  type ErrorCode,
  type Facts,
  type Hex,
  type MeshMessage,
  type Network,
  networkFromGenesis,
  type PeerStatus,
  type SignedTx,
  type Vote,
} from '@aitbc/protocol';
import { createFinalLayer, type FinalLayer } from './layer.ts';
import type {
  FinalBlock,
  ReplicaDeps,
  ReplicaEffect,
  ReplicaHead,
  ReplicaOptions,
  ReplicaTimer,
} from './types.ts';

/** A block without its verdict. */
export interface OpenBlock {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly txs: readonly SignedTx[];
  /** True when the signatures need no check: a journal, our own mempool or a certificate vouches for them. */
  readonly isTrusted: boolean;
}

/** An executed block above the head. */
export interface PendingBlock {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly body: Uint8Array;
  readonly txs: readonly SignedTx[];
  readonly receipts: readonly TxReceipt[];
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
  readonly version: TreeVersion;
  /** When it was executed here, monotonic. */
  readonly atMs: number;
  /** Agreement was told that it is valid. */
  isFed: boolean;
}

/** What holds for the blocks of one epoch. */
export interface Era {
  readonly epoch: number;
  readonly lastHeight: number;
  readonly set: ValidatorSet;
  readonly params: ChainParams;
  readonly scheme: Scheme;
}

/** The running core of the present epoch. */
export interface Seat {
  readonly epoch: number;
  readonly agreement: Agreement;
  readonly silentThrough: number;
  state: AgreementState;
}

/** A request of agreement for a block of ours. */
export interface Ask {
  readonly view: number;
  readonly parent: AgreedPoint;
  readonly sinceMs: number;
}

/** A proposal whose transactions are not all here. */
export interface Assembly {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly view: number;
  /** The peer that sent it. */
  readonly from: Hex;
  readonly txs: (SignedTx | undefined)[];
}

/** A block that somebody has to send us. */
export interface Want {
  readonly hash: Hex;
  readonly view: number;
  attempts: number;
  askedAtMs: number;
  /** Who was asked last. */
  asked: Hex | undefined;
}

/** What we know of a connected peer. */
export interface Peer {
  status: PeerStatus | undefined;
  /** When we last answered its old messages with our status. */
  helpedAtMs: number;
  /** Not asked for blocks before this time. */
  restUntilMs: number;
  /** Times in a row that it failed to answer. */
  failures: number;
}

/** A range of final blocks that was asked for. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly peer: Hex;
  readonly askedAtMs: number;
}

/** A fetched block with its certificate, not yet applied. */
export interface Held {
  readonly open: OpenBlock;
  readonly certificate: Certificate;
  readonly peer: Hex;
  readonly sizeBytes: number;
}

/** A timer of the shell that runs. */
export interface Armed {
  readonly id: number;
  readonly delayMs: number;
  readonly dueMs: number;
  /** View and epoch of a timer of agreement. */
  readonly view: number;
  readonly epoch: number;
}

/** A message of an epoch that has not begun here. */
export interface EarlyMessage {
  readonly peer: Hex;
  readonly epoch: number;
  readonly message: MeshMessage;
}

/** An input for agreement and the peer it came from. */
export interface Letter {
  readonly input: AgreementInput;
  readonly from: Hex | undefined;
}

/** See the head of this file. */
export interface Mind {
  readonly options: ReplicaOptions;
  readonly deps: ReplicaDeps;
  readonly network: Network;
  nowMs: number;
  wallMs: number;
  /** Clock on the wall when the replica started. */
  startWallMs: number;
  out: ReplicaEffect[];

  head: ReplicaHead;
  headAtMs: number;
  readonly tree: StateTree;
  readonly layer: FinalLayer;
  era: Era;
  readonly mempool: Mempool;
  /** Final blocks that are not stored yet, by rising height. */
  unstored: FinalBlock[];
  /** Heights of the newest final blocks by their hash. */
  readonly heights: Map<Hex, number>;
  readonly pending: Map<Hex, PendingBlock>;
  /** Blocks that broke a rule, with their heights. */
  readonly invalid: Map<Hex, number>;
  /** Blocks whose parent is not executed yet. */
  readonly orphans: Map<Hex, OpenBlock>;
  readonly assemblies: Map<Hex, Assembly>;
  readonly wants: Map<Hex, Want>;
  /** What the rules refused on a parent that is not final yet, by transaction. */
  readonly refused: Map<Hex, RefusedTx & { readonly parent: Hex }>;

  seat: Seat | undefined;
  /** The core must begin again at the head: an epoch began, or blocks came past it. */
  isSeatStale: boolean;
  inbox: Letter[];
  ownVotes: Vote[];
  certificates: Certificate[];
  ask: Ask | undefined;
  wasWaiting: boolean;
  certificateAttempts: number;
  /** After a lost journal: the epoch from which on votes are safe. */
  resumeEpoch: number | undefined;

  readonly peers: Map<Hex, Peer>;
  /** Messages of the next epoch. */
  early: EarlyMessage[];
  /** Local transactions by id, with the time they were sent last. */
  readonly localTxs: Map<Hex, number>;
  readonly windows: Map<number, Window>;
  readonly held: Map<number, Held>;
  /** Since when we know of a higher head than the one at this height. */
  behind: { readonly height: number; readonly sinceMs: number } | undefined;
  saidAt: { readonly height: number; readonly view: number; readonly atMs: number } | undefined;

  readonly timers: Map<ReplicaTimer, Armed>;
  /** Timers of agreement that stand still while there is no work. */
  readonly paused: Map<ReplicaTimer, Armed>;
  timerId: number;
  isStarted: boolean;
  isHalted: boolean;
  /** The reason to halt, until the step that found it ends. */
  haltEffect: ReplicaEffect | undefined;
}

/** The mind of a replica that has not started. */
export function createMind(options: ReplicaOptions, deps: ReplicaDeps): Mind {
  const network = networkFromGenesis(options.genesis);
  const { header, hash, tree } = options.start;
  const layer = createFinalLayer(deps.reader);
  const head = { header, hash };
  const ground = { network, deps, genesisParams: options.genesis.params };
  return {
    options,
    deps,
    network,
    nowMs: 0,
    wallMs: 0,
    startWallMs: 0,
    out: [],
    head,
    headAtMs: 0,
    tree,
    layer,
    era: eraOf(ground, header.height, layer),
    mempool: createMempool({ network, params: options.genesis.params }),
    unstored: [],
    heights: new Map([[hash, header.height]]),
    pending: new Map(),
    invalid: new Map(),
    orphans: new Map(),
    assemblies: new Map(),
    wants: new Map(),
    refused: new Map(),
    seat: undefined,
    isSeatStale: true,
    inbox: [],
    ownVotes: [...options.journal.votes],
    certificates: certificatesAtStart(options, deps),
    ask: undefined,
    wasWaiting: false,
    certificateAttempts: 0,
    resumeEpoch: undefined,
    peers: new Map(),
    early: [],
    localTxs: new Map(),
    windows: new Map(),
    held: new Map(),
    behind: undefined,
    saidAt: undefined,
    timers: new Map(),
    paused: new Map(),
    timerId: 0,
    isStarted: false,
    isHalted: false,
    haltEffect: undefined,
  };
}

/** Those of the journal and the one of the block we start from. */
function certificatesAtStart({ journal, start }: ReplicaOptions, deps: ReplicaDeps): Certificate[] {
  const stored = deps.readBlock(start.header.height)?.certificate;
  return [...journal.certificates, ...(stored ? [stored] : [])];
}

/** What holds for the block after a height. */
export function eraOf(
  ground: {
    readonly network: Network;
    readonly deps: Pick<ReplicaDeps, 'schemeFor'>;
    readonly genesisParams: ChainParams;
  },
  height: number,
  reader: StateReader,
): Era {
  const params = paramsOf(reader, ground.genesisParams);
  const epoch = epochOf(params, height + 1);
  const set = validatorSetOf(ground.network, reader);
  const scheme = ground.deps.schemeFor(epoch, set.validators);
  return { epoch, lastHeight: lastHeightOf(params, epoch), set, params, scheme };
}

/** Adds an effect to the step. */
export function emit(mind: Mind, effect: ReplicaEffect): void {
  mind.out.push(effect);
}

/** Sends a message to some peers; to nobody is nothing. */
export function send(mind: Mind, to: readonly Hex[], message: MeshMessage): void {
  if (to.length > 0) emit(mind, { type: 'send', to, message });
}

/** Queues an input for agreement. */
export function tell(mind: Mind, input: AgreementInput, from?: Hex): void {
  mind.inbox.push({ input, from });
}

/** Reports a peer that said what no honest node says. */
export function penalize(mind: Mind, peer: Hex, reason: string): void {
  emit(mind, { type: 'penalize', peer, reason });
}

/** Stops for good. What this step has found out is still carried out, the reason comes last. */
export function halt(mind: Mind, code: ErrorCode, facts: Facts): void {
  if (mind.isHalted) return;
  mind.isHalted = true;
  mind.haltEffect = { type: 'halt', code, facts };
}

/** Connected members of the present set, in its order, ourselves left out. */
export function validatorPeers(mind: Mind): Hex[] {
  const { self } = mind.options;
  const keys = mind.era.set.validators.map(({ publicKey }) => publicKey);
  return keys.filter((key) => key !== self && mind.peers.has(key));
}

/** True when our key is in the present set. */
export function isValidator(mind: Mind): boolean {
  return mind.era.set.validators.some(({ publicKey }) => publicKey === mind.options.self);
}
