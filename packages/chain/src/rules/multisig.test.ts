import {
  type ErrorCode,
  type Hex,
  limits,
  type MultisigOperation,
  multisigIdOf,
  multisigProposalIdOf,
  multisigSlotIdOf,
  type SignedTx,
  type TxBody,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { auditFunds } from '../audit.ts';
import { encodeEntry } from '../entries.ts';
import { simulateTx } from '../simulate.ts';
import { accountOf } from '../state.ts';
import { createRuleLedger, type RuleLedger } from '../testing/rule-ledger.ts';
import { type Actor, actorOf, allocationOf, balanceNait, genesisTimeMs } from '../testing/world.ts';

const [ada, ben, cem] = [actorOf(1), actorOf(2), actorOf(3)];
const nobody = actorOf(9);
const salt = '5a'.repeat(32);
const inOrder = (actors: readonly Actor[]) =>
  actors.map(({ id }) => ({ member: id })).sort((a, b) => (a.member < b.member ? -1 : 1));
const terms = { threshold: 2, members: inOrder([ada, ben, cem]), salt };
const funds = 5_000n;

let ledger: RuleLedger;
let shared: Hex;

beforeEach(() => {
  ledger = createRuleLedger();
  ledger.overlay.put('account', nobody.id, { balance: 1_000_000n, nonce: 0, vault: 0n });
  shared = multisigIdOf(ledger.world.network, ada.id, terms);
  ledger.done(create());
  ledger.done(ledger.world.tx('transfer', ada, { to: shared, amount: funds, memo: '' }));
});

const create = (changes: Partial<typeof terms> = {}) =>
  ledger.world.tx('multisig_create', ada, { ...terms, ...changes });
const pay = (amount: bigint, to = nobody.id): MultisigOperation => {
  return { kind: 'transfer', body: { to, amount, memo: '' } };
};
const wishOf = (...operations: MultisigOperation[]): TxBody<'multisig_propose'> => {
  return { multisig: shared, slot: 0, expiresAtMs: genesisTimeMs + 60_000, operations };
};
const propose = (wish: TxBody<'multisig_propose'>, by = ada) =>
  ledger.world.tx('multisig_propose', by, wish);
function nameOf(wish: TxBody<'multisig_propose'>, proposer = ada, number = 0) {
  const { multisig, slot } = wish;
  const id = multisigProposalIdOf(ledger.world.network, { ...wish, proposer: proposer.id, number });
  return { multisig, proposer: proposer.id, slot, proposalId: id };
}
type Name = ReturnType<typeof nameOf>;
const approve = (name: Name, by = ben) => ledger.world.tx('multisig_approve', by, name);
const cancel = (name: Name, by = ada) => ledger.world.tx('multisig_cancel', by, name);
const account = () => ledger.overlay.entry('multisig', shared);
const proposalIn = (place: { proposer: Hex; slot: number }) =>
  ledger.overlay.entry(
    'multisigProposal',
    multisigSlotIdOf(ledger.world.network, { multisig: shared, ...place }),
  );

function expectRefused(tx: SignedTx, code: ErrorCode, facts: object = {}): void {
  const before = ledger.overlay.writes();
  expect(ledger.run(tx)).toMatchObject({ ok: false, code, facts });
  expect(ledger.overlay.writes()).toStrictEqual(before);
}

/** Proposes; the name under which it is approved. */
function proposed(...operations: MultisigOperation[]): Name {
  const wish = wishOf(...operations);
  ledger.done(propose(wish));
  return nameOf(wish);
}

describe('a shared account', () => {
  it('acts when enough members agree, and pays no fee itself', () => {
    const name = proposed(pay(700n), pay(300n, ben.id));
    expect(accountOf(ledger.overlay, shared).balance).toBe(funds);
    ledger.done(approve(name));
    expect(accountOf(ledger.overlay, shared)).toStrictEqual({
      balance: funds - 1_000n,
      nonce: 0,
      vault: 0n,
    });
    expect(ledger.balanceOf(nobody)).toBe(1_000_700n);
    expect(ledger.balanceOf(ben)).toBe(balanceNait + 300n - 10_000n);
    expect(proposalIn(name)).toMatchObject({ state: 'done', operations: [] });
    expectRefused(approve(name, cem), 'MULTISIG_PROPOSAL_OVER', { reason: 'it is done' });
    expectRefused(cancel(name), 'MULTISIG_PROPOSAL_OVER', { reason: 'it is done' });
  });

  it('that one member decides on acts with the proposal', () => {
    const alone = { threshold: 1 };
    ledger.done(create(alone));
    const id = multisigIdOf(ledger.world.network, ada.id, { ...terms, ...alone });
    ledger.done(ledger.world.tx('transfer', ben, { to: id, amount: 9n, memo: '' }));
    ledger.done(propose({ ...wishOf(pay(9n)), multisig: id }, cem));
    expect(ledger.balanceOf(nobody)).toBe(1_000_009n);
  });

  it('can have a vault and channels of its own', () => {
    const allocation = { ...allocationOf(ada, ben, 400n) };
    const name = proposed(
      { kind: 'vault_deposit', body: { amount: 900n, allocations: [] } },
      { kind: 'channel_fund', body: allocation },
    );
    ledger.done(approve(name));
    expect(accountOf(ledger.overlay, shared)).toMatchObject({ balance: 4_100n, vault: 500n });
    const { problems, channels } = auditFunds(ledger.overlay.writes());
    expect(problems).toStrictEqual([]);
    expect(channels).toBe(400n);
  });

  it('shows in a simulation what the last approval would move', () => {
    const name = proposed(pay(700n));
    const context = { ...ledger.world.context(), timeMs: ledger.timeMs };
    const { verdict, effects } = simulateTx(ledger.overlay, context, approve(name));
    expect(verdict.ok).toBe(true);
    expect(effects).toContainEqual({
      account: shared,
      what: 'balance',
      id: shared,
      before: funds,
      after: funds - 700n,
    });
  });

  it('keeps a proposal open when it cannot be done yet, and says why', () => {
    const name = proposed(pay(funds), pay(1n));
    expectRefused(approve(name), 'TX_FUNDS_INSUFFICIENT', { available: funds, needed: 5_001n });
    const late = { ...wishOf({ kind: 'vault_withdraw', body: { amount: 5n } }), slot: 1 };
    ledger.done(propose(late));
    expectRefused(approve(nameOf(late)), 'TX_FUNDS_INSUFFICIENT', { operation: 0, needed: 5n });
    ledger.done(ledger.world.tx('transfer', cem, { to: shared, amount: 1n, memo: '' }));
    ledger.done(approve(name));
    expect(ledger.balanceOf(nobody)).toBe(1_005_001n);
  });

  it('takes other members by its own decision, which makes open proposals void', () => {
    const open = { ...wishOf(pay(5n)), slot: 3 };
    ledger.done(propose(open, cem));
    const members = inOrder([ada, ben]);
    const name = proposed({ kind: 'multisig_change', body: { threshold: 2, members } });
    ledger.done(approve(name));
    expect(account()).toStrictEqual({ threshold: 2, members, version: 1 });
    const old = nameOf(open, cem);
    const reason = 'the account has other members since';
    expectRefused(approve(old, ada), 'MULTISIG_PROPOSAL_OVER', { reason });
    expectRefused(propose(wishOf(pay(5n)), cem), 'MULTISIG_NOT_MEMBER');
    ledger.done(cancel(old, nobody));
    expect(proposalIn(old)).toMatchObject({ state: 'cancelled', operations: [] });
  });

  it('cannot be changed or moved by a transaction of anybody', () => {
    const { threshold, members } = terms;
    expectRefused(
      ledger.world.tx('multisig_change', nobody, { threshold, members }),
      'MULTISIG_UNKNOWN',
    );
  });

  it('is refused with members that cannot agree or cannot sign', () => {
    const invalid = (changes: Partial<typeof terms>) =>
      expectRefused(create(changes), 'MULTISIG_INVALID');
    invalid({ threshold: 0 });
    invalid({ threshold: 4 });
    invalid({ threshold: 1, members: inOrder([ada]) });
    invalid({ members: inOrder([ada, ben, ben]) });
    invalid({ members: inOrder([ada, ben, cem]).reverse() });
    const weak = [{ member: '00'.repeat(32) }, ...inOrder([ada])];
    expectRefused(create({ members: weak }), 'KEY_INVALID', { what: 'member' });
    expectRefused(create(), 'MULTISIG_EXISTS');
    const own = [...terms.members, { member: shared }].sort((a, b) =>
      a.member < b.member ? -1 : 1,
    );
    const selfish: MultisigOperation = {
      kind: 'multisig_change',
      body: { threshold: 2, members: own },
    };
    expectRefused(propose(wishOf(selfish)), 'MULTISIG_INVALID', { operation: 0 });
  });
});

describe('a proposal', () => {
  it('is refused when it makes no sense', () => {
    expectRefused(propose(wishOf()), 'BATCH_EMPTY');
    expectRefused(propose(wishOf(pay(1n), pay(0n))), 'TX_AMOUNT_ZERO', { operation: 1 });
    expectRefused(propose(wishOf(pay(1n, shared))), 'TX_SELF', { operation: 0 });
    expectRefused(propose(wishOf(pay(2n ** 64n - 1n), pay(1n))), 'TX_AMOUNT_OVERFLOW');
    expectRefused(propose({ ...wishOf(pay(1n)), slot: limits.multisigSlots }), 'MULTISIG_INVALID');
    const from = ledger.timeMs;
    for (const expiresAtMs of [from, from + limits.multisigSpanMsMax + 1]) {
      expectRefused(propose({ ...wishOf(pay(1n)), expiresAtMs }), 'MULTISIG_INVALID');
    }
    expectRefused(propose(wishOf(pay(1n)), nobody), 'MULTISIG_NOT_MEMBER');
    expectRefused(propose({ ...wishOf(pay(1n)), multisig: ben.id }), 'MULTISIG_UNKNOWN');
    const cheap = ledger.run(propose(wishOf(pay(1n), pay(2n))), { fee: 1_399n });
    expect(cheap).toMatchObject({ code: 'TX_FEE_TOO_LOW', facts: { expected: 1_400n } });
  });

  it('is approved by its exact content, by members, once each', () => {
    const name = proposed(pay(5n));
    expectRefused(approve(name, ada), 'MULTISIG_APPROVED');
    expectRefused(approve(name, nobody), 'MULTISIG_NOT_MEMBER');
    const other = nameOf(wishOf(pay(6n)));
    expectRefused(approve(other), 'MULTISIG_PROPOSAL_UNKNOWN');
    expectRefused(approve({ ...name, slot: 2 }), 'MULTISIG_PROPOSAL_UNKNOWN');
    expectRefused(approve({ ...name, proposer: cem.id }), 'MULTISIG_PROPOSAL_UNKNOWN');
    expectRefused(approve({ ...name, multisig: ben.id }), 'MULTISIG_UNKNOWN');
  });

  it('holds its slot while it is open, and no other', () => {
    proposed(pay(5n));
    const dueAt = genesisTimeMs + 60_000;
    expectRefused(propose(wishOf(pay(6n))), 'MULTISIG_SLOT_TAKEN', { slot: 0, dueAt });
    ledger.done(propose({ ...wishOf(pay(6n)), slot: 1 }));
    ledger.done(propose(wishOf(pay(6n)), ben));
  });

  it('ends at its date: then anyone clears it, or the next one takes its place under another name', () => {
    const wish = wishOf(pay(5n));
    const name = proposed(pay(5n));
    ledger.timeMs = wish.expiresAtMs - 1;
    expectRefused(cancel(name, nobody), 'MULTISIG_NOT_MEMBER');
    ledger.timeMs = wish.expiresAtMs;
    expectRefused(approve(name), 'MULTISIG_PROPOSAL_OVER', {
      reason: 'its time ended at 1800000060000',
    });
    const before = ledger.overlay.writes();
    ledger.done(cancel(name, nobody));
    expect(proposalIn(name)?.state).toBe('cancelled');
    for (const [key, value] of before) ledger.overlay.set(key, value);
    const again = { ...wish, expiresAtMs: wish.expiresAtMs + 60_000 };
    ledger.done(propose(again));
    expectRefused(approve(name), 'MULTISIG_PROPOSAL_UNKNOWN');
    ledger.done(approve(nameOf(again, ada, 1)));
    expect(ledger.balanceOf(nobody)).toBe(1_000_005n);
  });

  it('is taken back by its proposer, an approval by who gave it', () => {
    const three = { threshold: 3 };
    ledger.done(create(three));
    const multisig = multisigIdOf(ledger.world.network, ada.id, { ...terms, ...three });
    const wish = { ...wishOf(pay(5n)), multisig };
    const name = nameOf(wish);
    ledger.done(propose(wish));
    expectRefused(cancel(name, ben), 'MULTISIG_NOT_APPROVED');
    expectRefused(cancel(name, nobody), 'MULTISIG_NOT_MEMBER');
    ledger.done(approve(name, ben));
    ledger.done(cancel(name, ben));
    const slotId = multisigSlotIdOf(ledger.world.network, name);
    const entry = () => ledger.overlay.entry('multisigProposal', slotId);
    expect(entry()).toMatchObject({ state: 'open', approvals: [{ member: ada.id }] });
    ledger.done(approve(name, ben));
    ledger.done(cancel(name, ada));
    expect(entry()).toMatchObject({ state: 'cancelled' });
    expectRefused(approve(name, cem), 'MULTISIG_PROPOSAL_OVER', { reason: 'it is cancelled' });
  });
});

/** What somebody tries: by whom, and which of these acts. */
const tries = fc.array(
  fc.record({
    by: fc.constantFrom(ada, ben, cem, nobody),
    act: fc.constantFrom('propose', 'approve', 'cancel', 'create', 'change', 'wait'),
    slot: fc.nat({ max: 3 }),
    amount: fc.bigInt({ min: 1n, max: 6_000n }),
  }),
  { minLength: 1, maxLength: 40, size: 'max' },
);

describe('whatever is tried', () => {
  it('moves no coin of the account while only one of two members agrees, and makes none', () => {
    fc.assert(
      fc.property(tries, fc.constantFrom(ada, ben, cem), (steps, traitor) => {
        const fresh = createRuleLedger();
        ledger = fresh;
        fresh.overlay.put('account', nobody.id, { balance: 1_000_000n, nonce: 0, vault: 0n });
        fresh.done(create());
        fresh.done(fresh.world.tx('transfer', ben, { to: shared, amount: funds, memo: '' }));
        const supplyOf = () => auditFunds(entriesIn(fresh)).supply;
        const supply = supplyOf();
        let fees = 0n;
        for (const { by, act, slot, amount } of steps) {
          if (act === 'wait') fresh.timeMs += 20_000;
          const from = by === nobody ? nobody : traitor; // the other members never act
          const tx = tryOf(act, { from, slot, amount, proposer: traitor });
          if (tx && fresh.run(tx).ok) fees += tx.fee;
          expect(accountOf(fresh.overlay, shared)).toMatchObject({ balance: funds, vault: 0n });
          expect(supplyOf() + fees).toBe(supply);
        }
        expect(auditFunds(fresh.overlay.writes()).problems).toStrictEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves each member its slots, however many others fill', () => {
    for (const slot of [0, 1, 2, 3]) ledger.done(propose({ ...wishOf(pay(1n)), slot }, cem));
    expectRefused(propose(wishOf(pay(1n)), cem), 'MULTISIG_SLOT_TAKEN');
    ledger.done(propose(wishOf(pay(1n)), ada));
  });
});

function entriesIn({ world, overlay }: RuleLedger) {
  return new Map([...world.state, ...overlay.writes()]);
}

type Try = { from: Actor; slot: number; amount: bigint; proposer: Actor };

function tryOf(act: string, { from, slot, amount, proposer }: Try): SignedTx | undefined {
  const { network } = ledger.world;
  const wish = { ...wishOf(pay(amount)), slot, expiresAtMs: ledger.timeMs + 50_000 };
  const slotId = multisigSlotIdOf(network, { multisig: shared, proposer: proposer.id, slot });
  const { proposalId = '00'.repeat(32) } = ledger.overlay.entry('multisigProposal', slotId) ?? {};
  const name = { multisig: shared, proposer: proposer.id, slot, proposalId };
  if (act === 'propose') return propose(wish, from);
  if (act === 'approve') return approve(name, from);
  if (act === 'cancel') return cancel(name, from);
  if (act === 'create') return create({ threshold: 1 });
  const { threshold, members } = terms;
  return act === 'change'
    ? ledger.world.tx('multisig_change', from, { threshold, members })
    : undefined;
}

describe('the audit of the state', () => {
  it('reports shared accounts and proposals that no rule could have written', () => {
    const name = proposed(pay(5n));
    const proposal = proposalIn(name);
    const sharing = account();
    if (!proposal || !sharing) throw new RangeError('nothing to break');
    const problemsWith = (key: string, value: Uint8Array) =>
      auditFunds(new Map([[key, value]])).problems;
    const brokenSharing = (changes: object) =>
      problemsWith(`h${shared}`, encodeEntry('multisig', { ...sharing, ...changes }));
    expect(brokenSharing({})).toStrictEqual([]);
    expect(brokenSharing({ threshold: 4 })[0]).toMatch('4 of 3 members cannot agree');
    const broken = (changes: object) =>
      problemsWith(`i${shared}`, encodeEntry('multisigProposal', { ...proposal, ...changes }));
    expect(broken({})).toStrictEqual([]);
    expect(broken({ operations: [] })[0]).toMatch('it is open and has 0 operations');
    expect(broken({ state: 'done' })[0]).toMatch('it is done and has 1 operations');
    const twice = [...proposal.approvals, ...proposal.approvals];
    expect(broken({ approvals: twice })[0]).toMatch('approved it twice');
  });
});
