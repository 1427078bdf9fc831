/**
 * Signatures that cost nothing and cannot be forged inside the simulator. A signature is a text that
 * holds the signer's secret, and secrets stay in this file: whoever has not been handed a node's scheme
 * cannot make its signatures. Votes made by `sign` carry a private brand, so checking them is one test; a
 * copy without the brand is checked by its text.
 */
import type { Scheme } from '@aitbc/consensus';
import {
  type Certificate,
  type Hex,
  quorumOf,
  type Validator,
  type Vote,
  type VoteKind,
  voteKinds,
} from '@aitbc/protocol';
import type { Random } from '../engine/random.ts';

/** Schemes of all nodes and epochs of a run. */
export interface StubSchemes {
  /** The scheme of a node in an epoch; without a node it only observes. */
  schemeFor(epoch: SetOfEpoch, node?: number): Scheme;
  /** The scheme that only checks. */
  genuine(epoch: SetOfEpoch): Scheme;
}

/** An epoch as far as signatures depend on it. */
export interface SetOfEpoch {
  readonly number: number;
  readonly validators: readonly Validator[];
}

type Ballot = Pick<Vote, 'kind' | 'epoch' | 'view' | 'blockHash'>;
type Row = Certificate['votes'][number];

class StubVote implements Vote {
  readonly kind: VoteKind;
  readonly epoch: number;
  readonly view: number;
  readonly blockHash: Hex;
  readonly validator: number;
  readonly signature: Hex;
  readonly #isIssued = true;

  constructor(ballot: Ballot, validator: number, signature: Hex) {
    this.kind = ballot.kind;
    this.epoch = ballot.epoch;
    this.view = ballot.view;
    this.blockHash = ballot.blockHash;
    this.validator = validator;
    this.signature = signature;
  }

  static isIssued(vote: Vote): boolean {
    return #isIssued in vote && vote.#isIssued;
  }
}

/** A certificate that remembers the verdict on itself: its fields never change. */
class StubCertificate implements Certificate {
  kind: number;
  epoch: number;
  view: number;
  blockHash: Hex;
  votes: Row[];
  #verdict: boolean | undefined;

  constructor(ballot: Ballot, votes: Row[]) {
    this.kind = voteKinds[ballot.kind];
    this.epoch = ballot.epoch;
    this.view = ballot.view;
    this.blockHash = ballot.blockHash;
    this.votes = votes;
  }

  static verdictOf(certificate: Certificate, check: () => boolean): boolean {
    if (!(#verdict in certificate)) return check();
    certificate.#verdict ??= check();
    return certificate.#verdict;
  }
}

const kindNames = Object.keys(voteKinds) as VoteKind[];

/** Stub schemes; validators' public keys are node numbers in text. */
export function createStubSchemes(nodes: number, random: Random): StubSchemes {
  const secrets = Array.from({ length: nodes }, () => random.below(2 ** 32).toString(36));
  const signatureOf = (publicKey: Hex, ballot: Ballot): Hex =>
    `${secrets[Number(publicKey)]}.${ballot.kind}.${ballot.epoch}.${ballot.view}.${ballot.blockHash}`;
  const made = new Map<number, Scheme>();
  const observer = nodes;
  const schemeFor = ({ number, validators }: SetOfEpoch, node = observer): Scheme => {
    const key = number * (nodes + 1) + node;
    const known = made.get(key);
    if (known) return known;
    const scheme = schemeOf({
      ...{ epoch: number, validators, quorum: quorumOf(validators), signatureOf },
      self: validators.findIndex(({ publicKey }) => publicKey === String(node)),
    });
    made.set(key, scheme);
    return scheme;
  };
  return { schemeFor, genuine: (epoch) => schemeFor(epoch) };
}

interface SchemeParts {
  readonly epoch: number;
  readonly validators: readonly Validator[];
  /** Our place in the set, -1 without one. */
  readonly self: number;
  readonly quorum: bigint;
  readonly signatureOf: (publicKey: Hex, ballot: Ballot) => Hex;
}

function schemeOf(parts: SchemeParts): Scheme {
  const { validators, self, quorum, signatureOf } = parts;
  return {
    sign(ballot) {
      const validator = validators[self];
      return validator && new StubVote(ballot, self, signatureOf(validator.publicKey, ballot));
    },
    verifyVote(vote) {
      if (vote.epoch !== parts.epoch) return false;
      if (StubVote.isIssued(vote)) return true;
      const validator = validators[vote.validator];
      return validator !== undefined && signatureOf(validator.publicKey, vote) === vote.signature;
    },
    assemble(ballot, tally) {
      let stake = 0n;
      let isSorted = true;
      const votes: Row[] = [];
      for (const [validator, signature] of tally) {
        stake += validators[validator]?.stake ?? 0n;
        isSorted &&= (votes[votes.length - 1]?.validator ?? -1) < validator;
        votes.push({ validator, signature });
      }
      if (stake < quorum) return undefined;
      if (!isSorted) votes.sort((a, b) => a.validator - b.validator);
      return new StubCertificate(ballot, votes);
    },
    verifyCertificate: (certificate) =>
      StubCertificate.verdictOf(certificate, () => isQuorum(parts, certificate)),
  };
}

function isQuorum(parts: SchemeParts, certificate: Certificate): boolean {
  const { validators, quorum, signatureOf } = parts;
  const kind = kindNames.find((name) => voteKinds[name] === certificate.kind);
  if (!kind || certificate.epoch !== parts.epoch) return false;
  const ballot = { ...certificate, kind };
  let stake = 0n;
  let last = -1;
  for (const { validator, signature } of certificate.votes) {
    const voter = validators[validator];
    if (!voter || validator <= last || signatureOf(voter.publicKey, ballot) !== signature) {
      return false;
    }
    last = validator;
    stake += voter.stake;
  }
  return stake >= quorum;
}
