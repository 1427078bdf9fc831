import { verify } from '@aitbc/primitives';
import {
  bytes32,
  type Certificate,
  type Hex,
  type Network,
  quorumOf,
  signatureBytesOf,
  signVote,
  type Validator,
  type Vote,
  verifyCertificate,
  voteBytes,
  voteKinds,
} from '@aitbc/protocol';

/** Signatures of one kind for one block: validator → signature. */
export type Tally = ReadonlyMap<number, Hex>;

/** What a validator signs. */
export type Ballot = Pick<Vote, 'kind' | 'epoch' | 'view' | 'blockHash'>;

/**
 * How votes are signed and counted. One implementation: a list of Ed25519 signatures, cheaper in CPU
 * than aggregation up to about 100 validators and attributable vote by vote. A simulator may pass its own.
 */
export interface Scheme {
  /** Our own vote, or undefined when we hold no key of the set. */
  sign(ballot: Ballot): Vote | undefined;
  verifyVote(vote: Vote): boolean;
  /** The certificate of a tally, or undefined while it is no quorum. */
  assemble(ballot: Ballot, tally: Tally): Certificate | undefined;
  verifyCertificate(certificate: Certificate): boolean;
}

/** Our place in the set: index and 64-byte secret key. */
export interface Signer {
  readonly validator: number;
  readonly secretKey: Uint8Array;
}

/** Options of the Ed25519 scheme; without `signer` it only observes. */
export interface SchemeOptions {
  readonly network: Network;
  readonly validators: readonly Validator[];
  readonly signer?: Signer;
}

/** The Ed25519 list scheme of a validator set. */
export function createEd25519Scheme(options: SchemeOptions): Scheme {
  const { network, validators, signer } = options;
  const quorum = quorumOf(validators);
  return {
    sign(ballot) {
      if (!signer) return undefined;
      return signVote(network, { ...ballot, validator: signer.validator }, signer.secretKey);
    },
    verifyVote(vote) {
      const validator = validators[vote.validator];
      if (!validator) return false;
      const signed = voteBytes(network, vote);
      return verify(signatureBytesOf(vote.signature), signed, bytes32(validator.publicKey));
    },
    assemble(ballot, tally) {
      let stake = 0n;
      for (const validator of tally.keys()) stake += validators[validator]?.stake ?? 0n;
      if (stake < quorum) return undefined;
      const votes = [...tally].map(([validator, signature]) => ({ validator, signature }));
      votes.sort((a, b) => a.validator - b.validator);
      const { kind, epoch, view, blockHash } = ballot;
      return { kind: voteKinds[kind], epoch, view, blockHash, votes };
    },
    verifyCertificate: (certificate) => verifyCertificate(network, validators, certificate).ok,
  };
}
