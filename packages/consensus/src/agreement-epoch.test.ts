import { describe, expect, it } from 'vitest';
import { createAgreement } from './agreement.ts';
import type { AgreementOptions } from './agreement-types.ts';
import {
  genesisPoint,
  memberOf,
  ofType,
  startedMember,
  stubBlock,
  stubOptions,
} from './testing/member.ts';
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
