import { type ErrorCode, type SignedTx, zeroHash } from '@aitbc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyTx } from '../apply.ts';
import { accountOf, agentOf, channelOf, createOverlay, providerOf } from '../state.ts';
import {
  createRuleLedger,
  payer,
  type RuleLedger,
  receiver,
  stranger,
} from '../testing/rule-ledger.ts';
import { actorOf, allocationOf, balanceNait, channelOfAllocation } from '../testing/world.ts';

const fee = 10_000n;
const lowOrderKey = `01${'00'.repeat(31)}`;

let ledger: RuleLedger;

beforeEach(() => {
  ledger = createRuleLedger();
});

/** Expects a refusal that left no trace. */
function expectRefused(tx: SignedTx, code: ErrorCode, changes: object = {}): void {
  const before = ledger.overlay.writes();
  expect(ledger.run(tx, changes)).toMatchObject({ ok: false, code });
  expect(ledger.overlay.writes()).toStrictEqual(before);
}

const pay = (amount: bigint) =>
  ledger.world.tx('transfer', payer, { to: receiver.id, amount, memo: '' });

describe('every transaction', () => {
  it('costs its fee and moves the nonce; the receipt says what it did', () => {
    const tx = pay(5n);
    expect(ledger.done(tx)).toStrictEqual({
      txId: tx.txId,
      height: 1,
      index: 0,
      kind: 'transfer',
      from: payer.id,
      fee,
    });
    expect(accountOf(ledger.overlay, payer.id)).toStrictEqual({
      balance: balanceNait - 5n - fee,
      nonce: 1,
      vault: 0n,
    });
  });

  it('is refused with a nonce that was used or is ahead', () => {
    ledger.done(pay(5n));
    expectRefused(pay(5n), 'TX_NONCE_TOO_LOW', { nonce: 0 });
    expectRefused(pay(5n), 'TX_NONCE_TOO_HIGH', { nonce: 2 });
  });

  it('is refused after its last height, for another chain and below its fee', () => {
    const last = { ...pay(5n), validUntil: 7 } as SignedTx;
    const at = (height: number) =>
      applyTx(ledger.overlay, { ...ledger.world.context(), height }, last);
    expect(at(8)).toMatchObject({ code: 'TX_EXPIRED', facts: { validUntil: 7, height: 8 } });
    expect(ledger.overlay.writes().size).toBe(0);
    expect(at(7).ok).toBe(true);
    ledger.overlay = createOverlay(ledger.world.reader);
    expectRefused(pay(5n), 'TX_WRONG_CHAIN', { chain: ledger.world.network.chain ^ 1 });
    expectRefused(pay(5n), 'TX_FEE_TOO_LOW', { fee: fee - 1n });
  });

  it('is refused when the balance does not cover amount and fee, or their sum does not fit', () => {
    expectRefused(pay(balanceNait - fee + 1n), 'TX_FUNDS_INSUFFICIENT');
    expectRefused(pay(2n ** 64n - 1n), 'TX_AMOUNT_OVERFLOW');
    ledger.done(pay(balanceNait - fee));
    expect(ledger.balanceOf(payer)).toBe(0n);
  });
});

describe('transfer', () => {
  it('moves the amount, also to an account that never was', () => {
    const fresh = actorOf(99);
    ledger.done(ledger.world.tx('transfer', payer, { to: fresh.id, amount: 12n, memo: 'ff' }));
    expect(accountOf(ledger.overlay, fresh.id)).toStrictEqual({
      balance: 12n,
      nonce: 0,
      vault: 0n,
    });
  });

  it('is refused to oneself, with nothing, and past 2^64-1', () => {
    const self = ledger.world.tx('transfer', payer, { to: payer.id, amount: 1n, memo: '' });
    expectRefused(self, 'TX_SELF');
    expectRefused(pay(0n), 'TX_AMOUNT_ZERO');
    ledger.overlay.put('account', receiver.id, { balance: 2n ** 64n - 1n, nonce: 0, vault: 0n });
    expectRefused(pay(1n), 'TX_AMOUNT_OVERFLOW');
  });
});

describe('the vault', () => {
  it('takes from the balance and gives back', () => {
    ledger.done(ledger.world.tx('vault_deposit', payer, { amount: 100n, allocations: [] }));
    expect([ledger.balanceOf(payer), ledger.vaultOf(payer)]).toStrictEqual([
      balanceNait - 100n - fee,
      100n,
    ]);
    ledger.done(ledger.world.tx('vault_withdraw', payer, { amount: 40n }));
    expect([ledger.balanceOf(payer), ledger.vaultOf(payer)]).toStrictEqual([
      balanceNait - 60n - 2n * fee,
      60n,
    ]);
  });

  it('refuses nothing, and more than it holds', () => {
    const none = ledger.world.tx('vault_deposit', payer, { amount: 0n, allocations: [] });
    expectRefused(none, 'TX_AMOUNT_ZERO');
    expectRefused(ledger.world.tx('vault_withdraw', payer, { amount: 0n }), 'TX_AMOUNT_ZERO');
    expectRefused(
      ledger.world.tx('vault_withdraw', payer, { amount: 1n }),
      'TX_FUNDS_INSUFFICIENT',
    );
  });

  it('funds channels from what came in and what was there, or none of them', () => {
    ledger.done(ledger.world.tx('vault_deposit', payer, { amount: 50n, allocations: [] }));
    const first = allocationOf(payer, receiver, 60n);
    const second = { ...first, salt: '11'.repeat(32), amount: 30n };
    const deposit = (amount: bigint) =>
      ledger.world.tx('vault_deposit', payer, { amount, allocations: [first, second] });
    expectRefused(deposit(39n), 'TX_FUNDS_INSUFFICIENT');
    ledger.done(deposit(40n));
    expect(ledger.vaultOf(payer)).toBe(0n);
    const id = channelOfAllocation(ledger.world.network, payer, second);
    expect(channelOf(ledger.overlay, id)?.balance).toBe(30n);
    expectRefused(deposit(0n), 'TX_FUNDS_INSUFFICIENT');
  });
});

const bondMin = 100_000_000_000n;
const agent = () => {
  const body = { name: 'gpu', endpoint: 'https://a.example', cardHash: zeroHash };
  return ledger.world.tx('agent_register', payer, body);
};
const provider = (bond: bigint, authorizer = payer.id) => {
  const body = { authorizer, endpoint: 'https://p.example', bond };
  return ledger.world.tx('provider_register', payer, body);
};
const unbond = () => ledger.world.tx('provider_unbond', payer, {});
const withdrawBond = () => ledger.world.tx('bond_withdraw', stranger, { provider: payer.id });

describe('agents and providers', () => {
  it('an agent registers and changes its card', () => {
    ledger.done(agent());
    expect(agentOf(ledger.overlay, payer.id)?.name).toBe('gpu');
    const body = { name: 'new', endpoint: '', cardHash: 'cd'.repeat(32) };
    ledger.done(ledger.world.tx('agent_register', payer, body));
    expect(agentOf(ledger.overlay, payer.id)).toStrictEqual(body);
  });

  it('a provider is an agent with enough bond, and may add to it', () => {
    expectRefused(provider(bondMin), 'AGENT_UNKNOWN');
    ledger.done(agent());
    expectRefused(provider(bondMin - 1n), 'PROVIDER_BOND_LOW');
    expectRefused(provider(bondMin, lowOrderKey), 'KEY_INVALID');
    expectRefused(provider(balanceNait), 'TX_FUNDS_INSUFFICIENT');
    ledger.done(provider(bondMin));
    ledger.done(provider(0n, receiver.id));
    ledger.done(provider(5n));
    expect(providerOf(ledger.overlay, payer.id)).toMatchObject({
      bond: bondMin + 5n,
      unbondDueMs: 0,
    });
    expect(ledger.balanceOf(payer)).toBe(balanceNait - bondMin - 5n - 4n * fee);
  });

  it('a bond comes back after the unbonding time, sent by anyone, once', () => {
    expectRefused(unbond(), 'PROVIDER_UNKNOWN');
    expectRefused(withdrawBond(), 'PROVIDER_UNKNOWN');
    ledger.done(agent());
    ledger.done(provider(bondMin));
    expectRefused(withdrawBond(), 'PROVIDER_BOND_LOCKED');
    ledger.done(unbond());
    expectRefused(unbond(), 'PROVIDER_UNBONDING');
    expectRefused(provider(1n), 'PROVIDER_UNBONDING');
    ledger.timeMs += ledger.world.params.unbondingMs - 1;
    expectRefused(withdrawBond(), 'PROVIDER_BOND_LOCKED');
    ledger.timeMs += 1;
    ledger.done(withdrawBond());
    expect(ledger.balanceOf(payer)).toBe(balanceNait - 3n * fee);
    expect(providerOf(ledger.overlay, payer.id)).toMatchObject({ bond: 0n, unbondDueMs: 0 });
    expectRefused(withdrawBond(), 'PROVIDER_BOND_LOCKED');
    expectRefused(unbond(), 'PROVIDER_UNKNOWN');
    expectRefused(provider(1n), 'PROVIDER_BOND_LOW');
    ledger.done(provider(bondMin));
  });

  it('no sum passes 2^64-1', () => {
    ledger.done(agent());
    const huge = { authorizer: payer.id, endpoint: '', bond: 2n ** 64n - 1n };
    ledger.overlay.put('provider', payer.id, { ...huge, unbondDueMs: 0 });
    expectRefused(provider(1n), 'TX_AMOUNT_OVERFLOW');
    ledger.overlay.put('provider', payer.id, { ...huge, unbondDueMs: 1 });
    expectRefused(withdrawBond(), 'TX_AMOUNT_OVERFLOW');
    const channelId = ledger.openChannel(10n);
    const channel = channelOf(ledger.overlay, channelId);
    const account = accountOf(ledger.overlay, payer.id);
    if (!channel) throw new RangeError('no channel');
    ledger.overlay.put('account', payer.id, { ...account, vault: 2n ** 64n - 1n });
    expectRefused(ledger.refund(channelId, 10n, 0), 'TX_AMOUNT_OVERFLOW');
    const more = ledger.world.tx('vault_deposit', payer, { amount: 1n, allocations: [] });
    expectRefused(more, 'TX_AMOUNT_OVERFLOW');
    ledger.overlay.put('channel', channelId, { ...channel, balance: 2n ** 64n - 1n });
    expectRefused(ledger.fund({}), 'TX_AMOUNT_OVERFLOW');
    ledger.overlay.put('channel', channelId, { ...channel, withdrawAmount: 5n, withdrawDueMs: 1 });
    expectRefused(ledger.finalize(channelId), 'TX_AMOUNT_OVERFLOW');
    ledger.overlay.put('account', payer.id, { balance: 2n ** 64n - 1n, nonce: 0, vault: 20_000n });
    const back = ledger.world.tx('vault_withdraw', payer, { amount: 20_000n });
    expectRefused(back, 'TX_AMOUNT_OVERFLOW');
  });
});
