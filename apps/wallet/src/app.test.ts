import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { base64, bytesFromBase64, hex, randomBytes } from '@aitbc/primitives';
import { AppError, decodeTx, unwrap, verifyTx } from '@aitbc/protocol';
import { createWalletSigner } from '@aitbc/sdk';
import { openSqlite } from '@aitbc/service';
import { afterEach, expect, test } from 'vitest';
import type { Keystore } from './keys/keystore.ts';
import { createWalletKit, dayMs, network, password, transfer } from './testing/wallet-kit.ts';

const kit = createWalletKit();
const { stops, wallet, withAccount } = kit;
afterEach(() => kit.stopAll());

test('a new account shows its words once, and they bring the same account into another wallet', async () => {
  const first = await wallet();
  const { address, mnemonic } = await first.admin.createAccount({ label: 'main', password });
  expect(mnemonic?.split(' ')).toHaveLength(24);
  const second = await wallet();
  const restored = await second.admin.createAccount({
    label: 'again',
    password: 'another password',
    mnemonic: mnemonic ?? '',
  });
  expect(restored).toEqual({ address, mnemonic: null });
  expect((await second.admin.listAccounts({})).accounts).toMatchObject([
    { address, label: 'again', unlockedUntilMs: null },
  ]);
});

test('nothing secret is in the data folder in the clear', async () => {
  const { admin, dataDir } = await wallet();
  const seed = hex(randomBytes(32));
  await admin.createAccount({ label: 'main', password, seed });
  await admin.createToken({ label: 'agent', scopes: {} }).then(({ token }) => {
    for (const name of readdirSync(dataDir).filter((file) => file !== 'admin.token')) {
      const text = readFileSync(join(dataDir, name)).toString('latin1');
      for (const secret of [seed, password, token]) expect(text).not.toContain(secret);
    }
  });
});

test('an account is imported once, and not from two secrets at once', async () => {
  const { admin } = await wallet();
  const seed = 'ee'.repeat(32);
  await admin.createAccount({ label: 'a', password, seed });
  const again = admin.createAccount({ label: 'b', password, seed });
  await expect(again).rejects.toMatchObject({ code: 'WALLET_ACCOUNT_EXISTS' });
  const both = admin.createAccount({ label: 'c', password, seed, mnemonic: 'x' });
  await expect(both).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

test('a transaction is decoded, simulated, described, signed and logged', async () => {
  const { admin, address, simulated } = await withAccount();
  const tx = transfer(address);
  const signed = await admin.sign({ address, tx });
  const decoded = unwrap(decodeTx(network, bytesFromBase64(signed.tx) ?? new Uint8Array(0)));
  expect(verifyTx(network, decoded)).toBe(true);
  expect(signed).toMatchObject({ txId: decoded.txId, decoded: { kind: 'transfer' } });
  expect(signed.description).toContain('Send 0.000000005 AIT');
  expect(simulated).toHaveLength(1);
  const { entries } = await admin.log({});
  expect(entries).toMatchObject([{ number: 1, address, token: 'admin', txId: signed.txId }]);
  expect(entries[0]?.description).toBe(signed.description);
});

test("the SDK's wallet signer accepts what the wallet signs", async () => {
  const { admin, address } = await withAccount();
  const signer = createWalletSigner({ wallet: admin, address, network });
  const signed = await signer.signTx({
    kind: 'vault_withdraw',
    chain: network.chain,
    nonce: 3,
    validUntil: 0,
    from: signer.accountId,
    fee: 1n,
    body: { amount: 4n },
  });
  expect(verifyTx(network, signed)).toBe(true);
});

test('what the chain would refuse, or cannot be asked about, is not signed and not logged', async () => {
  const { admin, address, answers } = await withAccount();
  const tx = transfer(address);
  answers.simulation = {
    ok: false,
    code: 'TX_FUNDS_INSUFFICIENT',
    message: 'too little',
    effects: [],
  };
  await expect(admin.sign({ address, tx })).rejects.toMatchObject({
    code: 'WALLET_SIMULATION_FAILED',
    facts: { code: 'TX_FUNDS_INSUFFICIENT', reason: 'too little' },
  });
  answers.simulation = new AppError('UNAVAILABLE', { what: 'node', reason: 'gone' });
  await expect(admin.sign({ address, tx })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect((await admin.log({})).entries).toEqual([]);
});

test('a nonce that is a little ahead is signed, one far ahead is not', async () => {
  const { admin, address, answers } = await withAccount();
  answers.simulation = { ok: false, code: 'TX_NONCE_TOO_HIGH', message: 'ahead', effects: [] };
  const near = await admin.sign({ address, tx: transfer(address, { nonce: 5 }) });
  expect(near.effects).toEqual([]);
  const far = admin.sign({ address, tx: transfer(address, { nonce: 500 }) });
  await expect(far).rejects.toMatchObject({ code: 'WALLET_SIMULATION_FAILED' });
});

test.each([
  ['bytes that are no transaction', base64(Uint8Array.of(9, 9, 9)), 'TX_MALFORMED'],
  ['text that is no base64', 'abc', 'BAD_REQUEST'],
  ['nothing', '', 'TX_MALFORMED'],
])('%s cannot be signed', async (_name, tx, code) => {
  const { admin, address } = await withAccount();
  await expect(admin.sign({ address, tx })).rejects.toMatchObject({ code });
});

test("another account's and another chain's transaction is refused", async () => {
  const { admin, address } = await withAccount();
  const other = transfer(address, { from: 'cd'.repeat(32) });
  await expect(admin.sign({ address, tx: other })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  const chain = transfer(address, { chain: 7 });
  await expect(admin.sign({ address, tx: chain })).rejects.toMatchObject({
    code: 'TX_WRONG_CHAIN',
  });
});

test('a locked account signs nothing; a wrong password does not open it', async () => {
  const { admin, address, clock } = await withAccount();
  expect((await admin.lock({ address })).unlockedUntilMs).toBe(null);
  const locked = { code: 'WALLET_LOCKED' };
  const tx = transfer(address);
  await expect(admin.sign({ address, tx })).rejects.toMatchObject(locked);
  const wrong = admin.unlock({ address, password: 'wrong' });
  await expect(wrong).rejects.toMatchObject({ code: 'WALLET_PASSWORD_WRONG' });
  const opened = await admin.unlock({ address, password, timeoutMs: 1_000 });
  expect(opened.unlockedUntilMs).toBe(clock.nowMs() + 1_000);
  clock.advance(1_000);
  await expect(admin.sign({ address, tx })).rejects.toMatchObject(locked);
});

test('an account that the wallet does not hold is WALLET_ACCOUNT_UNKNOWN for every call', async () => {
  const { admin } = await withAccount();
  const { admin: other, address } = await withAccount();
  const unknown = { code: 'WALLET_ACCOUNT_UNKNOWN', facts: { account: address } };
  await expect(admin.sign({ address, tx: transfer(address) })).rejects.toMatchObject(unknown);
  await expect(admin.unlock({ address, password })).rejects.toMatchObject(unknown);
  await expect(admin.exportAccount({ address })).rejects.toMatchObject(unknown);
  await other.exportAccount({ address });
});

test('a token that is revoked while the node simulates signs nothing', async () => {
  const { admin, address, answers, client } = await withAccount();
  const scopes = { accounts: [address], kinds: ['transfer' as const], amountPerDay: '40' };
  const { token, tokenId } = await admin.createToken({ label: 'agent', scopes });
  answers.meanwhile = () => admin.deleteToken({ tokenId });
  await expect(client(token).sign({ address, tx: transfer(address) })).rejects.toMatchObject({
    code: 'UNAUTHORIZED',
  });
  expect((await admin.log({})).entries).toEqual([]);
});

test('guessing passwords is slowed down', async () => {
  const { admin, address } = await withAccount();
  const guess = () => admin.unlock({ address, password: 'wrong' }).catch((error) => error.code);
  const codes = [await guess(), await guess(), await guess(), await guess()];
  expect(codes).toEqual([
    'WALLET_PASSWORD_WRONG',
    'WALLET_PASSWORD_WRONG',
    'WALLET_PASSWORD_WRONG',
    'RATE_LIMITED',
  ]);
});

test('a scoped token spends up to its cap per UTC day, counting fees, and the cap is kept on disk', async () => {
  const { admin, client, clock, address, daemon, dataDir } = await withAccount();
  const scopes = { accounts: [address], kinds: ['transfer' as const], amountPerDay: '40' };
  const { token, tokenId } = await admin.createToken({ label: 'agent', scopes });
  const agent = client(token);
  const sign = (nonce: number, amount = 5n) =>
    agent.sign({ address, tx: transfer(address, { nonce }, amount) });
  await sign(0);
  await sign(1);
  await sign(1);
  await expect(sign(2)).rejects.toMatchObject({ code: 'WALLET_SCOPE' });
  const spent = async () =>
    (await admin.listTokens({})).tokens.find((one) => one.tokenId === tokenId)?.spentToday;
  expect(await spent()).toBe('30');
  await daemon.stop();
  stops.length = 0;
  const again = await wallet(dataDir);
  await again.admin.unlock({ address, password });
  const restarted = again.client(token).sign({ address, tx: transfer(address, { nonce: 2 }) });
  await expect(restarted).rejects.toMatchObject({ code: 'WALLET_SCOPE' });
  again.clock.advance(dayMs);
  await again.admin.unlock({ address, password });
  await again.client(token).sign({ address, tx: transfer(address, { nonce: 2 }) });
  expect(clock.nowMs()).toBe(10 * dayMs);
});

test('concurrent signatures cannot pass the cap together', async () => {
  const { admin, client, address } = await withAccount();
  const scopes = { accounts: [address], kinds: ['transfer' as const], amountPerDay: '40' };
  const { token } = await admin.createToken({ label: 'agent', scopes });
  const agent = client(token);
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, (_, nonce) =>
      agent.sign({ address, tx: transfer(address, { nonce }) }),
    ),
  );
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  expect((await admin.log({})).entries).toHaveLength(2);
});

test('a scoped token sees only its accounts and may not administer', async () => {
  const { admin, client, address } = await withAccount();
  const other = await admin.createAccount({ label: 'other', password });
  const scopes = { accounts: [other.address], kinds: ['transfer' as const] };
  const { token, tokenId } = await admin.createToken({ label: 'agent', scopes });
  const agent = client(token);
  await admin.sign({ address, tx: transfer(address) });
  const { accounts } = await agent.listAccounts({});
  expect(accounts.map((account) => account.address)).toEqual([other.address]);
  expect((await agent.log({})).entries).toEqual([]);
  const keystore = {};
  const refusals = [
    agent.createAccount({ label: 'x', password }),
    agent.exportAccount({ address: other.address }),
    agent.importFile({ label: 'x', password, keystore }),
    agent.createToken({ label: 'x', scopes: { admin: true } }),
    agent.listTokens({}),
    agent.deleteToken({ tokenId }),
    agent.unlock({ address, password }),
    agent.lock({ address }),
    agent.changePassword({ address, password, newPassword: password }),
    agent.sign({ address, tx: transfer(address) }),
  ];
  for (const refusal of refusals) {
    await expect(refusal).rejects.toMatchObject({ code: 'WALLET_SCOPE' });
  }
});

test('a revoked token is dead at once; the admin token is not revoked here', async () => {
  const { admin, client } = await wallet();
  const { token, tokenId } = await admin.createToken({ label: 'agent', scopes: {} });
  await client(token).listAccounts({});
  await admin.deleteToken({ tokenId });
  const unauthorized = { code: 'UNAUTHORIZED' };
  await expect(client(token).listAccounts({})).rejects.toMatchObject(unauthorized);
  await expect(client(undefined).listAccounts({})).rejects.toMatchObject(unauthorized);
  await expect(admin.deleteToken({ tokenId })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const own = admin.deleteToken({ tokenId: 'admin' });
  await expect(own).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

test('an exported keystore opens in another wallet with its password', async () => {
  const { admin, address } = await withAccount();
  const { keystore } = await admin.exportAccount({ address });
  const { admin: second } = await wallet();
  const wrong = second.importFile({ label: 'x', password: 'wrong', keystore });
  await expect(wrong).rejects.toMatchObject({ code: 'WALLET_PASSWORD_WRONG' });
  expect(await second.importFile({ label: 'x', password, keystore })).toEqual({ address });
  await second.unlock({ address, password });
});

test('a new password takes the place of the old one, which is in no file any more', async () => {
  const { admin, address, dataDir } = await withAccount();
  const { keystore } = await admin.exportAccount({ address });
  const [newPassword, thirdPassword] = ['a new pass phrase', 'a third pass phrase'];
  const wrong = admin.changePassword({ address, password: 'wrong', newPassword });
  await expect(wrong).rejects.toMatchObject({ code: 'WALLET_PASSWORD_WRONG' });
  const changes = [newPassword, thirdPassword].map((next) =>
    admin.changePassword({ address, password, newPassword: next }),
  );
  const [first, second] = await Promise.allSettled(changes);
  expect(first).toMatchObject({ value: { address, unlockedUntilMs: expect.any(Number) } });
  expect(second).toMatchObject({ reason: { code: 'WALLET_PASSWORD_WRONG' } });
  const old = admin.unlock({ address, password });
  await expect(old).rejects.toMatchObject({ code: 'WALLET_PASSWORD_WRONG' });
  await admin.unlock({ address, password: newPassword });
  const { text } = (keystore as Keystore).cipher;
  for (const name of readdirSync(dataDir)) {
    expect(readFileSync(join(dataDir, name), 'latin1'), name).not.toContain(text);
  }
  const { admin: other } = await wallet();
  expect(await other.importFile({ label: 'x', password, keystore })).toEqual({ address });
});

test('the log is paged, newest first, and the database refuses to change it', async () => {
  const { admin, address, daemon, dataDir } = await withAccount();
  for (let nonce = 0; nonce < 101; nonce += 1) {
    await admin.sign({ address, tx: transfer(address, { nonce }) });
  }
  const first = await admin.log({});
  expect(first.entries).toHaveLength(100);
  expect(first.entries[0]?.number).toBe(101);
  const second = await admin.log({ before: first.next ?? 0 });
  expect(second).toMatchObject({ entries: [{ number: 1 }], next: null });
  await daemon.stop();
  stops.length = 0;
  const sqlite = await openSqlite(join(dataDir, 'wallet.db'), { durability: 'full' });
  for (const change of ["update signature_log set description = ''", 'delete from signature_log']) {
    expect(() => sqlite.exec(change)).toThrow('append-only');
  }
  await sqlite.close();
});

function rawGet(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((done, fail) => {
    request(url, { headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => {
        body += part;
      });
      answer.on('end', () => done({ status: answer.statusCode ?? 0, body }));
    })
      .on('error', fail)
      .end();
  });
}

test('a rebound name or a foreign page gets no answer, not even to an open call', async () => {
  const { baseUrl, adminToken } = await wallet();
  const authorization = `Bearer ${adminToken}`;
  const url = `${baseUrl}/v1/accounts`;
  expect((await rawGet(url, { authorization })).status).toBe(200);
  for (const headers of [
    { authorization, host: 'evil.example:80' },
    { authorization, origin: 'http://evil.example' },
  ]) {
    const answer = await rawGet(url, headers);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'WALLET_HOST_FORBIDDEN' });
  }
  expect((await rawGet(`${baseUrl}/v1/about`, { host: 'evil.example' })).status).toBe(403);
  expect((await rawGet(`${baseUrl}/v1/about`, {})).status).toBe(200);
});
