import type { Certificate, Vote, VoteKind } from '@aitbc/protocol';
import type { BlockRef, Round } from './types.ts';

/** A view of which nothing is known yet. */
export function emptyRound(view: number): Round {
  return {
    view,
    blocks: new Map(),
    tallies: new Map(),
    voted: new Map(),
    own: [],
    notarization: undefined,
    finalization: undefined,
  };
}

/** True when this validator's vote of this kind is counted already, for whichever block. */
export function hasVoted(round: Round, kind: VoteKind, validator: number): boolean {
  return round.voted.has(`${kind}:${validator}`);
}

/** The round with a checked vote counted. */
export function withVote(round: Round, vote: Vote): Round {
  const key = `${vote.kind}:${vote.blockHash}`;
  const tally = new Map(round.tallies.get(key)).set(vote.validator, vote.signature);
  return {
    ...round,
    tallies: new Map(round.tallies).set(key, tally),
    voted: new Map(round.voted).set(`${vote.kind}:${vote.validator}`, vote.blockHash),
  };
}

/** The round with our own vote counted and kept for resending. */
export function withOwnVote(round: Round, vote: Vote): Round {
  const counted = withVote(round, vote);
  return { ...counted, own: [...round.own, vote] };
}

/** The round with a valid proposal. */
export function withBlock(round: Round, block: BlockRef): Round {
  return { ...round, blocks: new Map(round.blocks).set(block.hash, block) };
}

/** The certificates of a round by kind of vote. */
export function certificateOf(
  round: Round,
  kind: 'notarize' | 'finalize',
): Certificate | undefined {
  return kind === 'notarize' ? round.notarization : round.finalization;
}

/** The round with a certificate. */
export function withCertificate(
  round: Round,
  kind: 'notarize' | 'finalize',
  certificate: Certificate,
): Round {
  if (kind === 'notarize') return { ...round, notarization: certificate };
  return { ...round, finalization: certificate };
}
