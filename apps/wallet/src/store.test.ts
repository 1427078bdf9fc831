import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { type AccountRow, openStore, type TokenRow, type WalletStore } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'aitbc-wallet-store-'));
const open: WalletStore[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
});
afterAll(() => rmSync(dir, { recursive: true }));

const eachMax = 1_000;

async function storeAt(name: string): Promise<WalletStore> {
  const store = await openStore(join(dir, name));
  open.push(store);
  return store;
}

/** An account whose keystore is an empty object: storing does not look into it. */
const accountOf = (index: number) =>
  ({ address: `a${index}`, label: 'x', keystore: {}, createdAtMs: 1 }) as unknown as AccountRow;
const tokenOf = (index: number): TokenRow => ({
  tokenId: `t${index}`,
  label: 'x',
  hash: `h${index}`,
  scopes: { admin: false, read: true, accounts: [], kinds: [], amountPerDay: '0' },
  createdAtMs: 1,
});

test('a wallet holds a thousand accounts and a thousand tokens, and refuses one more', async () => {
  const store = await storeAt('full.db');
  store.transaction(() => {
    for (let index = 0; index < eachMax; index += 1) {
      store.accounts.add(accountOf(index));
      store.tokens.add(tokenOf(index));
    }
  });
  const full = expect.objectContaining({ code: 'FORBIDDEN' });
  expect(() => store.accounts.add(accountOf(eachMax))).toThrow(full);
  expect(() => store.tokens.add(tokenOf(eachMax))).toThrow(full);
  expect(store.tokens.list()).toHaveLength(eachMax);
});

test('a keystore that does not fit its format is STORE_CORRUPT, not an account', async () => {
  const store = await storeAt('broken.db');
  store.accounts.add(accountOf(1));
  const corrupt = expect.objectContaining({ code: 'STORE_CORRUPT' });
  expect(() => store.accounts.get('a1')).toThrow(corrupt);
  expect(() => store.accounts.list()).toThrow(corrupt);
});
