/** Evidence: only villains are accused, and who contradicted himself towards one honest node is. */
import { type Evidence, type SignedBallot, type Vote, votesConflict } from '@aitbc/protocol';
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

export function createLiarWatch(desk: Desk): LiarWatch {
  const { counts, fail, placesOf, nodeOfKey, isVillain, atMs } = desk;
  const heardBy = new Map<number, Map<string, SignedBallot>>();
  /** When a contradiction was heard, by who heard it and the round of the liar. */
  const expected = new Map<string, number>();
  const named = new Set<string>();
  const accusations = new Map<string, number>();
  return {
    accusations,
    heard(node, vote, isCounted) {
      const ballots = heardBy.get(node) ?? new Map<string, SignedBallot>();
      heardBy.set(node, ballots);
      const round = `${vote.epoch}.${vote.view}.${vote.validator}`;
      for (const kind of kinds) {
        const other = ballots.get(`${round}.${kind}`);
        const pair = `${node}>${round}`;
        if (other && votesConflict(other, vote) && !expected.has(pair)) expected.set(pair, atMs());
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
    accused(node, { validator: publicKey, first, second }) {
      counts.evidence += 1;
      const culprit = nodeOfKey(publicKey);
      const isReal = votesConflict(first, second);
      if (!isReal || !isVillain(culprit)) fail('evidence', { node, culprit, isReal });
      const pair = `${first.kind}+${second.kind}`;
      accusations.set(pair, (accusations.get(pair) ?? 0) + 1);
      const { epoch, view } = first;
      named.add(`${node}>${epoch}.${view}.${placesOf(epoch).validatorOf(culprit)}`);
    },
    checkCaught(beforeMs) {
      for (const [pair, sinceMs] of expected) {
        if (sinceMs > beforeMs) continue;
        counts.caught += 1;
        if (!named.has(pair)) fail('caught', { pair });
      }
    },
  };
}
