import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock, hex, randomBytes } from '@aitbc/primitives';
import {
  addressOf,
  type MultisigOperation,
  type Operation,
  type TxKind,
  txKinds,
  type UnsignedTx,
} from '@aitbc/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReadTx } from '../read-transaction.ts';
import { openStore } from '../store.ts';
import { createHostCheck } from './check-host.ts';
import {
  assertMayCause,
  assertMaySign,
  type Caller,
  dayOf,
  spendOf as spendOfRead,
  spentAfter,
} from './scopes.ts';
import { callerOf, ensureAdminToken } from './tokens.ts';

const from = hex(randomBytes(32));
const receiver = hex(randomBytes(32));
const refused = expect.objectContaining({ code: 'WALLET_SCOPE' });

function caller(scopes: Partial<Caller['scopes']> = {}): Caller {
  return {
    tokenId: 't',
    label: 'agent',
    scopes: {
      admin: false,
      read: true,
      accounts: [addressOf(from)],
      kinds: ['transfer'],
      amountPerDay: '100',
      ...scopes,
    },
  };
}

/** As a transaction is read that names all it does itself. */
const readOf = (tx: UnsignedTx): ReadTx => {
  const inside = 'operations' in tx.body ? (tx.body.operations as MultisigOperation[]) : [];
  const isBatch = tx.kind === 'batch';
  return { tx, description: '', inside: isBatch ? inside : [], shared: undefined };
};
const spendOf = (tx: UnsignedTx): bigint => spendOfRead(readOf(tx));
const assertMay = (who: Caller, tx: UnsignedTx): void => {
  assertMaySign(who, tx);
  assertMayCause(who, readOf(tx));
};

const envelope = { chain: 1, nonce: 0, validUntil: 0, from, fee: 10n };
const transfer = (amount: bigint): UnsignedTx => {
  return { ...envelope, kind: 'transfer', body: { to: receiver, amount, memo: '' } };
};
const allocation = (amount: bigint) => {
  const keys = { payerAuthorizer: from, receiverAuthorizer: receiver };
  return { receiver, ...keys, withdrawDelayMs: 1_000, salt: from, amount };
};

test('what leaves the account counts with its fee', () => {
  expect(spendOf(transfer(5n))).toBe(15n);
  const deposit = (amount: bigint, ...parts: bigint[]): UnsignedTx => {
    const body = { amount, allocations: parts.map(allocation) };
    return { ...envelope, kind: 'vault_deposit', body };
  };
  expect(spendOf(deposit(7n))).toBe(17n);
  expect(spendOf(deposit(7n, 3n, 4n))).toBe(17n);
  expect(spendOf(deposit(0n, 3n, 4n))).toBe(17n);
  expect(spendOf({ ...envelope, kind: 'channel_fund', body: allocation(9n) })).toBe(19n);
  const bond = { authorizer: from, endpoint: 'http://x', bond: 50n };
  expect(spendOf({ ...envelope, kind: 'provider_register', body: bond })).toBe(60n);
  expect(spendOf({ ...envelope, kind: 'vault_withdraw', body: { amount: 7n } })).toBe(10n);
  const audit = { provider: receiver, recordHash: from, deposit: 70n, receipt: '' };
  expect(spendOf({ ...envelope, kind: 'audit_open', body: audit })).toBe(80n);
  const appeal = { auditId: from, deposit: 140n };
  expect(spendOf({ ...envelope, kind: 'audit_appeal', body: appeal })).toBe(150n);
  expect(spendOf({ ...envelope, kind: 'audit_close', body: { auditId: from } })).toBe(10n);
});

test('a scoped token signs only its kinds for its accounts', () => {
  assertMay(caller(), transfer(1n));
  expect(() => assertMay(caller({ accounts: [] }), transfer(1n))).toThrow(refused);
  for (const kind of Object.keys(txKinds) as TxKind[]) {
    if (kind === 'transfer') continue;
    const body = { operations: [] };
    const tx = { ...envelope, kind, body } as unknown as UnsignedTx;
    expect(() => assertMay(caller(), tx), kind).toThrow(refused);
    assertMay(caller({ admin: true, accounts: [], kinds: [] }), tx);
  }
});

test('a batch needs the scope of each of its operations and takes their sum', () => {
  const pay = { kind: 'transfer', body: { to: receiver, amount: 5n, memo: '' } } as const;
  const post = {
    ...{ worker: receiver, arbiter: receiver, reward: 30n, deadlineMs: 1, reviewMs: 1 },
    ...{ specHash: from, salt: from },
  };
  const operations: Operation[] = [pay, pay, { kind: 'task_post', body: post }];
  const tx: UnsignedTx = { ...envelope, kind: 'batch', body: { operations } };
  expect(spendOf(tx)).toBe(50n);
  expect(() => assertMay(caller({ kinds: ['batch'] }), tx)).toThrow(refused);
  expect(() => assertMay(caller({ kinds: ['batch', 'transfer'] }), tx)).toThrow(refused);
  assertMay(caller({ kinds: ['batch', 'transfer', 'task_post'] }), tx);
  expect(spendOf({ ...transfer(5n), sponsored: true } as UnsignedTx)).toBe(5n);
});

test('a mandate counts with all that it can ever spend', () => {
  const grant = {
    ...{ subKey: receiver, channelMaxNait: 1n, windowMaxNait: 2n, windowMs: 1_000 },
    ...{ totalMaxNait: 70n, jobMaxNait: 0n, receivers: [], models: [], allows: 3 },
    expiresAtHeight: 9,
  };
  expect(spendOf({ ...envelope, kind: 'mandate_grant', body: grant })).toBe(80n);
});

test('a token can be for giving mandates and taking them back, and for nothing else', () => {
  const mayMandate = caller({ kinds: ['mandate_grant', 'mandate_revoke'], amountPerDay: '80' });
  const grant = {
    ...{ subKey: receiver, channelMaxNait: 1n, windowMaxNait: 2n, windowMs: 1_000 },
    ...{ totalMaxNait: 70n, jobMaxNait: 1n, receivers: [], models: [{ model: 'a' }], allows: 1 },
    expiresAtHeight: 9,
  };
  const granting: UnsignedTx = { ...envelope, kind: 'mandate_grant', body: grant };
  assertMay(mayMandate, granting);
  assertMay(mayMandate, { ...envelope, kind: 'mandate_revoke', body: { subKey: receiver } });
  expect(spentAfter(mayMandate, 0n, spendOf(granting))).toBe(80n);
  expect(() => spentAfter(mayMandate, 1n, spendOf(granting))).toThrow(refused);
  const operations: Operation[] = [{ kind: 'mandate_grant', body: grant }];
  const others: UnsignedTx[] = [
    transfer(1n),
    { ...envelope, kind: 'vault_deposit', body: { amount: 1n, allocations: [] } },
    { ...envelope, kind: 'batch', body: { operations } },
  ];
  for (const tx of others) expect(() => assertMay(mayMandate, tx)).toThrow(refused);
});

test('no row of accepted spends ever passes the cap, and the admin has none', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(0n, 120n)), (amounts) => {
      let spent = 0n;
      for (const amount of amounts) {
        try {
          spent = spentAfter(caller(), spent, amount);
        } catch (error) {
          expect(error).toMatchObject({ code: 'WALLET_SCOPE' });
          expect(spent + amount).toBeGreaterThan(100n);
        }
        expect(spent).toBeLessThanOrEqual(100n);
      }
    }),
  );
  expect(spentAfter(caller({ admin: true }), 0n, 10n ** 15n)).toBe(10n ** 15n);
});

test('a day is a UTC day', () => {
  expect(dayOf(86_399_999)).toBe(0);
  expect(dayOf(86_400_000)).toBe(1);
});

const check = createHostCheck({ bindHost: '127.0.0.1', allowedHosts: ['wallet:8015'] });

test.each([
  ['127.0.0.1:8015', undefined],
  ['localhost:8015', undefined],
  ['LOCALHOST:8015', 'http://localhost:8015'],
  ['[::1]:8015', undefined],
  ['wallet:8015', 'https://wallet:8015'],
])('host %s with origin %s is answered', (host, origin) => {
  expect(() => check({ host, origin, port: 8015 })).not.toThrow();
});

test.each([
  ['evil.example:8015', undefined],
  ['127.0.0.1.evil.example:8015', undefined],
  ['127.0.0.1', undefined],
  ['127.0.0.1:9999', undefined],
  [undefined, undefined],
  ['127.0.0.1:8015', 'http://evil.example'],
  ['127.0.0.1:8015', 'http://localhost:8015'],
  ['127.0.0.1:8015', 'null'],
])('host %s with origin %s is forbidden', (host, origin) => {
  const forbidden = expect.objectContaining({ code: 'WALLET_HOST_FORBIDDEN' });
  expect(() => check({ host, origin, port: 8015 })).toThrow(forbidden);
});

test('the admin token is made once, private, found again, and replaced when its file is deleted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'aitbc-wallet-'));
  const store = await openStore(join(dir, 'wallet.db'));
  const path = join(dir, 'admin.token');
  const ensure = () => {
    ensureAdminToken(path, store, createManualClock(5));
    return `Bearer ${readFileSync(path, 'utf8').trim()}`;
  };
  const first = ensure();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(callerOf(store, first).scopes.admin).toBe(true);
  expect(ensure()).toBe(first);
  rmSync(path);
  const second = ensure();
  expect(second).not.toBe(first);
  const unknown = expect.objectContaining({ code: 'UNAUTHORIZED' });
  expect(() => callerOf(store, first)).toThrow(unknown);
  expect(() => callerOf(store, undefined)).toThrow(unknown);
  expect(() => callerOf(store, second.slice(0, -1))).toThrow(unknown);
  chmodSync(path, 0o644);
  expect(ensure).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  writeFileSync(path, 'nonsense', { mode: 0o600 });
  chmodSync(path, 0o600);
  expect(ensure).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  await store.close();
});
