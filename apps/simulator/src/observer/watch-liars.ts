/** Evidence: only villains are accused, and who contradicted himself towards one honest node is. */
import {
  type Evidence,
  type SignedBallot,
  type Vote,
  type VoteKind,
  votesConflict,
} from '@aitbc/protocol';
import type { Desk } from './invariants.ts';

export interface LiarWatch {
  /** A genuine vote of a villain was handed to the core of a node; `isCounted` when the core holds it. */
  heard(node: number, vote: Vote, isCounted: boolean): void;
  /** A node forgets what it heard: a new core. */
  deaf(node: number): void;
  /** A node crashed: what it was about to say is lost. */
  died(node: number): void;
  accused(node: number, evidence: Evidence): void;
  /** Whoever contradicted himself before this time was accused. */
  checkCaught(beforeMs: number): void;
  /** Accusations by the kinds of both votes. */
  readonly accusations: ReadonlyMap<string, number>;
}

const kinds = ['notarize', 'nullify', 'finalize'] as const;
const viewsPerEpoch = 2 ** 26; // more than any run reaches; with it a round of a validator is one number
const validatorsMax = 32;

/** What one node heard and found out. */
interface Ear {
  /** The counted ballots of a liar's round, by kind. */
  readonly ballots: Map<number, { [K in VoteKind]?: SignedBallot }>;
  /** When a contradiction was heard, ms, by the round of the liar; it outlives the core that heard it. */
  readonly expected: Map<number, number>;
  /** Rounds that were reported. */
  readonly named: Set<number>;
}

function roundOf(epoch: number, view: number, validator: number): number {
  return (epoch * viewsPerEpoch + view) * validatorsMax + validator;
}

export function createLiarWatch(desk: Desk): LiarWatch {
  const { counts, fail, placesOf, nodeOfKey, isVillain, atMs } = desk;
  const ears: Ear[] = [];
  const accusations = new Map<string, number>();
  const earOf = (node: number): Ear => {
    ears[node] ??= { ballots: new Map(), expected: new Map(), named: new Set() };
    return ears[node];
  };
  return {
    accusations,
    heard(node, vote, isCounted) {
      const { ballots, expected } = earOf(node);
      const round = roundOf(vote.epoch, vote.view, vote.validator);
      const known = ballots.get(round) ?? {};
      for (const kind of kinds) {
        const other = known[kind];
        if (other && votesConflict(other, vote) && !expected.has(round))
          expected.set(round, atMs());
      }
      if (!isCounted || known[vote.kind]) return;
      known[vote.kind] = vote;
      ballots.set(round, known);
    },
    deaf(node) {
      ears[node]?.ballots.clear();
    },
    died(node) {
      ears[node]?.ballots.clear();
      ears[node]?.expected.clear();
    },
    accused(node, { validator: publicKey, first, second }) {
      counts.evidence += 1;
      const culprit = nodeOfKey(publicKey);
      const isReal = votesConflict(first, second);
      if (!isReal || !isVillain(culprit)) fail('evidence', { node, culprit, isReal });
      const pair = `${first.kind}+${second.kind}`;
      accusations.set(pair, (accusations.get(pair) ?? 0) + 1);
      const { epoch, view } = first;
      earOf(node).named.add(roundOf(epoch, view, placesOf(epoch).validatorOf(culprit)));
    },
    checkCaught(beforeMs) {
      for (const [node, ear] of ears.entries()) {
        for (const [round, sinceMs] of ear?.expected ?? []) {
          if (sinceMs > beforeMs) continue;
          counts.caught += 1;
          if (!ear.named.has(round)) fail('caught', { node, round: textOf(round) });
        }
      }
    },
  };
}

/** A round as epoch, view and validator. */
function textOf(round: number): string {
  const place = Math.floor(round / validatorsMax);
  const epoch = Math.floor(place / viewsPerEpoch);
  return `${epoch}.${place % viewsPerEpoch}.${round % validatorsMax}`;
}
