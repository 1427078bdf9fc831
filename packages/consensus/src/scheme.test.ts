import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { networkFromHash, type Vote, voteKinds } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { type Ballot, createEd25519Scheme } from './scheme.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const keys = [1, 2, 3, 4].map((fill) => keyPairFromSeed(new Uint8Array(32).fill(fill)));
const validators = keys.map(({ publicKey }) => ({ publicKey: hex(publicKey), stake: 10n }));
const ballot: Ballot = { kind: 'notarize', epoch: 2, view: 3, blockHash: 'cd'.repeat(32) };
const observer = createEd25519Scheme({ network, validators });

function signedBy(validator: number): Vote {
  const secretKey = keys[validator]!.secretKey;
  const scheme = createEd25519Scheme({ network, validators, signer: { validator, secretKey } });
  return scheme.sign(ballot) as Vote;
}

describe('the Ed25519 scheme', () => {
  it('signs for one validator, and not at all without a key', () => {
    const vote = signedBy(2);
    expect(vote).toMatchObject({ ...ballot, validator: 2 });
    expect(observer.sign(ballot)).toBe(undefined);
  });

  it('verifies a vote only of its validator, its epoch, its view, its block and its kind', () => {
    const vote = signedBy(2);
    expect(observer.verifyVote(vote)).toBe(true);
    const forgeries: Vote[] = [
      { ...vote, validator: 1 },
      { ...vote, validator: 4 },
      { ...vote, validator: -1 },
      { ...vote, view: 4 },
      { ...vote, epoch: 3 },
      { ...vote, kind: 'finalize' },
      { ...vote, blockHash: 'ce'.repeat(32) },
      { ...vote, signature: '00'.repeat(64) },
      { ...vote, signature: 'x' },
    ];
    for (const forgery of forgeries) expect(observer.verifyVote(forgery)).toBe(false);
  });

  it('makes a certificate of a quorum, in order, and of nothing less', () => {
    const tallyOf = (...voters: number[]) =>
      new Map(voters.map((voter) => [voter, signedBy(voter).signature]));
    expect(observer.assemble(ballot, tallyOf(3, 0))).toBe(undefined);
    const certificate = observer.assemble(ballot, tallyOf(3, 0, 2));
    expect(certificate).toMatchObject({ kind: voteKinds.notarize, epoch: 2, view: 3 });
    expect(certificate?.votes.map(({ validator }) => validator)).toEqual([0, 2, 3]);
    expect(certificate && observer.verifyCertificate(certificate)).toBe(true);
  });

  it('counts no stake for a number outside the set', () => {
    const { signature } = signedBy(0);
    const strangers = new Map([0, 1, 7, 8, 9].map((voter) => [voter, signature]));
    expect(observer.assemble(ballot, strangers)).toBe(undefined);
  });
});
