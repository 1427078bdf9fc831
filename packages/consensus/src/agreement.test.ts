import { describe, expect, it } from 'vitest';
import { createAgreement } from './agreement.ts';
import { genesisPoint, memberOf, ofType, startedMember, stubOptions } from './testing/member.ts';
import { stubValidators } from './testing/stub-scheme.ts';
import {
  blockAt,
  certify,
  finalized,
  finalizeOf,
  fire,
  give,
  keys,
  notarized,
  notarizeOf,
  nullified,
  nullifyOf,
  signedBy,
  vote,
} from './testing/words.ts';

describe('entering a view', () => {
  it('arms the three timers and asks the leader for a block', () => {
    const effects = memberOf(createAgreement(stubOptions(4, 1))).feed({ type: 'start' });
    expect(ofType(effects, 'arm').map(({ timer, delayMs }) => [timer, delayMs])).toEqual([
      ['leader', 400],
      ['progress', 600],
      ['retry', 400],
    ]);
    expect(ofType(effects, 'propose')).toEqual([
      { type: 'propose', view: 1, parent: genesisPoint },
    ]);
  });

  it('does nothing before its start and starts once', () => {
    const member = memberOf(createAgreement(stubOptions(4, 1)));
    expect(give(member, blockAt(1))).toEqual([]);
    expect(member.feed({ type: 'start' })).not.toEqual([]);
    expect(member.feed({ type: 'start' })).toEqual([]);
  });

  it.each([
    ['notarization', notarized(5, 'aa'.repeat(32))],
    ['nullification', nullified(5)],
    ['finalization', finalized(5, 'aa'.repeat(32))],
  ])('follows a %s of a later view', (_, certificate) => {
    const member = startedMember(4, 0);
    certify(member, certificate);
    expect(member.state.view).toBe(6);
  });

  it('takes a certificate of any height of view, but no vote beyond the window', () => {
    const member = startedMember(4, 0);
    vote(member, nullifyOf(258, 1));
    expect(member.state.views).toHaveLength(0);
    vote(member, nullifyOf(257, 1));
    expect(member.state.views).toHaveLength(1);
    certify(member, nullified(5_000));
    expect(member.state.view).toBe(5_001);
  });

  it('gives a leader that was silent for eight views no time, while a quorum votes', () => {
    const member = startedMember(4, 0);
    for (let view = 1; view <= 14; view += 1) {
      vote(member, nullifyOf(view, 1), nullifyOf(view, 2));
      expect(member.state.view).toBe(view + 1);
    }
    const delays = ofType(member.all, 'arm').filter(({ timer }) => timer === 'leader');
    const byView = new Map(delays.map(({ view, delayMs }) => [view, delayMs]));
    expect(byView.get(7)).toBeGreaterThan(0);
    expect(byView.get(11)).toBe(0);
    expect(byView.get(15)).toBe(0);
    expect(byView.get(13)).toBeGreaterThan(0);
  });
});

describe('notarize', () => {
  it('goes to the valid block that the leader voted for, whichever comes first', () => {
    const block = blockAt(1);
    const first = startedMember(4, 0);
    vote(first, notarizeOf(1, block.hash, 1));
    expect(signedBy(give(first, block))).toEqual([['notarize', 1]]);
    const second = startedMember(4, 0);
    expect(give(second, block)).toEqual([]);
    expect(signedBy(vote(second, notarizeOf(1, block.hash, 1)))).toEqual([['notarize', 1]]);
  });

  it('goes to no block that only others than the leader voted for', () => {
    const member = startedMember(4, 0);
    give(member, blockAt(1));
    expect(signedBy(vote(member, notarizeOf(1, blockAt(1).hash, 2)))).toEqual([]);
  });

  it.each<[string, Partial<ReturnType<typeof blockAt>> & { valid?: boolean }]>([
    ['that the ledger refused', { valid: false }],
    ['of a wrong height', { height: 7 }],
    ['above the last height of the epoch', { height: 1_001 }],
    ['on another block of the final height', { parent: '22'.repeat(32) }],
  ])('becomes nullify for a block %s', (_, { valid = true, ...change }) => {
    const member = startedMember(4, 0);
    const block = { ...blockAt(1), ...change };
    vote(member, notarizeOf(1, block.hash, 1));
    expect(signedBy(give(member, block, valid))).toEqual([['nullify', 1]]);
  });

  it('takes no block of another proposer than the leader', () => {
    const member = startedMember(4, 0);
    const block = { ...blockAt(1), proposer: keys[3] as string };
    vote(member, notarizeOf(1, block.hash, 1));
    expect(give(member, block)).toEqual([]);
  });

  it('is signed once in a view even when the leader names two blocks, and the leader is reported', () => {
    const member = startedMember(4, 0);
    const [one, two] = [blockAt(1), blockAt(1, genesisPoint, 1)];
    give(member, one);
    give(member, two);
    expect(signedBy(vote(member, notarizeOf(1, one.hash, 1)))).toEqual([['notarize', 1]]);
    const effects = vote(member, notarizeOf(1, two.hash, 1));
    expect(signedBy(effects)).toEqual([]);
    expect(ofType(effects, 'evidence')).toHaveLength(1);
  });

  it('waits until every view between parent and block is nullified, and asks for what is missing', () => {
    const member = startedMember(4, 0);
    certify(member, nullified(2));
    const block = blockAt(3);
    give(member, block);
    const asked = vote(member, notarizeOf(3, block.hash, 3));
    expect(ofType(asked, 'fetchCertificates')).toEqual([
      { type: 'fetchCertificates', fromView: 1, toView: 1 },
    ]);
    expect(signedBy(asked)).toEqual([]);
    expect(signedBy(certify(member, nullified(1)))).toEqual([['notarize', 3]]);
  });

  it('waits for the certificate of the parent', () => {
    const member = startedMember(4, 0);
    const parent = blockAt(1);
    give(member, parent);
    certify(member, nullified(1), nullified(2));
    const block = blockAt(3, parent);
    give(member, block);
    expect(ofType(vote(member, notarizeOf(3, block.hash, 3)), 'fetchCertificates')).toEqual([
      { type: 'fetchCertificates', fromView: 1, toView: 2 },
    ]);
    expect(signedBy(certify(member, notarized(1, parent.hash)))).toContainEqual(['notarize', 3]);
  });

  it('keeps two unasked blocks of a view and the one that a certificate names', () => {
    const member = startedMember(4, 0);
    const blocks = [0, 1, 2].map((salt) => blockAt(1, genesisPoint, salt));
    for (const block of blocks) give(member, block);
    expect(member.state.views[0]?.blocks).toHaveLength(2);
    const third = blocks[2] as ReturnType<typeof blockAt>;
    const effects = certify(member, notarized(1, third.hash));
    expect(ofType(effects, 'fetchBlock')).toEqual([
      { type: 'fetchBlock', hash: third.hash, view: 1 },
    ]);
    give(member, third);
    expect(member.state.views[0]?.blocks).toHaveLength(3);
    expect(member.state.wanted).toEqual([]);
  });
});

describe('certificates', () => {
  it('come from a quorum of votes, are sent, and are answered by finalize in the next step of the same turn', () => {
    const member = startedMember(4, 0);
    const block = blockAt(1);
    give(member, block);
    vote(member, notarizeOf(1, block.hash, 1));
    const effects = vote(member, notarizeOf(1, block.hash, 2));
    expect(effects[0]).toMatchObject({ type: 'persist' });
    expect(ofType(effects, 'sendCertificates')[0]?.certificates[0]).toEqual(
      notarized(1, block.hash),
    );
    expect(signedBy(effects)).toEqual([['finalize', 1]]);
    expect(member.state.view).toBe(2);
  });

  it('are saved with the votes that stand on them', () => {
    const member = startedMember(4, 0);
    const hash = blockAt(1).hash;
    const [persist] = ofType(certify(member, notarized(1, hash)), 'persist');
    expect(persist?.certificates).toEqual([notarized(1, hash)]);
  });

  it('need more than two thirds of the stake, not of the heads', () => {
    const validators = stubValidators(4).map((one, index) => ({
      ...one,
      stake: index === 3 ? 1_000n : 100n,
    }));
    const member = startedMember(4, 0, { validators });
    const hash = 'aa'.repeat(32);
    vote(member, ...[0, 1, 2].map((at) => finalizeOf(1, hash, at)));
    expect(member.state.view).toBe(1);
    vote(member, finalizeOf(1, hash, 3));
    expect(member.state.view).toBe(2);
  });

  it.each([
    ['too few voters', notarized(1, 'aa'.repeat(32), [0, 1])],
    ['one voter twice', notarized(1, 'aa'.repeat(32), [0, 1, 1])],
    [
      'a signature of other words',
      { ...notarized(1, 'aa'.repeat(32)), votes: notarized(2, 'aa'.repeat(32)).votes },
    ],
  ])('with %s are forged', (_, certificate) => {
    const member = startedMember(4, 3);
    expect(certify(member, certificate)).toEqual([{ type: 'forged' }]);
    expect(member.state.view).toBe(1);
  });

  it.each([
    ['another epoch', { ...nullified(1), epoch: 1 }],
    ['an unknown kind', { ...nullified(1), kind: 9 }],
    ['a nullification that names a block', { ...nullified(1), blockHash: 'aa'.repeat(32) }],
  ])('of %s are passed over', (_, certificate) => {
    expect(certify(startedMember(4, 3), certificate)).toEqual([]);
  });

  it('commit a block and its ancestors once the bodies are there, each under the best certificate', () => {
    const member = startedMember(4, undefined);
    const first = blockAt(1);
    const second = blockAt(2, first);
    const third = blockAt(3, second);
    const asked = certify(member, finalized(1, first.hash), finalized(3, third.hash));
    expect(ofType(asked, 'fetchBlock').map(({ hash }) => hash)).toEqual([first.hash, third.hash]);
    expect(ofType(give(member, third), 'fetchBlock')).toEqual([
      { type: 'fetchBlock', hash: second.hash, view: 3 },
    ]);
    expect(ofType(give(member, second), 'commit')).toEqual([]);
    const commits = ofType(give(member, first), 'commit');
    expect(commits.map(({ block }) => block.height)).toEqual([1, 2, 3]);
    expect(commits.map(({ certificate }) => certificate.view)).toEqual([1, 3, 3]);
    expect(member.state.final).toEqual({ hash: third.hash, height: 3, view: 3 });
  });

  it('of a block that does not join the final chain commit nothing', () => {
    const member = startedMember(4, undefined);
    const first = blockAt(1);
    give(member, first);
    certify(member, finalized(1, first.hash));
    const stranger = { ...blockAt(2), parent: '33'.repeat(32), height: 2 };
    give(member, stranger);
    const effects = certify(member, finalized(2, stranger.hash));
    expect(ofType(effects, 'commit')).toEqual([]);
    expect(ofType(effects, 'fetchBlock')).toEqual([]);
  });
});

describe('nullify', () => {
  it('follows a view without proposal, and one without certificate', () => {
    for (const timer of ['leader', 'progress'] as const) {
      expect(signedBy(fire(startedMember(4, 0), timer))).toEqual([['nullify', 1]]);
    }
  });

  it('is not hurried by the leader timer when the leader has named its block, which is fetched', () => {
    const member = startedMember(4, 0);
    const { hash } = blockAt(1);
    vote(member, notarizeOf(1, hash, 1));
    const effects = fire(member, 'leader');
    expect(signedBy(effects)).toEqual([]);
    expect(ofType(effects, 'fetchBlock')).toEqual([{ type: 'fetchBlock', hash, view: 1 }]);
  });

  it('of a timer of another view is nothing', () => {
    expect(fire(startedMember(4, 0), 'progress', 2)).toEqual([]);
  });

  it('joins when stake of more than all possible liars asks for it', () => {
    const member = startedMember(4, 0);
    expect(signedBy(vote(member, nullifyOf(1, 2)))).toEqual([]);
    expect(signedBy(vote(member, nullifyOf(1, 3)))).toEqual([['nullify', 1]]);
  });

  it('excludes finalize in the same view', () => {
    const member = startedMember(4, 0);
    fire(member, 'progress');
    const effects = certify(member, notarized(1, blockAt(1).hash, [1, 2, 3]));
    expect(signedBy(effects)).toEqual([]);
    expect(member.state.view).toBe(2);
  });

  it('does not exclude a later notarize', () => {
    const member = startedMember(4, 0);
    fire(member, 'leader');
    const block = blockAt(1);
    vote(member, notarizeOf(1, block.hash, 1));
    expect(signedBy(give(member, block))).toEqual([['notarize', 1]]);
  });

  it('is excluded by a finalize of before the crash', () => {
    const hash = blockAt(1).hash;
    const member = startedMember(4, 0, { ownVotes: [finalizeOf(1, hash, 0)] });
    expect(signedBy(fire(member, 'progress'))).toEqual([]);
  });
});

describe('the leader', () => {
  it('votes for its own block and sends both together', () => {
    const member = startedMember(4, 1);
    const block = blockAt(1);
    const effects = give(member, block);
    expect(effects[0]?.type).toBe('persist');
    expect(ofType(effects, 'sendProposal')).toEqual([
      { type: 'sendProposal', hash: block.hash, vote: notarizeOf(1, block.hash, 1) },
    ]);
    expect(ofType(effects, 'sendVotes')).toEqual([]);
  });

  it('asks for what is missing between the highest certified block and its view, then proposes', () => {
    const member = startedMember(4, 0);
    const effects = certify(member, nullified(3));
    expect(ofType(effects, 'propose')).toEqual([]);
    expect(ofType(effects, 'fetchCertificates')).toEqual([
      { type: 'fetchCertificates', fromView: 1, toView: 2 },
    ]);
    const block = blockAt(1);
    give(member, block);
    const [asked] = ofType(certify(member, notarized(1, block.hash), nullified(2)), 'propose');
    expect(asked).toEqual({
      type: 'propose',
      view: 4,
      parent: { hash: block.hash, height: 1, view: 1 },
    });
  });

  it('passes over a certified block that it lacks when its view is nullified too', () => {
    const member = startedMember(4, 2);
    const [asked] = ofType(certify(member, nullified(1), notarized(1, 'aa'.repeat(32))), 'propose');
    expect(asked?.parent).toEqual(genesisPoint);
  });
});
