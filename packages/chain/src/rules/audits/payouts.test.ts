import { auditIdOf, convictionIdOf, zeroHash } from '@aitbc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { auditFunds } from '../../audit.ts';
import { encodeEntry, keyOf } from '../../entries.ts';
import { simulateTx } from '../../simulate.ts';
import { entryOf } from '../../state.ts';
import { type AuditCase, createAuditCase, type Deed } from '../../testing/audit-case.ts';
import { commitmentOf, revealOf } from '../../testing/audit-makers.ts';
import { auditWorldParams } from '../../testing/audit-world.ts';

const bond = 10_000n; // of which 2 500 are at stake; the deposit is 100, the opener's reward 5 %
let kase: AuditCase;

beforeEach(() => {
  kase = createAuditCase();
});

const three = (deed: Deed): Deed[] => [deed, deed, deed];
const five = (deed: Deed): Deed[] => [...three(deed), deed, deed];
const split: Deed[] = ['cheat', 'cheat', 'honest', 'absent', 'mute'];

/** What each party and each juror gains in the end, nait; `left` is what the bond is then. */
interface Ending {
  readonly opener: bigint;
  readonly provider: bigint;
  readonly left: bigint;
  readonly first: readonly bigint[];
  readonly second?: readonly bigint[];
  readonly burned: bigint;
}

const nothing = { opener: 0n, provider: 0n, left: bond, burned: 0n };
const all = (count: number, gain: bigint) => Array.from({ length: count }, () => gain);

describe('the end of an audit', () => {
  const rows: [string, Deed[], Deed[] | undefined, Ending][] = [
    [
      'guilty',
      three('cheat'),
      undefined,
      { ...nothing, opener: 120n, left: 7_500n, first: all(3, 33n), burned: 2_281n },
    ],
    [
      'guilty, with one against it',
      ['cheat', 'honest', 'cheat'],
      undefined,
      { ...nothing, opener: 120n, left: 7_500n, first: [50n, 0n, 50n], burned: 2_280n },
    ],
    [
      'acquitted, void like honest',
      ['honest', 'cheat', 'void'],
      undefined,
      { ...nothing, opener: -100n, first: [50n, 0n, 50n] },
    ],
    ['undecided', ['cheat', 'honest', 'absent'], undefined, { ...nothing, first: all(3, 0n) }],
    [
      'guilty and upheld',
      three('cheat'),
      five('cheat'),
      {
        ...{ opener: 220n, provider: -200n, left: 7_500n, burned: 2_281n },
        ...{ first: all(3, 33n), second: all(5, 20n) },
      },
    ],
    [
      'guilty and overturned',
      three('cheat'),
      five('honest'),
      { ...nothing, opener: -100n, first: all(3, 0n), second: all(5, 20n) },
    ],
    [
      'guilty and then undecided',
      three('cheat'),
      split,
      { ...nothing, first: all(3, 0n), second: all(5, 0n) },
    ],
    [
      'acquitted and overturned',
      three('honest'),
      five('cheat'),
      {
        ...{ opener: 120n, provider: 0n, left: 7_500n, burned: 2_280n },
        ...{ first: all(3, 0n), second: all(5, 20n) },
      },
    ],
    [
      'acquitted and upheld',
      three('honest'),
      ['honest', 'honest', 'void', 'cheat', 'honest'],
      {
        ...{ opener: -300n, provider: 100n, left: bond, burned: 1n },
        ...{ first: all(3, 33n), second: [25n, 25n, 25n, 0n, 25n] },
      },
    ],
    [
      'acquitted and then undecided',
      three('honest'),
      split,
      { ...nothing, first: all(3, 0n), second: all(5, 0n) },
    ],
    [
      'undecided and then guilty',
      ['cheat', 'honest', 'mute'],
      five('cheat'),
      {
        ...{ opener: 120n, provider: 0n, left: 7_500n, burned: 2_280n },
        ...{ first: all(3, 0n), second: all(5, 20n) },
      },
    ],
    [
      'undecided and then acquitted',
      ['cheat', 'honest', 'mute'],
      five('void'),
      {
        ...{ opener: -200n, provider: 100n, left: bond, burned: 0n },
        ...{ first: all(3, 0n), second: all(5, 20n) },
      },
    ],
  ];

  it.each(rows)('that is %s pays what the rules say', (...[, first, second, ending]) => {
    kase.openAndDraw();
    kase.vote(first);
    if (second) {
      const loser = kase.audit().first === 'guilty' ? kase.provider : kase.opener;
      kase.send(kase.appeal(loser));
      kase.passBlocks(2);
      kase.vote(second);
    } else kase.closeAtDate();
    expect(kase.audit().phase).toBe('closed');
    expect(kase.codeOf(kase.close())).toBe('AUDIT_PHASE_WRONG');
    const gains = kase.audit().seats.map(({ juror }) => kase.gainOf(juror));
    expect({
      opener: kase.gainOf(kase.opener.id),
      provider: kase.gainOf(kase.provider.id),
      left: kase.bondOf(kase.provider),
      first: gains.slice(0, 3),
      ...(second ? { second: gains.slice(3) } : {}),
      burned: kase.burned(),
    }).toEqual(ending);
    const { audits, problems } = auditFunds(kase.world.state);
    expect([audits, problems]).toEqual([0n, []]);
  });

  it('pays a round the same whatever it decided, so no verdict pays better than the other', () => {
    const paid = rows.flatMap(([, , , { first, second = [] }]) => [first, second]);
    const sums = paid.map((gains) => gains.reduce((sum, gain) => sum + gain, 0n));
    for (const sum of sums) expect([0n, 99n, 100n]).toContain(sum);
  });
});

describe('a conviction', () => {
  const guilty = () => {
    kase.openAndDraw();
    kase.vote(three('cheat'));
  };

  it('takes the part of the bond at once, and the provider cannot take it along', () => {
    guilty();
    expect(kase.bondOf(kase.provider)).toBe(7_500n);
    expect(kase.audit().held).toBe(2_500n);
    kase.send(kase.world.tx('provider_unbond', kase.provider, {}));
    kase.world.advance(auditWorldParams.unbondingMs);
    const { provider } = kase;
    kase.send(kase.world.tx('bond_withdraw', provider, { provider: provider.id }));
    expect(kase.gainOf(provider.id)).toBe(7_500n);
  });

  it.each([
    [9_999n, 2_500n],
    [10_001n, 2_501n],
    [1n, 1n],
  ])('takes its part of a bond of %s rounded up, and leaves no date on nothing', (whole, loss) => {
    kase.openAndDraw();
    const unbondDueMs = kase.world.context().timeMs + 90_000;
    const { id } = kase.provider;
    const leaving = { authorizer: id, endpoint: '', bond: whole, unbondDueMs };
    kase.world.state.set(keyOf('provider', id), encodeEntry('provider', leaving));
    kase.vote(three('cheat'));
    expect(kase.audit().held).toBe(loss);
    const left = entryOf(kase.world.reader, 'provider', id);
    expect(left).toMatchObject({ bond: whole - loss, unbondDueMs: loss < whole ? unbondDueMs : 0 });
    kase.closeAtDate();
    expect(kase.audit()).toMatchObject({ phase: 'closed', outcome: 'guilty' });
    expect(auditFunds(kase.world.state).problems).toEqual([]);
  });

  it('comes back to the balance of a provider that has left when the appeal is won', () => {
    guilty();
    const { provider } = kase;
    kase.send(kase.appeal(provider));
    kase.passBlocks(2);
    const left = { authorizer: provider.id, endpoint: '', bond: 0n, unbondDueMs: 0 };
    kase.world.state.set(keyOf('provider', provider.id), encodeEntry('provider', left));
    kase.vote(five('honest'));
    expect(kase.gainOf(provider.id)).toBe(2_500n);
  });

  it('counts once for a job, however many records of it there are', () => {
    const recordHash = '01'.repeat(32);
    kase.send(kase.opening({ recordHash, opener: kase.opener }));
    const twin = auditIdOf(kase.world.network, {
      ...{ jobId: '0b'.repeat(32), provider: kase.provider.id, recordHash },
    });
    kase.openAndDraw();
    const { network } = kase.world;
    const jurors = (entryOf(kase.world.reader, 'audit', twin)?.seats ?? []).map(
      ({ juror }) => juror,
    );
    const votes = jurors.map((juror) => {
      return { auditId: twin, juror, round: 1, verdict: 'cheat' as const };
    });
    kase.vote(three('cheat'));
    for (const vote of votes) {
      const body = commitmentOf(network, vote);
      kase.send(kase.world.tx('audit_commit', kase.actorOf(vote.juror), body));
    }
    for (const vote of votes) {
      kase.send(kase.world.tx('audit_reveal', kase.actorOf(vote.juror), revealOf(vote)));
    }
    expect(entryOf(kase.world.reader, 'audit', twin)).toMatchObject({ first: 'guilty', held: 0n });
    expect(kase.bondOf(kase.provider)).toBe(7_500n);
    expect(kase.codeOf(kase.opening({ recordHash: '02'.repeat(32) }))).toBe('AUDIT_EXISTS');
  });

  it('that is overturned is none: another record may be judged, the same may not', () => {
    guilty();
    kase.send(kase.appeal(kase.provider));
    kase.passBlocks(2);
    kase.vote(five('honest'));
    const trial = { jobId: '0b'.repeat(32), provider: kase.provider.id };
    const id = convictionIdOf(kase.world.network, trial);
    expect(entryOf(kase.world.reader, 'conviction', id)).toEqual({ auditId: zeroHash });
    expect(kase.codeOf(kase.opening())).toBe('AUDIT_EXISTS');
    expect(kase.codeOf(kase.opening({ recordHash: '02'.repeat(32) }))).toBeUndefined();
  });
});

describe('an audit that is under way', () => {
  it('is counted with its dates, and shown by a simulation', () => {
    const opening = kase.opening();
    const { effects } = simulateTx(kase.world.reader, kase.world.context(), opening);
    expect(effects.map(({ what, before, after }) => [what, after - before])).toEqual([
      ['balance', -10_100n],
      ['audit', 100n],
    ]);
    kase.openAndDraw();
    kase.vote(three('cheat'));
    const { audits, locks } = auditFunds(kase.world.state);
    expect(audits).toBe(2_600n);
    const { dueMs } = kase.audit();
    const key = keyOf('audit', kase.auditId);
    const way = { key, releasedBy: 'audit_close', dueMs };
    expect(locks).toContainEqual({ ...way, amount: 100n, owner: kase.opener.id });
    expect(locks).toContainEqual({ ...way, amount: 2_500n, owner: kase.provider.id });
  });

  it('is reported when it breaks an invariant', () => {
    kase.openAndDraw();
    const audit = kase.audit();
    const problemsWith = (changes: object) => {
      const entry = encodeEntry('audit', { ...audit, ...changes });
      return auditFunds(new Map(kase.world.state).set(keyOf('audit', kase.auditId), entry))
        .problems;
    };
    expect(problemsWith({})).toEqual([]);
    expect(problemsWith({ dueMs: 0 })[0]).toMatch('no date and is not');
    expect(problemsWith({ outcome: 'guilty' })[0]).toMatch('decided and not closed');
    expect(problemsWith({ round: 2, first: 'guilty' })[0]).toMatch('no appellant');
    const { provider } = audit;
    expect(problemsWith({ round: 2, appellant: provider })[0]).toMatch('not decided in the first');
    const seats = [...audit.seats.slice(0, 2), audit.seats[0]];
    expect(problemsWith({ seats })[0]).toMatch('sits in it twice');
  });
});
