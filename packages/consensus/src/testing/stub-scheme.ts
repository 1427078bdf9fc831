/**
 * A signature scheme for tests and the explorer: a signature is the sentence that was signed with its signer's name.
 * It is checked by comparing strings, so nothing slows a search down; that nobody forges is a matter of the test.
 */
import type { Certificate, Hex, Validator, Vote } from '@aitbc/protocol';
import { quorumOf, voteKinds } from '@aitbc/protocol';
import { kindOf } from '../ballots.ts';
import type { Ballot, Scheme } from '../scheme.ts';

/** Signature of a ballot by a validator. */
export function stubSignature(ballot: Ballot, validator: number): Hex {
  return `${validator}:${ballot.kind}:${ballot.epoch}:${ballot.view}:${ballot.blockHash}`;
}

/** A vote that any stub scheme of the set accepts. */
export function stubVote(ballot: Ballot, validator: number): Vote {
  const { kind, epoch, view, blockHash } = ballot;
  return { kind, epoch, view, blockHash, validator, signature: stubSignature(ballot, validator) };
}

/** A certificate of these voters. */
export function stubCertificate(ballot: Ballot, voters: readonly number[]): Certificate {
  const { kind, epoch, view, blockHash } = ballot;
  const votes = voters.map((validator) => ({
    validator,
    signature: stubSignature(ballot, validator),
  }));
  return { kind: voteKinds[kind], epoch, view, blockHash, votes };
}

/** The scheme of a validator, or of an observer. */
export function createStubScheme(validators: readonly Validator[], self?: number): Scheme {
  const quorum = quorumOf(validators);
  return {
    sign: (ballot) => (self === undefined ? undefined : stubVote(ballot, self)),
    verifyVote: (vote) =>
      validators[vote.validator] !== undefined &&
      vote.signature === stubSignature(vote, vote.validator),
    assemble: (ballot, tally) =>
      stubCertificate(
        ballot,
        [...tally.keys()].sort((a, b) => a - b),
      ),
    verifyCertificate(certificate) {
      const kind = kindOf(certificate);
      if (!kind) return false;
      let stake = 0n;
      let last = -1;
      for (const { validator, signature } of certificate.votes) {
        if (validator <= last || !validators[validator]) return false;
        if (signature !== stubSignature({ ...certificate, kind }, validator)) return false;
        stake += (validators[validator] as Validator).stake;
        last = validator;
      }
      return stake >= quorum;
    },
  };
}

/** A set of validators of equal stake with the names 00, 01, … repeated to the length of a key. */
export function stubValidators(size: number): readonly Validator[] {
  return Array.from({ length: size }, (_, index) => ({
    publicKey: index.toString(16).padStart(2, '0').repeat(32),
    stake: 100n,
  }));
}
