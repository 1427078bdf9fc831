/**
 * One life of a node of the small level: what runs from a start to the next crash. The core is the real
 * one; around it stands the thinnest shell that keeps the contract of agreement: effects in order,
 * nothing behind a `persist` before the disk is synced, blocks executed on their parents, fetched when
 * they are missing, the next core when an epoch ends.
 */
import type {
  AgreedPoint,
  Agreement,
  AgreementEffect,
  AgreementInput,
  AgreementOptions,
  AgreementState,
  Scheme,
} from '@aitbc/consensus';
import type { Certificate, Hex, Vote } from '@aitbc/protocol';
import type { Disk } from '../engine/disk.ts';
import type { Random } from '../engine/random.ts';
import type { World } from '../engine/world.ts';
import type { Plan } from '../faults/plan.ts';
import type { Observer } from '../observer/observer.ts';
import type { Epoch, Epochs } from './epochs.ts';
import type { Message, ProvenBlock, ToyBlock } from './messages.ts';
import type { StubSchemes } from './stub-scheme.ts';

/** What the journal keeps in one write. */
export interface JournalRecord {
  readonly votes: readonly Vote[];
  readonly certificates: readonly Certificate[];
  readonly bodies: readonly ToyBlock[];
}

/** The disks of a node: they outlive it. */
export interface Disks {
  readonly journal: Disk<JournalRecord>;
  readonly store: Disk<ProvenBlock>;
  /** True after the journal was lost: votes may be unknown. */
  isJournalLost: boolean;
  /** After the end of the journal was torn: no vote up to here is certain to be known. */
  silent?: { readonly epoch: number; readonly view: number };
}

export type CreateAgreement = (options: AgreementOptions) => Agreement;

/** What all nodes of a run share. */
export interface Stage {
  readonly plan: Plan;
  readonly world: World<Message>;
  readonly epochs: Epochs;
  readonly schemes: StubSchemes;
  readonly createAgreement: CreateAgreement;
  /** A fresh block; its hash is like no other. */
  readonly makeBlock: (block: Omit<ToyBlock, 'hash'>) => ToyBlock;
  readonly endpointsOf: (node: number) => readonly number[];
  readonly counts: StageCounts;
}

export interface StageCounts {
  /** Votes and certificates that a core found to be forged. */
  forged: number;
  /** Highest view that an honest node entered, by epoch. */
  readonly views: number[];
}

export interface LifeParts {
  readonly stage: Stage;
  readonly node: number;
  readonly endpoint: number;
  readonly disks: Disks;
  readonly random: Random;
  /** Undefined for villains: nobody holds them to the promises. */
  readonly observer: Observer | undefined;
  readonly send: (to: number, message: Message) => void;
  /** The scheme of this node, with a planted fault where one is planted. */
  readonly schemeOf: (epoch: Epoch) => Scheme;
  /** False plants a fault: effects do not wait for the disk. */
  readonly waitsForDisk: boolean;
  /** False plants a fault: ranges of blocks are believed without certificates. */
  readonly checksRanges: boolean;
}

/** The changing part of a life. */
export interface Life extends LifeParts {
  epoch: Epoch;
  core: Agreement;
  state: AgreementState;
  /** Where the final chain ends; `view` counts within the epoch. */
  final: AgreedPoint;
  /** What went to the journal and still matters. */
  saved: Pick<JournalRecord, 'votes' | 'certificates'>[];
  /** Blocks that are not final, by hash; and what the ledger said. */
  readonly bodies: Map<Hex, ToyBlock>;
  readonly verdicts: Map<Hex, boolean>;
  /** Blocks whose parent has no verdict yet, by parent. */
  readonly orphans: Map<Hex, ToyBlock[]>;
  /** Effects that wait for the disk. */
  readonly outbox: AgreementEffect[];
  isSyncing: boolean;
  isStoring: boolean;
  readonly timers: Map<string, number>;
  /** Messages of the next epoch, which peers may enter first. */
  readonly early: { readonly from: number; readonly message: Message }[];
  askedRangeAtMs: number;
  view: number;
}

/** Hands an input to the core and carries out what it wants. */
export type Feed = (life: Life, input: AgreementInput) => void;

export const genesisHash = 'genesis';

/** Sends to every endpoint of every other node. */
export function broadcast(life: Life, message: Message): void {
  const { stage, node } = life;
  for (let other = 0; other < stage.plan.nodes; other += 1) {
    if (other === node) continue;
    for (const endpoint of stage.endpointsOf(other)) life.send(endpoint, message);
  }
}

/** A random endpoint of another node. */
export function anyPeer(life: Life): number {
  const { stage, node, random } = life;
  const other = (node + random.between(1, stage.plan.nodes - 1)) % stage.plan.nodes;
  return random.pick(stage.endpointsOf(other));
}
