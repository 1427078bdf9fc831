import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyPairFromSeed } from '@aitbc/primitives';
import { createTestChain } from '@aitbc/sdk/testing';
import { createLog, loadConfig, until } from '@aitbc/service';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { gatewayConfig } from './config.ts';
import { type BuyerLink, type ConnectDeps, createBuyerLink } from './connect-buyer.ts';
import { openHotKey } from './hot-key.ts';
import { openStore } from './store.ts';

const dir = mkdtempSync(join(tmpdir(), 'gateway-link-'));
const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterAll(() => rmSync(dir, { recursive: true }));

function configOf(...argv: string[]) {
  return loadConfig(gatewayConfig, { argv: ['--data-dir', dir, ...argv], env: {} });
}

function codeOf(link: BuyerLink): string {
  try {
    link.get();
    return 'ready';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a gateway without a buyer', () => {
  it('says WALLET_ACCOUNT_UNKNOWN while the wallet holds no account at all', async () => {
    const { node } = createTestChain();
    const store = await openStore(join(dir, 'empty.db'));
    const unused = () => Promise.reject(new Error('nothing is bought here'));
    const deps: ConnectDeps = {
      node,
      coordinator: { route: unused, report: unused, submitJob: unused, getJob: unused },
      wallet: { listAccounts: async () => ({ accounts: [] }), sign: unused },
      hotKey: keyPairFromSeed(new Uint8Array(32).fill(7)),
      store,
      log: createLog({ name: 'test', level: 'silent' }),
    };
    const link = createBuyerLink(configOf(), deps);
    cleanUps.push(
      () => store.close(),
      () => link.stop(),
    );
    expect(codeOf(link)).toBe('UNAVAILABLE');
    link.start();
    await until(() => codeOf(link) === 'WALLET_ACCOUNT_UNKNOWN');
    expect(link.isReady()).toBe(false);
    expect(codeOf(link)).toBe('WALLET_ACCOUNT_UNKNOWN');
  });

  it('is CONFIG_INVALID at once when an amount is no whole number of nait', () => {
    const start = () => createBuyerLink(configOf('--job-max', '1.5'), {} as ConnectDeps);
    expect(start).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('the key of a gateway', () => {
  it('is made once and stays; a broken file is STORE_CORRUPT', () => {
    const path = join(dir, 'hot.key');
    expect(openHotKey(path)).toEqual(openHotKey(path));
    writeFileSync(path, 'no key');
    expect(() => openHotKey(path)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  });
});
