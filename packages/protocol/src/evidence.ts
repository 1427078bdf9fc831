/**
 * Evidence: two votes of one validator in one round that contradict each other. It convicts alone, with no
 * history beside it: in Simplex every fork needs a third of the stake to sign such pairs.
 *
 *   notarize + notarize, two hashes      double proposal (a leader's proposal is its notarize vote) or vote
 *   finalize + finalize, two hashes
 *   nullify  + finalize
 *
 * See docs/spec/consensus.md, "Evidence".
 */
import { verify } from '@aitbc/primitives';
import { type Vote, voteBytes } from './blocks.ts';
import { accept, refuse, type Verdict } from './errors.ts';
import type { Hex } from './fields.ts';
import { bytes32, type Network, signatureBytesOf } from './network.ts';

/** A vote without the place of its validator in a set, which evidence does not need. */
export type SignedBallot = Omit<Vote, 'validator'>;

/** Two contradicting votes of one validator. */
export interface Evidence {
  /** Public key of the validator, hex. */
  readonly validator: Hex;
  readonly first: SignedBallot;
  readonly second: SignedBallot;
}

/** True when an honest validator never signs both. */
export function votesConflict(first: SignedBallot, second: SignedBallot): boolean {
  if (first.epoch !== second.epoch || first.view !== second.view) return false;
  if (first.kind === second.kind) return first.blockHash !== second.blockHash;
  const kinds = new Set([first.kind, second.kind]);
  return kinds.has('nullify') && kinds.has('finalize');
}

/** Checks that both votes contradict each other and carry the validator's signature. Refusal: EVIDENCE_INVALID. */
export function verifyEvidence(network: Network, evidence: Evidence): Verdict<true> {
  const { validator, first, second } = evidence;
  if (!votesConflict(first, second)) {
    return refuse('EVIDENCE_INVALID', { reason: 'the votes do not contradict each other' });
  }
  for (const vote of [first, second]) {
    const signature = signatureBytesOf(vote.signature);
    if (!verify(signature, voteBytes(network, vote), bytes32(validator))) {
      return refuse('EVIDENCE_INVALID', { reason: `a ${vote.kind} vote is not signed by it` });
    }
  }
  return accept(true);
}
