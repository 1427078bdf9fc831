import {
  auditKinds,
  drawOrder,
  type ErrorCode,
  type Hex,
  type TxBody,
  zeroHash,
} from '@aitbc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Entries, encodeEntry, keyOf } from '../../entries.ts';
import { entryOf, providerOf } from '../../state.ts';
import { type AuditCase, createAuditCase } from '../../testing/audit-case.ts';
import { secondKeyOf, weights } from '../../testing/audit-makers.ts';
import { auditWorldParams } from '../../testing/audit-world.ts';
import { type Actor, actorOf } from '../../testing/world.ts';

const voteMs = auditWorldParams.auditVoteMs as number;
const recordOf = (byte: string) => byte.repeat(32);
let kase: AuditCase;

beforeEach(() => {
  kase = createAuditCase();
});

const actorAt = (at: number) => kase.world.actors[at] as Actor;
const register = (by: Actor, authorizer: Actor) =>
  kase.world.tx('provider_register', by, { authorizer: authorizer.id, endpoint: '', bond: 0n });
const unbond = (by: Actor) => kase.world.tx('provider_unbond', by, {});
const enroll = (by: Actor) => kase.world.tx('auditor_enroll', by, { digest: weights.id });
const leave = (by: Actor) => kase.world.tx('auditor_leave', by, { digest: weights.id });
const put = <K extends 'jury' | 'docket' | 'provider'>(kind: K, id: Hex, entry: Entries[K]) =>
  void kase.world.state.set(keyOf(kind, id), encodeEntry(kind, entry));

describe('the roster', () => {
  const members = () =>
    (entryOf(kase.world.reader, 'jury', weights.id)?.members ?? []).map(({ juror }) => juror);

  it('has those who enrolled in their order, until they leave', () => {
    const newcomer = actorAt(14);
    expect(members()).toHaveLength(14);
    expect(kase.codeOf(leave(newcomer))).toBe('AUDITOR_UNKNOWN');
    kase.send(enroll(newcomer));
    expect(members().at(-1)).toBe(newcomer.id);
    expect(kase.codeOf(enroll(newcomer))).toBe('AUDITOR_ENROLLED');
    kase.send(leave(newcomer));
    expect(members()).not.toContain(newcomer.id);
  });

  it('takes providers with a whole bond that stays', () => {
    const stranger = actorOf(99);
    kase.world.state.set(
      keyOf('account', stranger.id),
      encodeEntry('account', { balance: 1_000_000n, nonce: 0, vault: 0n }),
    );
    expect(kase.codeOf(enroll(stranger))).toBe('AUDITOR_UNFIT');
    kase.send(unbond(actorAt(14)));
    expect(kase.codeOf(enroll(actorAt(14)))).toBe('AUDITOR_UNFIT');
  });

  it('loses who is not fit any more when the next one comes', () => {
    kase.send(unbond(actorAt(5)));
    expect(members()).toContain(actorAt(5).id);
    kase.send(enroll(actorAt(14)));
    expect(members()).not.toContain(actorAt(5).id);
  });

  it('is bounded: when it is full a larger bond takes the place of the smallest', () => {
    const others = Array.from({ length: 64 }, (_, at) => actorOf(60 + at).id);
    for (const [at, id] of others.entries()) {
      const bond = at === 40 ? 9_999n : 20_000n;
      const provider = { authorizer: id, endpoint: '', bond, unbondDueMs: 0 };
      put('provider', id, provider);
    }
    const full = { members: others.map((juror) => ({ juror })) };
    put('jury', weights.id, full);
    kase.send(enroll(actorAt(14)));
    expect(members()).toHaveLength(64);
    expect(members()).not.toContain(others[40]);
    expect(kase.codeOf(enroll(actorAt(15)))).toBe('AUDIT_ROSTER_FULL');
  });
});

describe('an opening', () => {
  it('takes the deposit from the balance, gives back what is above it, and waits for its draw', () => {
    kase.send(kase.opening({ deposit: 175n }));
    expect(kase.gainOf(kase.opener.id)).toBe(-100n);
    expect(kase.audit()).toMatchObject({
      ...{ provider: kase.provider.id, opener: kase.opener.id, digest: weights.id },
      ...{ deposit: 100n, phase: 'drawing', round: 1, seats: [], outcome: 'none' },
      dueMs: kase.world.head().header.timeMs + voteMs,
    });
  });

  it.each([
    ['an audit of oneself', () => ({ opener: kase.provider }), 'AUDIT_OWN'],
    ['no provider', () => ({ provider: actorOf(77) }), 'PROVIDER_UNKNOWN'],
    ['a key that is not registered', () => ({ signer: actorOf(77) }), 'RECEIPT_INVALID'],
    ['an old receipt', () => ({ atMs: kase.world.context().timeMs - 30_001 }), 'AUDIT_RECEIPT_AGE'],
    ['a receipt from the future', () => ({ atMs: 2_000_000_000_000 }), 'AUDIT_RECEIPT_AGE'],
    ['a small deposit', () => ({ deposit: 99n }), 'AUDIT_DEPOSIT_LOW'],
    ['weights that nobody judges', () => ({ digest: 'other' }), 'AUDIT_JURORS_FEW'],
  ] as [string, () => object, ErrorCode][])('with %s is refused', (_, terms, code) => {
    expect(kase.codeOf(kase.opening(terms()))).toBe(code);
  });

  it('needs the receipt of that provider, in its one spelling', () => {
    const body = kase.opening().body as TxBody<'audit_open'>;
    const send = (changes: Partial<typeof body>) =>
      kase.world.tx('audit_open', kase.opener, { ...body, ...changes });
    expect(kase.codeOf(send({ provider: actorAt(4).id }))).toBe('RECEIPT_INVALID');
    expect(kase.codeOf(send({ receipt: `${body.receipt}20` }))).toBe('RECEIPT_INVALID');
    expect(kase.codeOf(send({ receipt: '' }))).toBe('RECEIPT_INVALID');
  });

  it('is refused for a provider without a bond', () => {
    const gone = { authorizer: kase.provider.id, endpoint: '', bond: 0n, unbondDueMs: 0 };
    put('provider', kase.provider.id, gone);
    expect(kase.codeOf(kase.opening())).toBe('PROVIDER_UNKNOWN');
  });

  it('counts three jurors beside both parties', () => {
    const few = [0, 1, 2, 3].map((at) => ({ juror: actorAt(at).id }));
    put('jury', weights.id, { members: few });
    expect(kase.codeOf(kase.opening())).toBe('AUDIT_JURORS_FEW');
    put('jury', weights.id, { members: [...few, { juror: actorAt(4).id }] });
    expect(kase.codeOf(kase.opening())).toBeUndefined();
  });

  it('waits when the docket is full, which the next draw empties', () => {
    kase.send(kase.opening());
    const { waiting } = entryOf(kase.world.reader, 'docket', zeroHash) ?? { waiting: [] };
    const rows = Array.from({ length: 64 }, () => ({ auditId: zeroHash, drawHeight: 9_999 }));
    put('docket', zeroHash, { waiting: rows });
    const other = () => kase.opening({ recordHash: recordOf('01') });
    expect(kase.codeOf(other())).toBe('AUDIT_DOCKET_FULL');
    put('docket', zeroHash, { waiting });
    kase.passBlocks(2);
    expect(entryOf(kase.world.reader, 'docket', zeroHash)).toEqual({ waiting: [] });
    expect(kase.codeOf(other())).toBeUndefined();
  });

  it('cannot be kept away by an audit of the same job over another record', () => {
    kase.send(kase.opening({ recordHash: recordOf('01'), opener: actorAt(9) }));
    expect(kase.codeOf(kase.opening())).toBeUndefined();
    expect(kase.codeOf(kase.opening({ recordHash: recordOf('01') }))).toBe('AUDIT_EXISTS');
  });

  it('keeps a bond that is leaving until the audit can have ended, and no other', () => {
    kase.send(unbond(kase.provider));
    const dueMs = () => providerOf(kase.world.reader, kase.provider.id)?.unbondDueMs ?? 0;
    const before = dueMs();
    kase.send(kase.opening({ recordHash: recordOf('01') }));
    expect(dueMs()).toBe(before); // it leaves later than that anyway
    kase.world.advance(before - kase.world.context().timeMs - 1);
    kase.send(kase.opening());
    expect(dueMs()).toBe(kase.world.head().header.timeMs + 3 * voteMs);
    const withdraw = kase.world.tx('bond_withdraw', kase.opener, { provider: kase.provider.id });
    kase.world.advance(2);
    expect(kase.codeOf(withdraw)).toBe('PROVIDER_BOND_LOCKED');
  });
});

describe('a changed key', () => {
  it('does not help: receipts of the former one count as long as they can be audited', () => {
    const second = secondKeyOf(kase.provider);
    kase.send(register(kase.provider, second));
    expect(kase.codeOf(kase.opening())).toBeUndefined();
    expect(kase.codeOf(kase.opening({ signer: second }))).toBeUndefined();
    expect(kase.codeOf(register(kase.provider, actorOf(98)))).toBe('PROVIDER_KEY_FRESH');
    expect(kase.codeOf(register(kase.provider, second))).toBeUndefined();
    kase.send(register(kase.provider, kase.provider)); // back to the former one: no key is lost
    expect(kase.codeOf(kase.opening({ signer: second }))).toBeUndefined();
    kase.send(register(kase.provider, second));
    kase.world.advance(30_001);
    expect(kase.codeOf(kase.opening())).toBe('RECEIPT_INVALID');
    expect(kase.codeOf(register(kase.provider, actorOf(98)))).toBeUndefined();
  });
});

describe('a draw on chain', () => {
  it('seats three of the roster two blocks later, by the hash of the block between', () => {
    kase.send(kase.opening());
    kase.passBlocks(1);
    expect(kase.audit().phase).toBe('drawing');
    const { hash: seed } = kase.world.head();
    kase.passBlocks(1);
    const parties = [kase.provider.id, kase.opener.id];
    const candidates = kase.world.actors.slice(0, 14).map(({ id }) => id);
    const fit = candidates.filter((id) => !parties.includes(id));
    const draw = { seed, subject: kase.auditId, candidates: fit };
    const order = drawOrder(kase.world.network, draw);
    expect(kase.seats().map(({ juror }) => juror)).toEqual(order.slice(0, 3));
    expect(kase.audit()).toMatchObject({
      phase: 'commit',
      dueMs: kase.world.head().header.timeMs + voteMs,
    });
  });

  it('cannot be known in the block of the opening: what comes after decides', () => {
    const drawn = [1, 2, 3, 4, 5].map((waitMs) => {
      const other = createAuditCase();
      other.send(other.opening());
      other.world.advance(waitMs);
      other.passBlocks(2);
      return other
        .seats()
        .map(({ juror }) => juror)
        .join();
    });
    expect(new Set(drawn).size).toBe(drawn.length);
  });

  it('that finds too few ends the audit: the deposit goes back, and it may be opened again', () => {
    kase.send(kase.opening());
    kase.send(...kase.world.actors.slice(3, 14).map(leave));
    kase.send();
    expect(kase.audit()).toMatchObject({ phase: 'closed', outcome: 'undecided', seats: [] });
    expect(kase.gainOf(kase.opener.id)).toBe(0n);
    kase.send(...kase.world.actors.slice(3, 14).map(enroll));
    kase.send(kase.opening());
    expect(kase.audit().phase).toBe('drawing');
  });
});

describe('a vote', () => {
  const jurors = () => kase.seats().map(({ juror }) => juror) as [string, string, string];

  beforeEach(() => kase.openAndDraw());

  it('begins to be revealed when all have committed, and ends when all have revealed', () => {
    const [a, b, c] = jurors();
    expect(kase.codeOf(kase.reveal(a, 'cheat'))).toBe('AUDIT_PHASE_WRONG');
    kase.send(kase.commit(a, 'cheat'), kase.commit(b, 'honest'));
    expect(kase.audit().phase).toBe('commit');
    expect(kase.codeOf(kase.commit(a, 'honest'))).toBe('AUDIT_VOTED');
    kase.send(kase.commit(c, 'cheat'));
    expect(kase.audit().phase).toBe('reveal');
    expect(kase.codeOf(kase.commit(a, 'cheat'))).toBe('AUDIT_PHASE_WRONG');
    kase.send(kase.reveal(a, 'cheat'), kase.reveal(b, 'honest'));
    expect(kase.codeOf(kase.reveal(a, 'cheat'))).toBe('AUDIT_VOTED');
    expect(kase.audit().phase).toBe('reveal');
    kase.send(kase.reveal(c, 'cheat'));
    expect(kase.audit()).toMatchObject({ phase: 'decided', first: 'guilty', outcome: 'none' });
  });

  it('is the jurors’ alone', () => {
    const [a] = jurors();
    const { auditId, world } = kase;
    const body = { auditId, commitment: recordOf('01') };
    expect(kase.codeOf(world.tx('audit_commit', actorAt(15), body))).toBe('AUDIT_NOT_PARTY');
    const unknown = { ...body, auditId: recordOf('02') };
    expect(kase.codeOf(world.tx('audit_commit', kase.actorOf(a), unknown))).toBe('AUDIT_UNKNOWN');
  });

  it('must be committed to, and revealed as it was', () => {
    const [a, b, c] = jurors();
    const none = { auditId: kase.auditId, commitment: zeroHash };
    const empty = kase.world.tx('audit_commit', kase.actorOf(a), none);
    expect(kase.codeOf(empty)).toBe('AUDIT_COMMITMENT_WRONG');
    kase.send(kase.commit(a, 'cheat'), kase.commit(b, 'honest'), kase.commit(c, 'void'));
    expect(kase.codeOf(kase.reveal(a, 'honest'))).toBe('AUDIT_COMMITMENT_WRONG');
    const [salt, reportHash] = [recordOf('01'), recordOf('01')];
    expect(kase.codeOf(kase.reveal(a, 'cheat', { salt }))).toBe('AUDIT_COMMITMENT_WRONG');
    expect(kase.codeOf(kase.reveal(a, 'cheat', { reportHash }))).toBe('AUDIT_COMMITMENT_WRONG');
    for (const verdict of [0, 4]) {
      expect(kase.codeOf(kase.reveal(a, 'cheat', { verdict }))).toBe('AUDIT_VERDICT_UNKNOWN');
    }
  });

  it('cannot copy the commitment of another juror', () => {
    const [a, b, c] = jurors();
    const copied = kase.commit(a, 'cheat').body as { auditId: string; commitment: string };
    const copy = kase.world.tx('audit_commit', kase.actorOf(b), copied);
    kase.send(kase.commit(a, 'cheat'), copy, kase.commit(c, 'cheat'));
    kase.send(kase.reveal(a, 'cheat'));
    expect(kase.codeOf(kase.reveal(b, 'cheat', { salt: a }))).toBe('AUDIT_COMMITMENT_WRONG');
  });

  it('has dates: too late is too late, and anyone goes on from then', () => {
    const [a, b] = jurors();
    kase.send(kase.commit(a, 'cheat'), kase.commit(b, 'cheat'));
    expect(kase.codeOf(kase.close())).toBe('AUDIT_EARLY');
    kase.world.advance(voteMs);
    expect(kase.codeOf(kase.commit(jurors()[2], 'cheat'))).toBe('AUDIT_LATE');
    kase.send(kase.reveal(a, 'cheat')); // which begins the phase, closed or not
    expect(kase.audit().phase).toBe('reveal');
    kase.world.advance(voteMs);
    expect(kase.codeOf(kase.reveal(b, 'cheat'))).toBe('AUDIT_LATE');
    kase.send(kase.close());
    expect(kase.audit()).toMatchObject({ phase: 'decided', first: 'undecided' });
  });

  it('costs the silent their place on the roster', () => {
    const [, b, c] = jurors();
    kase.vote(['honest', 'mute', 'absent']);
    const { members = [] } = entryOf(kase.world.reader, 'jury', weights.id) ?? {};
    expect(members).toHaveLength(12);
    for (const juror of [b, c]) expect(members).not.toContainEqual({ juror });
  });
});

describe('an appeal', () => {
  beforeEach(() => kase.openAndDraw());

  it('is the loser’s, in time, with twice the deposit and five who have not judged yet', () => {
    expect(kase.codeOf(kase.appeal(kase.provider))).toBe('AUDIT_PHASE_WRONG');
    const stranger = kase.world.tx('audit_appeal', kase.opener, {
      ...{ auditId: zeroHash, deposit: 200n },
    });
    expect(kase.codeOf(stranger)).toBe('AUDIT_UNKNOWN');
    kase.vote(['cheat', 'cheat', 'honest']);
    expect(kase.codeOf(kase.appeal(kase.opener))).toBe('AUDIT_NOT_PARTY');
    expect(kase.codeOf(kase.appeal(kase.provider, 199n))).toBe('AUDIT_DEPOSIT_LOW');
    expect(kase.codeOf(kase.close())).toBe('AUDIT_EARLY');
    const before = kase.gainOf(kase.provider.id);
    const judged = kase.seats().map(({ juror }) => juror);
    kase.send(kase.appeal(kase.provider, 260n));
    expect(kase.gainOf(kase.provider.id)).toBe(before - 200n);
    expect(kase.codeOf(kase.close())).toBe('AUDIT_PHASE_WRONG');
    kase.passBlocks(2);
    expect(kase.seats()).toHaveLength(5);
    for (const { juror } of kase.seats()) expect(judged).not.toContain(juror);
  });

  it('is too late at its date', () => {
    kase.vote(['cheat', 'cheat', 'honest']);
    kase.world.advance(voteMs);
    expect(kase.codeOf(kase.appeal(kase.provider))).toBe('AUDIT_LATE');
  });

  it('needs five fresh jurors', () => {
    kase.vote(['honest', 'honest', 'honest']);
    const judged = kase.seats().map(({ juror }) => juror);
    const others = kase.world.actors.slice(2, 14).filter(({ id }) => !judged.includes(id));
    kase.send(...others.slice(4).map(leave));
    expect(kase.codeOf(kase.appeal(kase.opener))).toBe('AUDIT_JURORS_FEW');
  });

  it('whose jurors left before the draw changes nothing', () => {
    kase.vote(['cheat', 'cheat', 'cheat']);
    kase.send(kase.appeal(kase.provider));
    const judged = kase.seats().map(({ juror }) => juror);
    const others = kase.world.actors.slice(2, 14).filter(({ id }) => !judged.includes(id));
    kase.send(...others.map(leave));
    kase.send();
    expect(kase.audit()).toMatchObject({ phase: 'closed', outcome: 'guilty' });
    expect(kase.bondOf(kase.provider)).toBe(7_500n);
    expect(kase.gainOf(kase.provider.id)).toBe(0n);
  });
});

describe('old networks', () => {
  it('price no audits and have them nevertheless', () => {
    expect(auditWorldParams.fees).not.toHaveProperty('audit_open');
    for (const kind of Object.keys(auditKinds))
      expect(auditWorldParams.fees).not.toHaveProperty(kind);
    const cheap = kase.world.sign(kase.opener, { ...kase.opening(), fee: 999n });
    expect(kase.codeOf(cheap)).toBe('TX_FEE_TOO_LOW');
    expect(kase.codeOf(kase.world.sign(kase.opener, { ...kase.opening(), fee: 1_000n }))).toBe(
      undefined,
    );
  });
});
