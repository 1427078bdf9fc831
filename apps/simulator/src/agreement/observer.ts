/**
 * The observer sees everything and takes part in nothing: it checks the promises of agreement at each
 * event of each honest node and counts how often it looked.
 *
 *   agreement   one final block for each height, over all nodes and all their lives
 *   order       a node commits its chain without holes, each block on the one before
 *   proof       each commit carries a finalization that the real scheme accepts, of it or a descendant
 *   honesty     a node never signs two votes of one view that contradict, across crashes too
 *   durability  a vote leaves a node only when it is on the disk
 *   evidence    only Byzantine validators are accused
 *   caught      who contradicted himself towards one honest node is accused by that node
 *   memory      the state of a core stays within its windows
 *
 * Villains are not watched; what they do shows in what honest nodes do.
 */
import type { AgreedBlock, Scheme } from '@aitbc/consensus';
import {
  type Certificate,
  type Evidence,
  type Hex,
  type SignedBallot,
  type Vote,
  voteKinds,
  votesConflict,
} from '@aitbc/protocol';
import { type Facts, ViolationError } from '../engine/violation.ts';
import type { Epoch } from './epochs.ts';
import { blockText, voteText } from './messages.ts';

export const invariants = [
  'agreement',
  'order',
  'proof',
  'honesty',
  'durability',
  'evidence',
  'caught',
  'memory',
  'liveness',
] as const;

export type Invariant = (typeof invariants)[number];

/** How often each invariant was looked at. */
export type CheckCounts = Record<Invariant, number>;

/** What the observer has to know of an epoch. */
export type Places = Pick<Epoch, 'nodeOf' | 'validatorOf'>;

export interface ObserverOptions {
  readonly placesOf: (epoch: number) => Places;
  /** Node of a validator's public key. */
  readonly nodeOfKey: (publicKey: Hex) => number;
  /** The real scheme of an epoch, without any planted fault. */
  readonly schemeOf: (epoch: number) => Scheme;
  readonly isVillain: (node: number) => boolean;
  readonly atMs: () => number;
}

export interface Observer {
  /** A vote of a node reached its disk. */
  durable(node: number, vote: Vote): void;
  /** A node believes a certificate. */
  believed(node: number, certificate: Certificate): void;
  /** A vote or a certificate leaves a node. */
  sentVote(node: number, vote: Vote): void;
  sentCertificate(node: number, certificate: Certificate): void;
  /** A node calls a block final; `height` is where its chain ended before. */
  committed(node: number, block: AgreedBlock & { readonly epoch: number }, by: Certificate): void;
  /** A node begins a life; its stored chain ends at this height. */
  born(node: number, height: number, hash: Hex): void;
  isVillain(node: number): boolean;
  /** A genuine vote of a villain was handed to the core of a node; `isCounted` when the core holds it. */
  heard(node: number, vote: Vote, isCounted: boolean): void;
  /** A node forgets what it heard: a new core. */
  deaf(node: number): void;
  /** A node crashed: what it was about to say is lost. */
  died(node: number): void;
  accused(node: number, evidence: Evidence): void;
  /** What a core keeps. */
  kept(node: number, count: number, bound: number): void;
  /** Whoever contradicted himself before this time was accused. */
  checkCaught(beforeMs: number): void;
  fail(invariant: Invariant, facts: Facts): never;
  /** Last epoch in which a node has voted. */
  lastVotedEpoch(node: number): number;
  finalHeight(): number;
  finalHashAt(height: number): Hex | undefined;
  readonly counts: CheckCounts;
  readonly accusations: ReadonlyMap<string, number>;
}

interface Round {
  notarize?: Hex;
  nullify?: Hex;
  finalize?: Hex;
}

const viewsPerEpoch = 2 ** 26; // more than any run reaches; makes (epoch, view) one number

export function createObserver(options: ObserverOptions): Observer {
  const { placesOf, schemeOf, isVillain, atMs } = options;
  const counts = Object.fromEntries(invariants.map((name) => [name, 0])) as CheckCounts;
  const finals: { readonly hash: Hex; readonly node: number }[] = [];
  const heads = new Map<number, { height: number; hash: Hex }>();
  const rounds = new Map<number, Map<number, Round>>();
  const lastEpochs = new Map<number, number>();
  const heardBy = new Map<number, Map<string, SignedBallot>>();
  const expected = new Map<string, number>();
  const accusations = new Map<string, number>();
  const named = new Set<string>();

  const fail = (invariant: Invariant, facts: Facts): never => {
    throw new ViolationError(invariant, { atMs: atMs(), ...facts });
  };
  const roundOf = (node: number, { epoch, view }: SignedBallot): Round => {
    const own = rounds.get(node) ?? new Map<number, Round>();
    rounds.set(node, own);
    const key = epoch * viewsPerEpoch + view;
    const round = own.get(key) ?? {};
    own.set(key, round);
    return round;
  };
  const nodeOf = (epoch: number, validator: number): number => placesOf(epoch).nodeOf(validator);

  /** Durable votes are all votes that anybody can have seen, so contradictions are looked for here. */
  const durable = (node: number, vote: Vote): void => {
    counts.honesty += 1;
    lastEpochs.set(node, Math.max(vote.epoch, lastEpochs.get(node) ?? 0));
    const round = roundOf(node, vote);
    const before = round[vote.kind];
    const isDouble = before !== undefined && before !== vote.blockHash;
    round[vote.kind] = vote.blockHash;
    if (isDouble || (round.nullify !== undefined && round.finalize !== undefined)) {
      fail('honesty', { node, vote: voteText(vote), before, ...round });
    }
  };
  const requireDurable = (node: number, vote: SignedBallot): void => {
    counts.durability += 1;
    if (roundOf(node, vote)[vote.kind] === vote.blockHash) return;
    fail('durability', { node, kind: vote.kind, epoch: vote.epoch, view: vote.view });
  };
  const believed = (node: number, certificate: Certificate): void => {
    counts.proof += 1;
    if (schemeOf(certificate.epoch).verifyCertificate(certificate)) return;
    const { kind, epoch, view, votes } = certificate;
    fail('proof', {
      node,
      kind,
      epoch,
      view,
      voters: votes.map(({ validator }) => validator).join(),
    });
  };
  const checkProof = (node: number, block: AgreedBlock, by: Certificate): void => {
    counts.proof += 1;
    const isFinalization = by.kind === voteKinds.finalize;
    if (isFinalization && schemeOf(by.epoch).verifyCertificate(by)) return;
    fail('proof', { node, block: blockText(block), kind: by.kind, voters: by.votes.length });
  };

  return {
    counts,
    accusations,
    fail,
    durable,
    sentVote(node, vote) {
      if (nodeOf(vote.epoch, vote.validator) === node) requireDurable(node, vote);
    },
    believed,
    sentCertificate(node, certificate) {
      believed(node, certificate);
      const own = placesOf(certificate.epoch).validatorOf(node);
      if (!certificate.votes.some(({ validator }) => validator === own)) return;
      const kind = kindOf(certificate);
      requireDurable(node, { ...certificate, kind, signature: '' });
    },
    born(node, height, hash) {
      heads.set(node, { height, hash });
      if (height > 0 && finals[height]?.hash !== hash) fail('order', { node, height, hash });
    },
    committed(node, block, by) {
      counts.agreement += 1;
      counts.order += 1;
      const { hash, height, parent } = block;
      const head = heads.get(node);
      if (!head || height !== head.height + 1 || parent !== head.hash) {
        fail('order', {
          node,
          block: blockText(block),
          head: head?.hash,
          headHeight: head?.height,
        });
      }
      heads.set(node, { height, hash });
      checkProof(node, block, by);
      finals[height] ??= { hash, node };
      const first = finals[height];
      if (first.hash !== hash) {
        fail('agreement', { height, hash, node, other: first.hash, otherNode: first.node });
      }
    },
    isVillain,
    heard(node, vote, isCounted) {
      const ballots = heardBy.get(node) ?? new Map<string, SignedBallot>();
      heardBy.set(node, ballots);
      const round = `${vote.epoch}.${vote.view}.${vote.validator}`;
      for (const kind of ['notarize', 'nullify', 'finalize'] as const) {
        const other = ballots.get(`${round}.${kind}`);
        if (other && votesConflict(other, vote)) expected.set(`${node}>${round}`, atMs());
      }
      const key = `${round}.${vote.kind}`;
      if (isCounted && !ballots.has(key)) ballots.set(key, vote);
    },
    deaf(node) {
      heardBy.delete(node);
    },
    died(node) {
      heardBy.delete(node);
      for (const pair of expected.keys()) if (pair.startsWith(`${node}>`)) expected.delete(pair);
    },
    accused(node, evidence) {
      const { epoch, view } = evidence.first;
      counts.evidence += 1;
      const culprit = options.nodeOfKey(evidence.validator);
      const isReal = votesConflict(evidence.first, evidence.second);
      if (!isReal || !isVillain(culprit)) fail('evidence', { node, culprit, isReal });
      const pair = `${evidence.first.kind}+${evidence.second.kind}`;
      accusations.set(pair, (accusations.get(pair) ?? 0) + 1);
      const validator = placesOf(epoch).validatorOf(culprit);
      named.add(`${node}>${epoch}.${view}.${validator}`);
    },
    kept(node, count, bound) {
      counts.memory += 1;
      if (count > bound) fail('memory', { node, count, bound });
    },
    checkCaught(beforeMs) {
      for (const [pair, sinceMs] of expected) {
        if (sinceMs > beforeMs) continue;
        counts.caught += 1;
        if (!named.has(pair)) fail('caught', { pair });
      }
    },
    lastVotedEpoch: (node) => lastEpochs.get(node) ?? -1,
    finalHeight: () => Math.max(0, finals.length - 1),
    finalHashAt: (height) => finals[height]?.hash,
  };
}

function kindOf({ kind }: Certificate): Vote['kind'] {
  if (kind === voteKinds.notarize) return 'notarize';
  return kind === voteKinds.nullify ? 'nullify' : 'finalize';
}
