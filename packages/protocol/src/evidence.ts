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
import { DecodeError, verify } from '@aitbc/primitives';
import { type Vote, type VoteKind, voteBytes, voteKinds } from './blocks.ts';
import { accept, refuse, type Verdict } from './errors.ts';
import {
  count,
  type Field,
  type Fields,
  type Hex,
  hash,
  key,
  type RecordOf,
  signature,
} from './fields.ts';
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

const voteKind: Field<VoteKind> = {
  write: (writer, value) => void writer.u8(voteKinds[value]),
  read(reader) {
    const number = reader.u8();
    return voteKindOf((name) => voteKinds[name] === number);
  },
  toJson: (value) => value,
  fromJson: (json) => voteKindOf((name) => name === json),
};

function voteKindOf(fits: (name: VoteKind) => boolean): VoteKind {
  const found = (Object.keys(voteKinds) as VoteKind[]).find(fits);
  if (!found) throw new DecodeError('expected notarize, nullify or finalize');
  return found;
}

/** Evidence on the wire: the round of both votes stands in it once. */
export const evidenceFields = {
  validator: key,
  epoch: count,
  view: count,
  firstKind: voteKind,
  firstHash: hash,
  firstSignature: signature,
  secondKind: voteKind,
  secondHash: hash,
  secondSignature: signature,
} as const satisfies Fields;

/** Evidence as a transaction carries it. */
export type EvidenceBody = RecordOf<typeof evidenceFields>;

/** Wire form of evidence; the votes are of one round. */
export function evidenceBodyOf({ validator, first, second }: Evidence): EvidenceBody {
  return {
    validator,
    epoch: first.epoch,
    view: first.view,
    firstKind: first.kind,
    firstHash: first.blockHash,
    firstSignature: first.signature,
    secondKind: second.kind,
    secondHash: second.blockHash,
    secondSignature: second.signature,
  };
}

/** Evidence of its wire form. */
export function evidenceOfBody(body: EvidenceBody): Evidence {
  const { validator, epoch, view } = body;
  const ballot = (kind: VoteKind, blockHash: Hex, signature: Hex): SignedBallot => {
    return { kind, epoch, view, blockHash, signature };
  };
  return {
    validator,
    first: ballot(body.firstKind, body.firstHash, body.firstSignature),
    second: ballot(body.secondKind, body.secondHash, body.secondSignature),
  };
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
