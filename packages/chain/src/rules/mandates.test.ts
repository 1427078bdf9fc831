import { type ErrorCode, mandateIdOf, type SignedTx, type TxBody } from '@aitbc/protocol';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyTx } from '../apply.ts';
import { channelOf } from '../state.ts';
import {
  createRuleLedger,
  payer,
  type RuleLedger,
  receiver,
  stranger,
} from '../testing/rule-ledger.ts';
import { actorOf, allocationOf, balanceNait, channelOfAllocation } from '../testing/world.ts';

/** The payer is the owner; the stranger holds the sub-key. */
const owner = payer;
const thief = stranger;

let ledger: RuleLedger;

beforeEach(() => {
  ledger = createRuleLedger();
  ledger.done(ledger.world.tx('vault_deposit', owner, { amount: 1_000_000n, allocations: [] }));
});

const terms: TxBody<'mandate_grant'> = {
  subKey: thief.id,
  channelMaxNait: 100n,
  windowMaxNait: 250n,
  windowMs: 1_000,
  totalMaxNait: 600n,
  jobMaxNait: 0n,
  receivers: [],
  models: [],
  allows: 3,
  expiresAtHeight: 1_000,
};

const grant = (changes: Partial<typeof terms> = {}) =>
  ledger.world.tx('mandate_grant', owner, { ...terms, ...changes });
const revoke = (subKey = thief.id) => ledger.world.tx('mandate_revoke', owner, { subKey });
const move = (amount: bigint, to = receiver.id) =>
  ledger.world.tx('mandate_transfer', thief, { owner: owner.id, to, amount });
const allocation = (amount: bigint) => {
  return { ...allocationOf(owner, receiver, amount), payerAuthorizer: thief.id };
};
const fund = (amount: bigint, changes: object = {}) =>
  ledger.world.tx('mandate_fund', thief, { owner: owner.id, ...allocation(amount), ...changes });
const mandate = () =>
  ledger.overlay.entry('mandate', mandateIdOf(ledger.world.network, owner.id, thief.id));

function expectRefused(tx: SignedTx, code: ErrorCode, facts: object = {}) {
  const before = ledger.overlay.writes();
  expect(ledger.run(tx)).toMatchObject({ ok: false, code, facts });
  expect(ledger.overlay.writes()).toStrictEqual(before);
}

describe('a mandate', () => {
  it('lets the sub-key fund channels and pay from the vault of the owner', () => {
    ledger.done(grant());
    ledger.done(fund(100n));
    ledger.done(move(60n));
    expect(ledger.vaultOf(owner)).toBe(1_000_000n - 160n);
    expect(ledger.balanceOf(receiver)).toBe(balanceNait + 60n);
    const channelId = channelOfAllocation(ledger.world.network, owner, allocation(0n));
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({
      payer: owner.id,
      payerAuthorizer: thief.id,
      balance: 100n,
    });
    expect(mandate()).toMatchObject({ spentNait: 160n, windowSpentNait: 160n, revoked: false });
  });

  it('limits what goes at a time, in a window and in all', () => {
    ledger.done(grant());
    expectRefused(move(101n), 'MANDATE_EXCEEDED', { scope: 'single', available: 100n });
    ledger.done(move(100n));
    ledger.done(fund(100n));
    expectRefused(fund(51n), 'MANDATE_EXCEEDED', { scope: 'window', available: 50n, needed: 51n });
    ledger.timeMs += 999;
    expectRefused(move(51n), 'MANDATE_EXCEEDED', { scope: 'window' });
    ledger.timeMs += 1;
    for (const amount of [100n, 100n, 50n]) ledger.done(move(amount));
    ledger.timeMs += 1_000;
    ledger.done(move(100n));
    expectRefused(move(51n), 'MANDATE_EXCEEDED', { scope: 'total', available: 50n });
    ledger.done(move(50n));
    expectRefused(move(1n), 'MANDATE_EXCEEDED', { scope: 'total', available: 0n });
  });

  it('counts on when it is granted again', () => {
    ledger.done(grant());
    ledger.done(move(100n));
    ledger.done(grant());
    ledger.done(grant({ totalMaxNait: 120n }));
    expectRefused(move(21n), 'MANDATE_EXCEEDED', { scope: 'total', available: 20n });
    ledger.done(grant({ totalMaxNait: 50n }));
    expectRefused(move(1n), 'MANDATE_EXCEEDED', { scope: 'total', available: 0n });
    ledger.done(revoke());
    ledger.done(grant());
    ledger.done(move(1n));
    expect(mandate()?.spentNait).toBe(101n);
  });

  it('keeps what providers enforce, and replaces it by the next grant', () => {
    const models = [{ model: 'qwen3:8b' }, { model: 'qwen3:8b-q4' }];
    ledger.done(grant({ jobMaxNait: 5n, models }));
    expect(mandate()).toMatchObject({ jobMaxNait: 5n, models });
    ledger.done(fund(100n));
    ledger.done(grant());
    expect(mandate()).toMatchObject({ jobMaxNait: 0n, models: [], spentNait: 100n });
  });

  it('ends by its height, by a revocation, and is none before it was given', () => {
    expectRefused(move(1n), 'MANDATE_UNKNOWN');
    expectRefused(revoke(), 'MANDATE_UNKNOWN');
    ledger.done(grant({ expiresAtHeight: 1 }));
    ledger.done(move(1n));
    const late = { ...ledger.world.context(), height: 2 };
    const next = { ...move(1n), nonce: 1 } as SignedTx;
    expect(applyTx(ledger.overlay, late, next)).toMatchObject({
      code: 'MANDATE_EXPIRED',
      facts: { expiresAtHeight: 1, height: 2 },
    });
    ledger.done(revoke());
    expectRefused(revoke(), 'MANDATE_REVOKED');
    expectRefused(fund(1n), 'MANDATE_REVOKED');
    ledger.done(grant());
    ledger.done(fund(1n));
  });

  it('names what it allows and to whom', () => {
    ledger.done(grant({ allows: 1, receivers: [{ receiver: receiver.id }] }));
    expectRefused(move(1n), 'MANDATE_FORBIDDEN');
    expectRefused(fund(1n, { receiver: actorOf(9).id }), 'MANDATE_FORBIDDEN');
    expectRefused(fund(1n, { payerAuthorizer: owner.id }), 'MANDATE_FORBIDDEN');
    ledger.done(fund(1n));
    ledger.done(grant({ allows: 2, receivers: [{ receiver: receiver.id }] }));
    expectRefused(fund(1n), 'MANDATE_FORBIDDEN');
    expectRefused(move(1n, thief.id), 'MANDATE_FORBIDDEN');
    ledger.done(move(1n));
  });

  it('is refused when it makes no sense', () => {
    expectRefused(grant({ subKey: owner.id }), 'MANDATE_INVALID');
    expectRefused(grant({ windowMs: 0 }), 'MANDATE_INVALID');
    expectRefused(grant({ allows: 0 }), 'MANDATE_INVALID');
    expectRefused(grant({ allows: 4 }), 'MANDATE_INVALID');
    expectRefused(grant({ models: [{ model: 'a' }, { model: '' }] }), 'MANDATE_INVALID');
    expectRefused(grant({ subKey: `01${'00'.repeat(31)}` }), 'KEY_INVALID');
    ledger.done(grant());
    expectRefused(move(0n), 'TX_AMOUNT_ZERO');
    expectRefused(move(1n, owner.id), 'TX_SELF');
    expectRefused(fund(0n), 'TX_AMOUNT_ZERO');
  });

  it('reaches the vault alone, and never a channel that the owner is closing', () => {
    ledger.done(
      grant({ channelMaxNait: 2n ** 63n, windowMaxNait: 2n ** 63n, totalMaxNait: 2n ** 63n }),
    );
    expectRefused(move(1_000_001n), 'TX_FUNDS_INSUFFICIENT');
    expectRefused(fund(1_000_001n), 'TX_FUNDS_INSUFFICIENT');
    ledger.done(fund(10n));
    const channelId = channelOfAllocation(ledger.world.network, owner, allocation(0n));
    ledger.done(ledger.init(channelId, 10n));
    expectRefused(fund(1n), 'CHANNEL_WITHDRAW_PENDING');
    ledger.timeMs += 5_000;
    ledger.done(ledger.finalize(channelId));
    expectRefused(fund(1n), 'CHANNEL_CLOSED');
  });

  it('counts no further than 2^64-1', () => {
    ledger.done(grant());
    const id = mandateIdOf(ledger.world.network, owner.id, thief.id);
    const full = { ...terms, owner: owner.id, revoked: false, windowStartMs: 0 };
    const totalMaxNait = 2n ** 64n - 1n;
    const sums = { totalMaxNait, spentNait: totalMaxNait, windowSpentNait: 0n };
    ledger.overlay.put('mandate', id, { ...full, ...sums });
    expectRefused(move(1n), 'MANDATE_EXCEEDED', { scope: 'total' });
  });
});

describe('a stolen sub-key', () => {
  const tries = fc.array(
    fc.record({
      waitMs: fc.oneof(fc.nat({ max: 400 }), fc.nat({ max: 2_500 })),
      amount: fc.bigInt({ min: 1n, max: 130n }),
      funds: fc.boolean(),
      regrant: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
    }),
    { minLength: 1, maxLength: 60, size: 'max' },
  );

  it('costs at most its total, and a window for each that its time can meet', () => {
    fc.assert(
      fc.property(tries, fc.bigInt({ min: 0n, max: 900n }), (steps, totalMaxNait) => {
        ledger = createRuleLedger();
        const { world } = ledger;
        ledger.done(world.tx('vault_deposit', owner, { amount: 10_000n, allocations: [] }));
        ledger.done(grant({ totalMaxNait }));
        const startMs = ledger.timeMs + (steps[0]?.waitMs ?? 0);
        for (const { waitMs, amount, funds, regrant } of steps) {
          ledger.timeMs += waitMs;
          if (regrant) ledger.done(grant({ totalMaxNait }));
          ledger.run(funds ? fund(amount) : move(amount));
          const lost = 10_000n - ledger.vaultOf(owner);
          const windows = BigInt(Math.floor((ledger.timeMs - startMs) / terms.windowMs) + 1);
          expect(lost).toBeLessThanOrEqual(totalMaxNait);
          expect(lost).toBeLessThanOrEqual(terms.windowMaxNait * windows);
        }
        const fees = 10_000n * (1n + BigInt(steps.filter(({ regrant }) => regrant).length));
        expect(ledger.balanceOf(owner)).toBe(balanceNait - 10_000n - 10_000n - fees);
      }),
      { numRuns: 100 },
    );
  });

  it('used before the theft costs one window more at most', () => {
    fc.assert(
      fc.property(tries, tries, (before, after) => {
        ledger = createRuleLedger();
        const { world } = ledger;
        ledger.done(world.tx('vault_deposit', owner, { amount: 100_000n, allocations: [] }));
        ledger.done(grant({ totalMaxNait: 50_000n }));
        const spend = ({ waitMs, amount }: { waitMs: number; amount: bigint }) => {
          ledger.timeMs += waitMs;
          ledger.run(move(amount));
        };
        before.forEach(spend);
        const [heldNait, stolenAtMs] = [ledger.vaultOf(owner), ledger.timeMs];
        for (const step of after) {
          spend(step);
          const spanMs = ledger.timeMs - stolenAtMs;
          const windows = BigInt(Math.floor(spanMs / terms.windowMs) + 2);
          const lost = heldNait - ledger.vaultOf(owner);
          expect(lost).toBeLessThanOrEqual(terms.windowMaxNait * windows);
        }
      }),
      { numRuns: 100 },
    );
  });
});
