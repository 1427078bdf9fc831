import { describe, expect, it } from 'vitest';
import { createAgreement } from './agreement.ts';
import { memberOf, ofType, startedMember, stubOptions } from './testing/member.ts';
import {
  blockAt,
  certify,
  finalized,
  fire,
  give,
  keys,
  notarized,
  notarizeOf,
  nullified,
  nullifyOf,
  vote,
} from './testing/words.ts';

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

  it('shrinks by half of the way towards the measured time and never under its bound', () => {
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
    expect(member.state.hopMs).toBeGreaterThan(before * 0.45);
    run(150, 100);
    expect(member.state.hopMs).toBe(400);
    run(200, 1);
    expect(member.state.hopMs).toBe(100);
  });

  it('stays near the measured time when one leader of four votes and never proposes', () => {
    const member = startedMember(4, undefined, { hopMinMs: 100, hopMaxMs: 8_000 });
    const all = [0, 1, 2, 3];
    let nowMs = 0;
    const seen: number[] = [];
    for (let cycle = 0; cycle < 50; cycle += 1) {
      nowMs += 2 * member.state.hopMs;
      const certificate = nullified(member.state.view, all);
      member.feed({ type: 'certificate', certificate }, nowMs);
      for (let count = 0; count < 3; count += 1) {
        nowMs += 20;
        const next = notarized(member.state.view, 'aa'.repeat(32), all);
        member.feed({ type: 'certificate', certificate: next }, nowMs);
      }
      seen.push(member.state.hopMs);
    }
    expect(Math.max(...seen.slice(5))).toBeLessThan(200);
    expect(member.state.leaderGone).toBe(false);
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
