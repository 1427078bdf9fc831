import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import { signVote, type VoteKind, zeroHash } from './blocks.ts';
import {
  type Evidence,
  evidenceBodyOf,
  evidenceFields,
  evidenceOfBody,
  verifyEvidence,
  votesConflict,
} from './evidence.ts';
import { recordFromJson, recordToJson } from './fields.ts';
import { networkFromHash } from './network.ts';
import { signStakeProof, verifyStakeProof } from './stake.ts';

const network = networkFromHash('evidence-test', 'ab'.repeat(32));
const pairs = [1, 2].map((seed) => keyPairFromSeed(new Uint8Array(32).fill(seed)));
const ids = pairs.map(({ publicKey }) => hex(publicKey));
const [a, b] = ['a1'.repeat(32), 'b2'.repeat(32)] as const;

function ballot(kind: VoteKind, blockHash: string, { view = 7, epoch = 2, signer = 0 } = {}) {
  const vote = { kind, epoch, view, blockHash, validator: 0 };
  return signVote(network, vote, pairs[signer]?.secretKey as Uint8Array);
}

const evidenceOf = (
  first: ReturnType<typeof ballot>,
  second: ReturnType<typeof ballot>,
): Evidence => ({ validator: ids[0] as string, first, second });

describe('evidence', () => {
  it.each([
    ['two blocks notarized', ballot('notarize', a), ballot('notarize', b)],
    ['two blocks finalized', ballot('finalize', a), ballot('finalize', b)],
    ['a view nullified and finalized', ballot('nullify', zeroHash), ballot('finalize', a)],
    ['a view finalized and nullified', ballot('finalize', a), ballot('nullify', zeroHash)],
  ])('convicts for %s, alone and after its wire form', (_, first, second) => {
    const evidence = evidenceOf(first, second);
    expect(verifyEvidence(network, evidence)).toStrictEqual({ ok: true, value: true });
    const json = JSON.parse(JSON.stringify(recordToJson(evidenceFields, evidenceBodyOf(evidence))));
    const back = evidenceOfBody(recordFromJson(evidenceFields, json));
    expect(verifyEvidence(network, back).ok).toBe(true);
    expect(evidenceBodyOf(back)).toStrictEqual(evidenceBodyOf(evidence));
  });

  it.each([
    ['the same vote twice', ballot('notarize', a), ballot('notarize', a)],
    [
      'a block notarized and its view nullified',
      ballot('notarize', a),
      ballot('nullify', zeroHash),
    ],
    ['a block notarized and another finalized', ballot('notarize', a), ballot('finalize', b)],
    ['votes of two views', ballot('notarize', a), ballot('notarize', b, { view: 8 })],
    ['votes of two epochs', ballot('notarize', a), ballot('notarize', b, { epoch: 3 })],
  ])('convicts nobody for %s, which an honest validator may sign', (_, first, second) => {
    expect(votesConflict(first, second)).toBe(false);
    expect(verifyEvidence(network, evidenceOf(first, second))).toMatchObject({
      code: 'EVIDENCE_INVALID',
    });
  });

  it('convicts nobody by a signature of somebody else or of another network', () => {
    const forged = ballot('notarize', b, { signer: 1 });
    const votes = [ballot('notarize', a), forged] as const;
    for (const [first, second] of [votes, votes.toReversed()] as (typeof votes)[]) {
      expect(verifyEvidence(network, evidenceOf(first, second))).toMatchObject({
        code: 'EVIDENCE_INVALID',
        facts: { reason: 'a notarize vote is not signed by it' },
      });
    }
    const elsewhere = networkFromHash('evidence-test', 'cd'.repeat(32));
    const sound = evidenceOf(ballot('notarize', a), ballot('notarize', b));
    expect(verifyEvidence(elsewhere, sound).ok).toBe(false);
  });

  it('has no wire form with an unknown kind of vote', () => {
    const evidence = evidenceOf(ballot('notarize', a), ballot('notarize', b));
    const json = recordToJson(evidenceFields, evidenceBodyOf(evidence));
    expect(() => recordFromJson(evidenceFields, { ...json, firstKind: 'abstain' })).toThrow(
      'expected notarize, nullify or finalize',
    );
  });
});

describe('a stake proof', () => {
  it('binds validator, owner and network', () => {
    const [validator, owner] = ids as [string, string];
    const keySignature = signStakeProof(network, owner, pairs[0]?.secretKey as Uint8Array);
    expect(verifyStakeProof(network, owner, { validator, keySignature })).toBe(true);
    expect(verifyStakeProof(network, validator, { validator, keySignature })).toBe(false);
    expect(verifyStakeProof(network, owner, { validator: owner, keySignature })).toBe(false);
    const elsewhere = networkFromHash('evidence-test', 'cd'.repeat(32));
    expect(verifyStakeProof(elsewhere, owner, { validator, keySignature })).toBe(false);
  });
});
