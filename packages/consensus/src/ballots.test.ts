import { describe, expect, it } from 'vitest';
import { ofType, startedMember } from './testing/member.ts';
import {
  blockAt,
  certify,
  finalized,
  finalizeOf,
  give,
  keys,
  notarized,
  notarizeOf,
  nullifyOf,
  vote,
} from './testing/words.ts';

describe('evidence', () => {
  const [a, b] = ['aa'.repeat(32), 'bb'.repeat(32)];

  it.each([
    ['two notarize', notarizeOf(1, a, 2), notarizeOf(1, b, 2)],
    ['two finalize', finalizeOf(1, a, 2), finalizeOf(1, b, 2)],
    ['nullify and finalize', nullifyOf(1, 2), finalizeOf(1, a, 2)],
    ['finalize and nullify', finalizeOf(1, a, 2), nullifyOf(1, 2)],
  ])('is %s of one validator in one view, once', (_, first, second) => {
    const member = startedMember(4, 0);
    expect(vote(member, first, notarizeOf(1, a, 3))).toEqual([]);
    const effects = vote(member, second);
    const plain = ({ validator: _place, ...ballot }: typeof first) => ballot;
    expect(effects).toEqual([
      {
        type: 'evidence',
        evidence: { validator: keys[2], first: plain(first), second: plain(second) },
      },
    ]);
    expect(vote(member, second, first)).toEqual([]);
  });

  it('is no nullify beside notarize', () => {
    const member = startedMember(4, 0);
    expect(ofType(vote(member, notarizeOf(1, a, 2), nullifyOf(1, 2)), 'evidence')).toEqual([]);
  });

  it('is found in certificates, and by votes that come after them or after finality', () => {
    const member = startedMember(4, 0);
    vote(member, notarizeOf(1, b, 2));
    const [found] = ofType(certify(member, notarized(1, a)), 'evidence');
    expect(found?.evidence.validator).toBe(keys[2]);
    give(member, { ...blockAt(1), hash: a });
    certify(member, finalized(1, a));
    expect(member.state.final.view).toBe(1);
    const [late] = ofType(vote(member, nullifyOf(1, 1)), 'evidence');
    expect(late?.evidence.validator).toBe(keys[1]);
  });

  it('is made of two certificates that contradict each other, for every voter of both', () => {
    const member = startedMember(4, 3);
    certify(member, notarized(1, a, [0, 1, 2]));
    const effects = certify(member, notarized(1, b, [1, 2, 3]));
    expect(ofType(effects, 'evidence').map(({ evidence }) => evidence.validator)).toContain(
      keys[1],
    );
    expect(ofType(effects, 'evidence').map(({ evidence }) => evidence.validator)).toContain(
      keys[2],
    );
    expect(member.state.views[0]?.notarization?.blockHash).toBe(a);
  });

  it('is nothing that was not signed', () => {
    const member = startedMember(4, 0);
    const forged = { ...notarizeOf(1, b, 2), signature: 'x' };
    expect(vote(member, notarizeOf(1, a, 2), forged)).toEqual([{ type: 'forged' }]);
  });
});
