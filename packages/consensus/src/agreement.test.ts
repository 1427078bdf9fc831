import { zeroHash } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { createAgreement } from './agreement.ts';
import type { AgreementEffect, AgreementOptions } from './agreement-types.ts';
import {
  genesisPoint,
  type Member,
  memberOf,
  ofType,
  startedMember,
  stubBlock,
  stubOptions,
} from './testing/member.ts';
import { stubCertificate, stubValidators, stubVote } from './testing/stub-scheme.ts';

const keys = stubValidators(4).map(({ publicKey }) => publicKey);
// Four equal stakes lead in turn: view v is led by v mod 4.
const leaderKey = (view: number) => keys[view % 4] as string;
const blockAt = (view: number, parent: { hash: string; height: number } = genesisPoint, salt = 0) =>
  stubBlock(view, parent, { proposer: leaderKey(view), salt });
const notarizeOf = (view: number, blockHash: string, validator: number) =>
  stubVote({ kind: 'notarize', epoch: 0, view, blockHash }, validator);
const nullifyOf = (view: number, validator: number) =>
  stubVote({ kind: 'nullify', epoch: 0, view, blockHash: zeroHash }, validator);
const finalizeOf = (view: number, blockHash: string, validator: number) =>
  stubVote({ kind: 'finalize', epoch: 0, view, blockHash }, validator);
const notarized = (view: number, blockHash: string, voters = [0, 1, 2]) =>
  stubCertificate({ kind: 'notarize', epoch: 0, view, blockHash }, voters);
const nullified = (view: number, voters = [0, 1, 2]) =>
  stubCertificate({ kind: 'nullify', epoch: 0, view, blockHash: zeroHash }, voters);
const finalized = (view: number, blockHash: string, voters = [0, 1, 2]) =>
  stubCertificate({ kind: 'finalize', epoch: 0, view, blockHash }, voters);

const signedBy = (effects: readonly AgreementEffect[]) =>
  ofType(effects, 'persist').flatMap(({ votes }) => votes.map(({ kind, view }) => [kind, view]));
const vote = (member: Member, ...votes: ReturnType<typeof stubVote>[]) =>
  votes.flatMap((one) => member.feed({ type: 'vote', vote: one }));
const certify = (member: Member, ...all: ReturnType<typeof stubCertificate>[]) =>
  all.flatMap((certificate) => member.feed({ type: 'certificate', certificate }));
const give = (member: Member, block: ReturnType<typeof blockAt>, valid = true) =>
  member.feed({ type: 'block', block, valid });
const fire = (member: Member, timer: 'leader' | 'progress' | 'retry', view = member.state.view) =>
  member.feed({ type: 'timer', timer, view });

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

describe('the end of an epoch', () => {
  const lastHeight = 1;

  it('proposes the last block again while it is not final', () => {
    const member = startedMember(4, 2, { lastHeight });
    const block = blockAt(1);
    give(member, block);
    const effects = certify(member, notarized(1, block.hash));
    expect(ofType(effects, 'propose')).toEqual([]);
    expect(ofType(effects, 'sendProposal')).toEqual([
      { type: 'sendProposal', hash: block.hash, vote: notarizeOf(2, block.hash, 2) },
    ]);
  });

  it('votes for the same block again, and refuses another on top of it', () => {
    const block = blockAt(1);
    const above = blockAt(2, block);
    const again = startedMember(4, 0, { lastHeight });
    give(again, block);
    certify(again, notarized(1, block.hash));
    expect(signedBy(vote(again, notarizeOf(2, block.hash, 2)))).toEqual([['notarize', 2]]);
    const other = startedMember(4, 0, { lastHeight });
    give(other, block);
    certify(other, notarized(1, block.hash));
    give(other, above);
    expect(signedBy(vote(other, notarizeOf(2, above.hash, 2)))).toEqual([['nullify', 2]]);
  });

  it('refuses to notarize any other block a second time', () => {
    const member = startedMember(4, 0);
    const block = blockAt(1);
    give(member, block);
    certify(member, notarized(1, block.hash));
    expect(signedBy(vote(member, notarizeOf(2, block.hash, 2)))).toEqual([['nullify', 2]]);
  });

  it('commits under the certificate of the later view and goes quiet, but answers', () => {
    const member = startedMember(4, 0, { lastHeight });
    const block = blockAt(1);
    give(member, block);
    certify(member, notarized(1, block.hash), notarized(2, block.hash));
    const effects = certify(member, finalized(2, block.hash));
    expect(ofType(effects, 'commit')).toEqual([
      { type: 'commit', block, certificate: finalized(2, block.hash) },
    ]);
    expect(ofType(effects, 'disarm').map(({ timer }) => timer)).toEqual([
      'leader',
      'progress',
      'retry',
    ]);
    expect(fire(member, 'progress')).toEqual([]);
    expect(vote(member, nullifyOf(3, 1), nullifyOf(3, 2))).toEqual([]);
    const asked = member.feed({ type: 'request', peer: keys[3] as string, fromView: 1, toView: 9 });
    expect(asked).toEqual([
      { type: 'reply', peer: keys[3], certificates: [finalized(2, block.hash)] },
    ]);
  });
});

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

describe('repeating', () => {
  it('sends our votes with what proves our view, in every retry, and asks for what it lacks', () => {
    const member = startedMember(4, 0);
    const block = blockAt(1);
    give(member, block);
    certify(member, notarized(1, block.hash), nullified(2));
    fire(member, 'progress');
    for (const effects of [fire(member, 'retry'), fire(member, 'retry')]) {
      const sent = ofType(effects, 'sendVotes').flatMap(({ votes }) => votes);
      expect(sent.map(({ kind, view }) => [kind, view])).toEqual([
        ['finalize', 1],
        ['nullify', 3],
      ]);
      expect(ofType(effects, 'sendCertificates')[0]?.certificates).toEqual([
        notarized(1, block.hash),
        nullified(2),
      ]);
      expect(ofType(effects, 'fetchCertificates')).toEqual([
        { type: 'fetchCertificates', fromView: 3, toView: 3 },
      ]);
      expect(ofType(effects, 'arm').map(({ timer }) => timer)).toEqual(['retry']);
      expect(ofType(effects, 'persist')).toEqual([]);
    }
  });

  it('sends the proposal of a leader again, and its vote in nothing else', () => {
    const member = startedMember(4, 1);
    const block = blockAt(1);
    give(member, block);
    const effects = fire(member, 'retry');
    expect(ofType(effects, 'sendProposal').map(({ hash }) => hash)).toEqual([block.hash]);
    expect(ofType(effects, 'sendVotes')).toEqual([]);
  });

  it('says nothing while everything is final', () => {
    const member = startedMember(4, 0, { paced: true });
    const block = blockAt(1);
    give(member, block);
    certify(member, finalized(1, block.hash));
    expect(fire(member, 'retry').map(({ type }) => type)).toEqual(['arm']);
  });

  it('is bounded, however long nothing was final', () => {
    const member = startedMember(4, 0);
    for (let view = 1; view <= 100; view += 1) {
      fire(member, 'progress');
      certify(member, nullified(view, [1, 2, 3]));
    }
    fire(member, 'progress');
    const effects = fire(member, 'retry');
    expect(ofType(effects, 'sendCertificates')[0]?.certificates).toHaveLength(8);
    expect(ofType(effects, 'sendVotes')[0]?.votes).toHaveLength(1);
    const [answer] = ofType(
      member.feed({ type: 'request', peer: keys[1] as string, fromView: 1, toView: 100 }),
      'reply',
    );
    expect(answer?.certificates).toHaveLength(64);
    expect(answer?.certificates[0]?.view).toBe(100);
  });

  it('answers a request with the views asked for and the newest finalization', () => {
    const member = startedMember(4, 0);
    const block = blockAt(1);
    give(member, block);
    certify(member, finalized(1, block.hash), nullified(2), nullified(3), nullified(4));
    const ask = (fromView: number, toView: number) =>
      ofType(member.feed({ type: 'request', peer: keys[1] as string, fromView, toView }), 'reply');
    expect(ask(1, 2)[0]?.certificates).toEqual([
      finalized(1, block.hash),
      nullified(4),
      nullified(2),
    ]);
    expect(ask(5, 5)[0]?.certificates).toEqual([finalized(1, block.hash)]);
    expect(
      startedMember(4, 0).feed({ type: 'request', peer: 'x', fromView: 1, toView: 9 }),
    ).toEqual([]);
  });
});

describe('the hop estimate', () => {
  it('doubles with every view of a live leader that is nullified, up to its bound', () => {
    const member = startedMember(4, 0);
    const seen: number[] = [];
    for (let view = 1; view <= 7; view += 1) {
      certify(member, nullified(view, [1, 2, 3]));
      vote(member, nullifyOf(view + 1, 1), nullifyOf(view + 1, 0));
      seen.push(member.state.hopMs);
    }
    expect(seen).toEqual([400, 800, 1_600, 3_200, 6_400, 8_000, 8_000]);
  });

  it('shrinks slowly towards the measured time and never under its bound', () => {
    const member = startedMember(4, undefined, { hopMinMs: 100, hopMaxMs: 8_000 });
    for (let view = 1; view <= 6; view += 1) certify(member, nullified(view));
    let nowMs = 0;
    const run = (views: number, tookMs: number) => {
      for (let count = 0; count < views; count += 1) {
        const { view } = member.state;
        nowMs += tookMs;
        const certificate = notarized(view, 'aa'.repeat(32));
        member.feed({ type: 'certificate', certificate }, nowMs);
      }
    };
    nowMs = 0;
    run(1, 0);
    const before = member.state.hopMs;
    run(1, 100);
    expect(member.state.hopMs).toBeLessThan(before);
    expect(member.state.hopMs).toBeGreaterThan(before * 0.8);
    run(150, 100);
    expect(member.state.hopMs).toBe(400);
    run(200, 1);
    expect(member.state.hopMs).toBe(100);
  });

  it('does not follow a minority of slow views', () => {
    const member = startedMember(4, undefined);
    let nowMs = 0;
    for (let view = 1; view <= 120; view += 1) {
      nowMs += view % 4 === 0 ? 700 : 10;
      const certificate = notarized(view, 'aa'.repeat(32));
      member.feed({ type: 'certificate', certificate }, nowMs);
    }
    expect(member.state.hopMs).toBe(100);
  });
});

describe('pacing', () => {
  it('gives an idle view no time-out, and a view with work its full time from then on', () => {
    const member = memberOf(createAgreement(stubOptions(4, 0, { paced: true })));
    const effects = member.feed({ type: 'start' });
    expect(ofType(effects, 'arm').map(({ timer }) => timer)).toEqual(['retry']);
    const armed = ofType(member.feed({ type: 'work', waiting: true }, 9_000), 'arm');
    expect(armed.map(({ timer, delayMs }) => [timer, delayMs])).toEqual([
      ['leader', 400],
      ['progress', 600],
    ]);
    expect(member.feed({ type: 'work', waiting: true })).toEqual([]);
    expect(ofType(certify(member, nullified(1)), 'arm').map(({ timer }) => timer)).toContain(
      'leader',
    );
    member.feed({ type: 'work', waiting: false });
    expect(ofType(certify(member, nullified(2)), 'arm').map(({ timer }) => timer)).toEqual([
      'retry',
    ]);
  });

  it('runs the progress timer once the leader of an idle view proposes', () => {
    const member = startedMember(4, 0, { paced: true });
    const armed = ofType(vote(member, notarizeOf(1, blockAt(1).hash, 1)), 'arm');
    expect(armed.map(({ timer }) => timer)).toEqual(['progress']);
  });

  it('measures no idle time', () => {
    const member = startedMember(4, 0, { paced: true });
    member.feed({ type: 'certificate', certificate: notarized(1, 'aa'.repeat(32)) }, 60_000);
    expect(member.state.samplesMs).toEqual([]);
  });
});

describe('one validator', () => {
  const [self] = stubValidators(1).map(({ publicKey }) => publicKey) as [string];
  const solo = (changes: Partial<AgreementOptions> = {}) => startedMember(1, 0, changes);

  it('runs from one block to its commit and to the next proposal, without timers or sends', () => {
    const member = solo();
    const block = stubBlock(1, genesisPoint, { proposer: self });
    const effects = give(member, block);
    expect(effects.map(({ type }) => type)).toEqual(['persist', 'commit', 'propose']);
    expect(signedBy(effects)).toEqual([
      ['notarize', 1],
      ['finalize', 1],
    ]);
    expect(ofType(member.all, 'arm')).toEqual([]);
  });

  it('makes a long chain and remembers little of it', () => {
    const member = solo();
    for (let view = 1; view <= 300; view += 1) {
      give(member, stubBlock(view, member.state.final, { proposer: self }));
    }
    expect(member.state.final.height).toBe(300);
    expect(member.state.views.length).toBeLessThanOrEqual(4);
    expect(member.state.unsaved).toEqual([]);
  });

  it('finishes after a crash the block that it had voted for, with the same votes', () => {
    const block = stubBlock(1, genesisPoint, { proposer: self });
    const before = solo();
    const votes = ofType(give(before, block), 'persist').flatMap((effect) => effect.votes);
    for (const ownVotes of [votes.slice(0, 1), votes]) {
      const member = memberOf(createAgreement(stubOptions(1, 0, { ownVotes })));
      const started = member.feed({ type: 'start' });
      expect(signedBy(started)).toEqual(ownVotes.length === 1 ? [['finalize', 1]] : []);
      const effects = give(member, block);
      expect(ofType(effects, 'commit').map((effect) => effect.block)).toEqual([block]);
      expect(ofType(effects, 'propose')).toHaveLength(1);
    }
  });

  it('passes over views whose votes may be forgotten', () => {
    const member = solo({ silentThrough: 9 });
    expect(ofType(member.all, 'propose')).toEqual([
      { type: 'propose', view: 10, parent: genesisPoint },
    ]);
    give(member, stubBlock(10, genesisPoint, { proposer: self }));
    expect(member.state.final).toMatchObject({ height: 1, view: 10 });
  });

  it('stops at the end of its epoch', () => {
    const member = solo({ lastHeight: 1 });
    const effects = give(member, stubBlock(1, genesisPoint, { proposer: self }));
    expect(effects.map(({ type }) => type)).toEqual(['persist', 'commit']);
  });
});

describe('silence', () => {
  it.each<[string, number | undefined, Partial<AgreementOptions>]>([
    ['an observer', undefined, {}],
    ['a key outside the set', undefined, { self: 'ff'.repeat(32) }],
    ['a validator without its journal', 0, { silentThrough: Number.POSITIVE_INFINITY }],
  ])('of %s signs nothing and follows finality', (_, self, changes) => {
    const member = startedMember(4, self, changes);
    const block = blockAt(1);
    give(member, block);
    vote(member, notarizeOf(1, block.hash, 1), notarizeOf(1, block.hash, 2));
    for (const timer of ['leader', 'progress', 'retry'] as const) fire(member, timer);
    vote(
      member,
      notarizeOf(1, block.hash, 3),
      ...[1, 2, 3].map((at) => finalizeOf(1, block.hash, at)),
    );
    expect(member.state.final.height).toBe(1);
    expect(ofType(member.all, 'persist')).toEqual([]);
    expect(ofType(member.all, 'sendVotes')).toEqual([]);
  });

  it('ends above the view that a torn journal may hide', () => {
    const member = startedMember(4, 0, { silentThrough: 2 });
    expect(signedBy(fire(member, 'progress'))).toEqual([]);
    certify(member, nullified(2));
    expect(signedBy(fire(member, 'progress'))).toEqual([['nullify', 3]]);
  });
});

describe('a restart', () => {
  it('uses its votes again, goes on in their view and sends them with the saved certificates', () => {
    const block = blockAt(1);
    const ownVotes = [notarizeOf(1, block.hash, 0), finalizeOf(1, block.hash, 0), nullifyOf(2, 0)];
    const certificates = [notarized(1, block.hash)];
    const member = memberOf(createAgreement(stubOptions(4, 0, { ownVotes, certificates })));
    const effects = member.feed({ type: 'start' });
    expect(member.state.view).toBe(2);
    expect(signedBy(effects)).toEqual([]);
    expect(ofType(effects, 'sendVotes').flatMap(({ votes }) => votes)).toEqual(ownVotes.slice(1));
    expect(ofType(effects, 'sendCertificates')[0]?.certificates).toEqual(certificates);
    certify(member, notarized(2, 'aa'.repeat(32)));
    expect(ofType(member.all, 'persist')).toEqual([]);
  });

  it('signs no second notarize for another block of the leader', () => {
    const [one, two] = [blockAt(1), blockAt(1, genesisPoint, 1)];
    const member = startedMember(4, 0, { ownVotes: [notarizeOf(1, one.hash, 0)] });
    give(member, two);
    expect(signedBy(vote(member, notarizeOf(1, two.hash, 1)))).toEqual([]);
  });

  it('of a leader sends the proposal of before and asks for no new one', () => {
    const { hash } = blockAt(1);
    const own = notarizeOf(1, hash, 1);
    const member = startedMember(4, 1, { ownVotes: [own] });
    expect(ofType(member.all, 'propose')).toEqual([]);
    expect(ofType(member.all, 'sendProposal')).toEqual([{ type: 'sendProposal', hash, vote: own }]);
  });

  it('knows the finalization of its last block', () => {
    const final = { hash: 'aa'.repeat(32), height: 3, view: 5 };
    const certificates = [finalized(5, final.hash)];
    const member = startedMember(4, 0, { final, certificates });
    expect(member.state.view).toBe(6);
    expect(member.state.finalization).toEqual(certificates[0]);
  });

  it('holds a vote of our own key that comes back from others, and signs nothing against it', () => {
    const member = startedMember(4, 0);
    vote(member, finalizeOf(1, 'aa'.repeat(32), 0));
    expect(signedBy(fire(member, 'progress'))).toEqual([]);
  });
});
