import { type ErrorCode, limits, type SignedTx } from '@aitbc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { channelOf } from '../state.ts';
import {
  createRuleLedger,
  payer,
  type RuleLedger,
  receiver,
  stranger,
} from '../testing/rule-ledger.ts';
import { allocationOf, balanceNait, claimOf, createWorld, refundOf } from '../testing/world.ts';

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

describe('channel_fund', () => {
  it('opens a channel from the vault and tops it up', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.world.tx('vault_deposit', payer, { amount: 10n, allocations: [] }));
    ledger.done(ledger.fund({}));
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({
      channelId,
      payer: payer.id,
      receiver: receiver.id,
      balance: 110n,
      totalClaimed: 0n,
      withdrawAmount: 0n,
      refundNonce: 0,
      closed: false,
    });
  });

  it('refuses nothing, a delay out of its limits, unusable keys and an empty vault', () => {
    expectRefused(ledger.fund({ amount: 0n }), 'TX_AMOUNT_ZERO');
    const short = { withdrawDelayMs: limits.withdrawDelayMsMin - 1 };
    const long = { withdrawDelayMs: limits.withdrawDelayMsMax + 1 };
    expectRefused(ledger.fund(short), 'CHANNEL_CONFIG_MISMATCH');
    expectRefused(ledger.fund(long), 'CHANNEL_CONFIG_MISMATCH');
    expectRefused(ledger.fund({ payerAuthorizer: lowOrderKey }), 'KEY_INVALID');
    expectRefused(ledger.fund({ receiverAuthorizer: lowOrderKey }), 'KEY_INVALID');
    expectRefused(ledger.fund({}), 'TX_FUNDS_INSUFFICIENT');
    const allocations = [{ ...allocationOf(payer, receiver, 1n), receiverAuthorizer: lowOrderKey }];
    expectRefused(
      ledger.world.tx('vault_deposit', payer, { amount: 1n, allocations }),
      'KEY_INVALID',
    );
  });

  it('ends a pending withdrawal', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.world.tx('vault_deposit', payer, { amount: 10n, allocations: [] }));
    ledger.done(ledger.init(channelId, 100n));
    ledger.done(ledger.fund({}));
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({
      withdrawAmount: 0n,
      withdrawDueMs: 0,
    });
    expectRefused(ledger.finalize(channelId), 'CHANNEL_WITHDRAW_NONE');
  });

  it('never opens a closed channel again', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.refund(channelId, 100n, 0));
    expect(channelOf(ledger.overlay, channelId)?.closed).toBe(true);
    expectRefused(ledger.fund({}), 'CHANNEL_CLOSED');
    expectRefused(ledger.init(channelId, 1n), 'CHANNEL_CLOSED');
    expectRefused(ledger.finalize(channelId), 'CHANNEL_CLOSED');
    expectRefused(ledger.refund(channelId, 1n, 1), 'CHANNEL_CLOSED');
    ledger.openChannel(100n, { salt: '22'.repeat(32) });
  });
});

describe('channel_claim', () => {
  it('pays the receiver what is new, whoever sends it, also below the cap', () => {
    const channelId = ledger.openChannel(100n);
    const receipt = ledger.done(ledger.claim({ channelId, maxClaimable: 80n, totalClaimed: 30n }));
    expect(receipt.rows).toStrictEqual([{ channelId, paid: 30n, code: null }]);
    ledger.done(ledger.claim({ channelId, maxClaimable: 80n, totalClaimed: 80n }));
    expect(ledger.balanceOf(receiver)).toBe(balanceNait + 80n);
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({
      balance: 100n,
      totalClaimed: 80n,
    });
  });

  it('refuses rows one by one with their codes and pays the others; a double row is paid once', () => {
    const good = ledger.openChannel(100n);
    const closed = ledger.openChannel(10n, { salt: '01'.repeat(32) });
    ledger.done(ledger.refund(closed, 10n, 0));
    const small = ledger.openChannel(10n, { salt: '02'.repeat(32) });
    const otherKey = { salt: '03'.repeat(32), receiverAuthorizer: stranger.id };
    const other = ledger.openChannel(10n, otherKey);
    const notMine = ledger.openChannel(10n, {
      salt: '04'.repeat(32),
      payerAuthorizer: stranger.id,
    });
    const row = (channelId: string, totalClaimed = 5n, maxClaimable = 50n) => ({
      channelId,
      totalClaimed,
      maxClaimable,
    });
    const receipt = ledger.done(
      ledger.claim(
        row('ee'.repeat(32)),
        row(closed),
        row(other),
        row(notMine),
        row(good, 51n, 50n),
        row(small, 11n),
        row(good, 0n),
        row(good, 20n),
        row(good, 20n),
        row(good, 25n),
      ),
    );
    expect(receipt.rows?.map(({ paid, code }) => code ?? paid)).toStrictEqual([
      'CHANNEL_UNKNOWN',
      'CHANNEL_CLOSED',
      'CHANNEL_CONFIG_MISMATCH',
      'VOUCHER_SIGNATURE_INVALID',
      'CLAIM_BEYOND_CAP',
      'CLAIM_BEYOND_BALANCE',
      'CLAIM_NOT_RAISED',
      20n,
      'CLAIM_NOT_RAISED',
      5n,
    ]);
    expect(ledger.balanceOf(receiver)).toBe(balanceNait + 25n);
  });

  it('is refused as a whole when no row is paid, or it has none', () => {
    const channelId = ledger.openChannel(100n);
    expectRefused(ledger.claim({ channelId, maxClaimable: 1n, totalClaimed: 2n }), 'CLAIM_EMPTY');
    expectRefused(ledger.claim(), 'CLAIM_EMPTY');
  });

  it('is refused when the provider did not sign exactly these sums, or the fee lacks its rows', () => {
    const channelId = ledger.openChannel(100n);
    const tx = ledger.claim({ channelId, maxClaimable: 80n, totalClaimed: 30n });
    if (tx.kind !== 'channel_claim') throw new RangeError('no claim');
    const rows = tx.body.rows.map((row) => ({ ...row, totalClaimed: 31n }));
    expectRefused(tx, 'TX_SIGNATURE_INVALID', { body: { ...tx.body, rows } });
    const receiverAuthorizer = stranger.id;
    expectRefused(tx, 'TX_SIGNATURE_INVALID', { body: { ...tx.body, receiverAuthorizer } });
    expectRefused(tx, 'TX_FEE_TOO_LOW', { fee: 10_999n });
  });

  it('skips a row that would pass 2^64-1', () => {
    const channelId = ledger.openChannel(100n);
    ledger.overlay.put('account', receiver.id, { balance: 2n ** 64n - 1n, nonce: 0, vault: 0n });
    expectRefused(ledger.claim({ channelId, maxClaimable: 80n, totalClaimed: 30n }), 'CLAIM_EMPTY');
  });

  it('does not take a voucher of a network with another genesis', () => {
    const elsewhere = createWorld(2);
    const channelId = ledger.openChannel(100n);
    const parties = { payer: payer, receiver: receiver };
    const terms = [{ channelId, maxClaimable: 5n, totalClaimed: 5n }];
    const body = claimOf(elsewhere.network, parties, terms);
    expectRefused(ledger.world.tx('channel_claim', stranger, body), 'TX_SIGNATURE_INVALID');
    const { authorizerSignature } = claimOf(ledger.world.network, parties, terms);
    const tx = ledger.world.tx('channel_claim', stranger, { ...body, authorizerSignature });
    const verdict = ledger.run(tx);
    expect(verdict).toMatchObject({ code: 'CLAIM_EMPTY' });
    expect(verdict).toMatchObject({ facts: { reason: 'VOUCHER_SIGNATURE_INVALID' } });
  });
});

describe('channel_refund', () => {
  it('returns money to the payer’s vault and counts its nonce', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.refund(channelId, 30n, 0));
    expect(ledger.vaultOf(payer)).toBe(30n);
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({ balance: 70n, refundNonce: 1 });
    expectRefused(ledger.refund(channelId, 30n, 0), 'REFUND_NONCE_WRONG');
    ledger.done(ledger.refund(channelId, 70n, 1));
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({ balance: 0n, closed: true });
  });

  it('never touches what was claimed, and closes when only that is left', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.claim({ channelId, maxClaimable: 60n, totalClaimed: 60n }));
    expectRefused(ledger.refund(channelId, 41n, 0), 'TX_FUNDS_INSUFFICIENT');
    ledger.done(ledger.refund(channelId, 40n, 0));
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({ balance: 60n, closed: true });
  });

  it('cuts a pending withdrawal to what is left', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.init(channelId, 90n));
    ledger.done(ledger.refund(channelId, 30n, 0));
    expect(channelOf(ledger.overlay, channelId)?.withdrawAmount).toBe(70n);
    ledger.done(ledger.refund(channelId, 70n, 1));
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({
      closed: true,
      withdrawAmount: 0n,
      withdrawDueMs: 0,
    });
  });

  it('is refused with nothing, for an unknown channel and without the provider’s signature', () => {
    const channelId = ledger.openChannel(100n);
    expectRefused(ledger.refund(channelId, 0n, 0), 'TX_AMOUNT_ZERO');
    expectRefused(ledger.refund('ee'.repeat(32), 1n, 0), 'CHANNEL_UNKNOWN');
    const forged = refundOf(ledger.world.network, stranger, {
      channelId,
      amount: 1n,
      refundNonce: 0,
    });
    expectRefused(ledger.world.tx('channel_refund', payer, forged), 'TX_SIGNATURE_INVALID');
  });
});

describe('a withdrawal', () => {
  it('waits for its delay in chain time, then anyone may finish it', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.init(channelId, 40n));
    const dueMs = ledger.timeMs + 5_000;
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({
      withdrawAmount: 40n,
      withdrawDueMs: dueMs,
    });
    ledger.timeMs = dueMs - 1;
    expectRefused(ledger.finalize(channelId), 'CHANNEL_WITHDRAW_EARLY');
    ledger.timeMs = dueMs;
    ledger.done(ledger.finalize(channelId));
    expect(ledger.vaultOf(payer)).toBe(40n);
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({
      balance: 60n,
      withdrawAmount: 0n,
      withdrawDueMs: 0,
      closed: false,
    });
  });

  it('takes at most what is free, and closes the channel with the last of it', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.init(channelId, 1_000n));
    expect(channelOf(ledger.overlay, channelId)?.withdrawAmount).toBe(100n);
    ledger.done(ledger.claim({ channelId, maxClaimable: 70n, totalClaimed: 70n }));
    ledger.timeMs += 5_000;
    ledger.done(ledger.finalize(channelId));
    expect(ledger.vaultOf(payer)).toBe(30n);
    expect(channelOf(ledger.overlay, channelId)).toMatchObject({ balance: 70n, closed: true });
    expectRefused(ledger.claim({ channelId, maxClaimable: 80n, totalClaimed: 80n }), 'CLAIM_EMPTY');
  });

  it('pays nothing and closes when all was claimed meanwhile', () => {
    const channelId = ledger.openChannel(100n);
    ledger.done(ledger.init(channelId, 50n));
    ledger.done(ledger.claim({ channelId, maxClaimable: 100n, totalClaimed: 100n }));
    ledger.timeMs += 5_000;
    ledger.done(ledger.finalize(channelId));
    expect([ledger.vaultOf(payer), channelOf(ledger.overlay, channelId)?.closed]).toStrictEqual([
      0n,
      true,
    ]);
  });

  it('is begun by the payer alone, once, for an amount, on a channel that has something', () => {
    const channelId = ledger.openChannel(100n);
    expectRefused(ledger.init(channelId, 10n, stranger), 'CHANNEL_NOT_PAYER');
    expectRefused(ledger.init(channelId, 0n), 'TX_AMOUNT_ZERO');
    expectRefused(ledger.init('ee'.repeat(32), 10n), 'CHANNEL_UNKNOWN');
    expectRefused(ledger.finalize('ee'.repeat(32)), 'CHANNEL_UNKNOWN');
    ledger.done(ledger.init(channelId, 10n));
    expectRefused(ledger.init(channelId, 10n), 'CHANNEL_WITHDRAW_PENDING');
    const spent = ledger.openChannel(10n, { salt: '05'.repeat(32) });
    ledger.done(ledger.claim({ channelId: spent, maxClaimable: 10n, totalClaimed: 10n }));
    expectRefused(ledger.init(spent, 10n), 'TX_FUNDS_INSUFFICIENT');
  });
});
