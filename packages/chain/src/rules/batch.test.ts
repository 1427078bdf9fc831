import type { Operation, SignedTx } from '@aitbc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { accountOf } from '../state.ts';
import {
  createRuleLedger,
  payer,
  type RuleLedger,
  receiver,
  stranger,
} from '../testing/rule-ledger.ts';
import { allocationOf, balanceNait } from '../testing/world.ts';

const flatFee = 10_000n;
const operationFee = 200n;

let ledger: RuleLedger;

beforeEach(() => {
  ledger = createRuleLedger();
});

const pay = (amount: bigint, to = receiver.id): Operation => {
  return { kind: 'transfer', body: { to, amount, memo: '' } };
};
const batch = (...operations: Operation[]): SignedTx =>
  ledger.world.tx('batch', payer, { operations });

describe('a batch', () => {
  it('does all its operations under one nonce and one fee', () => {
    const allocation = allocationOf(payer, stranger, 40n);
    ledger.done(
      batch(
        pay(5n),
        pay(6n, stranger.id),
        { kind: 'vault_deposit', body: { amount: 50n, allocations: [] } },
        { kind: 'channel_fund', body: allocation },
        { kind: 'agent_register', body: { name: 'a', endpoint: '', cardHash: 'ab'.repeat(32) } },
      ),
    );
    expect(accountOf(ledger.overlay, payer.id)).toStrictEqual({
      balance: balanceNait - 61n - flatFee - 5n * operationFee,
      nonce: 1,
      vault: 10n,
    });
    expect([ledger.balanceOf(receiver), ledger.balanceOf(stranger)]).toStrictEqual([
      balanceNait + 5n,
      balanceNait + 6n,
    ]);
  });

  it('does nothing when one operation is refused, and says which', () => {
    const before = ledger.overlay.writes();
    const late = batch(pay(5n), { kind: 'vault_withdraw', body: { amount: 9n } });
    expect(ledger.run(late)).toMatchObject({
      code: 'TX_FUNDS_INSUFFICIENT',
      facts: { operation: 1, needed: 9n },
    });
    const malformed = batch(pay(5n), pay(5n), pay(0n));
    expect(ledger.run(malformed)).toMatchObject({
      code: 'TX_AMOUNT_ZERO',
      facts: { operation: 2 },
    });
    expect(ledger.overlay.writes()).toStrictEqual(before);
  });

  it('needs its whole sum before it begins', () => {
    ledger.done(ledger.world.tx('vault_deposit', payer, { amount: 100n, allocations: [] }));
    const { balance } = accountOf(ledger.overlay, payer.id);
    const fee = flatFee + 2n * operationFee;
    const back: Operation = { kind: 'vault_withdraw', body: { amount: 100n } };
    expect(ledger.run(batch(back, pay(balance - fee + 1n)))).toMatchObject({
      code: 'TX_FUNDS_INSUFFICIENT',
    });
    expect(ledger.run(batch(back, pay(balance - fee)))).toMatchObject({ ok: true });
    expect(ledger.balanceOf(payer)).toBe(100n);
  });

  it('is refused when empty, when its sum does not fit, and below the fee of its operations', () => {
    expect(ledger.run(batch())).toMatchObject({ code: 'BATCH_EMPTY' });
    const most = 2n ** 64n - 1n;
    expect(ledger.run(batch(pay(most), pay(1n)))).toMatchObject({ code: 'TX_AMOUNT_OVERFLOW' });
    const fee = flatFee + 2n * operationFee - 1n;
    expect(ledger.run(batch(pay(1n), pay(1n)), { fee })).toMatchObject({ code: 'TX_FEE_TOO_LOW' });
  });
});
