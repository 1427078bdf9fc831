/** Honesty and durability: what nodes sign, what their disks hold, and what leaves them. */
import {
  type Certificate,
  type Hex,
  type SignedBallot,
  type Vote,
  voteKinds,
} from '@aitbc/protocol';
import type { Desk } from './invariants.ts';

export interface VoteWatch {
  /** A vote of a node reached its disk. */
  durable(node: number, vote: Vote): void;
  /** A node believes a certificate. */
  believed(node: number, certificate: Certificate): void;
  /** A vote or a certificate leaves a node. */
  sentVote(node: number, vote: Vote): void;
  sentCertificate(node: number, certificate: Certificate): void;
  /** Last epoch in which a node has voted. */
  lastVotedEpoch(node: number): number;
}

interface Round {
  notarize?: Hex;
  nullify?: Hex;
  finalize?: Hex;
}

const viewsPerEpoch = 2 ** 26; // more than any run reaches; makes (epoch, view) one number

export function createVoteWatch(desk: Desk): VoteWatch {
  const { counts, fail, placesOf, schemeOf } = desk;
  const rounds: Map<number, Round>[] = [];
  const lastEpochs: number[] = [];
  const roundOf = (node: number, { epoch, view }: Pick<SignedBallot, 'epoch' | 'view'>): Round => {
    rounds[node] ??= new Map();
    const key = epoch * viewsPerEpoch + view;
    const round = rounds[node].get(key) ?? {};
    rounds[node].set(key, round);
    return round;
  };
  const requireDurable = (node: number, vote: Omit<SignedBallot, 'signature'>): void => {
    counts.durability += 1;
    if (roundOf(node, vote)[vote.kind] === vote.blockHash) return;
    fail('durability', { node, kind: vote.kind, epoch: vote.epoch, view: vote.view });
  };
  const believed = (node: number, certificate: Certificate): void => {
    counts.proof += 1;
    if (schemeOf(certificate.epoch).verifyCertificate(certificate)) return;
    const { kind, epoch, view, votes } = certificate;
    const voters = votes.map(({ validator }) => validator).join();
    fail('proof', { node, kind, epoch, view, voters });
  };
  return {
    believed,
    /** Durable votes are all votes that anybody can have seen, so contradictions are looked for here. */
    durable(node, vote) {
      counts.honesty += 1;
      lastEpochs[node] = Math.max(vote.epoch, lastEpochs[node] ?? 0);
      const round = roundOf(node, vote);
      const before = round[vote.kind];
      const isDouble = before !== undefined && before !== vote.blockHash;
      round[vote.kind] = vote.blockHash;
      if (!isDouble && (round.nullify === undefined || round.finalize === undefined)) return;
      const { kind, epoch, view } = vote;
      fail('honesty', { node, kind, epoch, view, before, ...round });
    },
    sentVote(node, vote) {
      if (placesOf(vote.epoch).nodeOf(vote.validator) === node) requireDurable(node, vote);
    },
    sentCertificate(node, certificate) {
      believed(node, certificate);
      const own = placesOf(certificate.epoch).validatorOf(node);
      if (!certificate.votes.some(({ validator }) => validator === own)) return;
      requireDurable(node, { ...certificate, kind: kindOf(certificate) });
    },
    lastVotedEpoch: (node) => lastEpochs[node] ?? -1,
  };
}

function kindOf({ kind }: Certificate): Vote['kind'] {
  if (kind === voteKinds.notarize) return 'notarize';
  return kind === voteKinds.nullify ? 'nullify' : 'finalize';
}
