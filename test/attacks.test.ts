/**
 * Attacks on a whole market, by their numbers in docs/spec/payments.md, "Attacks": those that need both daemons and the
 * rules of the chain at once. The others have their tests beside the code that refuses them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hex, sign } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  claimBytes,
  signVoucher,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { ask } from './faults/client.ts';
import { keysOf, startBalance } from './faults/ledger.ts';
import {
  buyerSeed,
  type Market,
  type MarketWishes,
  openMarket,
  shopSeeds,
  strangerSeed,
} from './faults/market.ts';
import { answerText } from './faults/shop.ts';

let market: Market;
afterEach(() => market?.stop());

async function open(wishes?: MarketWishes): Promise<Market> {
  market = await openMarket(wishes);
  return market;
}

/** Sends as the account of a seed; the code of the refusal, undefined when it was taken. */
async function send<K extends TxKind>(seed: number, kind: K, body: TxBody<K>) {
  try {
    await market.ledger.sender(keysOf(seed)).send(kind, body);
    return undefined;
  } catch (error) {
    return asAppError(error).code;
  }
}

const channelTo = (place: number) => {
  const receiver = hex(keysOf(shopSeeds[place] ?? 0).publicKey);
  const channel = market.ledger.channels().find((row) => row.receiver === receiver);
  if (!channel) throw new AppError('CHANNEL_UNKNOWN', { channelId: '' });
  return channel;
};

describe('attack 8: the buyer takes its money back after the work was admitted', () => {
  it('leaves the provider what it delivered, and buys nothing more there', async () => {
    const { shops, till } = await open();
    const [first] = shops;
    let drained: Promise<unknown> | undefined;
    first?.proxy.onLine((lines) => {
      if (lines !== 20) return;
      const { channelId, balance } = channelTo(0);
      drained = send(buyerSeed, 'withdraw_init', { channelId, amount: balance });
    });
    const seen = await ask(till, { isStream: true });
    expect(answerText.startsWith(seen.text)).toBe(true);
    expect(await drained).toBe(undefined);
    const { channelId } = channelTo(0);
    expect(await send(buyerSeed, 'withdraw_finalize', { channelId })).toBe(
      'CHANNEL_WITHDRAW_EARLY',
    );
    const calls = first?.engineTokens();
    const again = await ask(till, { isStream: true, key: 'another' });
    expect(again.judgement).toBe('pass');
    expect(first?.engineTokens(), 'no new work').toBe(calls);
    const [paid = 0n] = await market.settle();
    expect(Number(paid), 'at least the tokens that went out').toBeGreaterThanOrEqual(20);
    expect(channelTo(0).totalClaimed).toBe(paid);
  });
});

describe('attack 13: clocks that differ', () => {
  it.each([-100_000, 100_000])(
    'change no sum: the clock of the provider is %i ms ahead',
    async (skewMs) => {
      const { till } = await open({ shops: 1, skewMs });
      expect(await ask(till, { isStream: true })).toMatchObject({ judgement: 'pass' });
      expect(await market.settle()).toEqual([54n]);
    },
  );

  it('buy nothing under an offer that begins beyond the grace of two minutes', async () => {
    const { till } = await open({ skewMs: 300_000 });
    expect(await ask(till, { isStream: true })).toMatchObject({ judgement: 'pass' });
    expect(await market.settle(), 'bought from the other one').toEqual([0n, 54n]);
  });
});

describe('attack 27: a stolen hot key', () => {
  it('of a provider claims what is due to the provider, for the provider', async () => {
    await open({ shops: 1 });
    await ask(market.till, { isStream: true });
    const { channelId, totalClaimed } = channelTo(0);
    const hotKey = keysOf((shopSeeds[0] ?? 0) + 100);
    const thief = hex(keysOf(strangerSeed).publicKey);
    const before = await balanceOf(strangerSeed);
    const maxClaimable = 54n;
    const context = '00'.repeat(32);
    const unsigned = signVoucher(
      market.ledger.network,
      { channelId, maxClaimable, context },
      keysOf(strangerSeed).secretKey,
    );
    const row = { channelId, maxClaimable, context, voucherSignature: unsigned.signature };
    const rows = [{ ...row, totalClaimed: 54n }];
    const signature = hex(sign(claimBytes(market.ledger.network, rows), hotKey.secretKey));
    await send(strangerSeed, 'channel_claim', { rows, signature } as never);
    expect(channelTo(0).totalClaimed, 'no voucher of the buyer, no coin').toBe(totalClaimed);
    expect(await send(strangerSeed, 'provider_unbond', {})).not.toBe(undefined);
    expect(await balanceOf(strangerSeed)).toBeLessThanOrEqual(before);
    expect(await market.settle()).toEqual([54n]);
    expect(thief).not.toBe(channelTo(0).receiver);
  });

  it('of a buyer reaches what is in its channels, and only for their receivers', async () => {
    await open({ shops: 1 });
    await ask(market.till, { isStream: true });
    const { channelId, payerAuthorizer, payer } = channelTo(0);
    const buyer = hex(keysOf(buyerSeed).publicKey);
    expect([payer === buyer, payerAuthorizer === buyer], 'two keys').toEqual([true, false]);
    const taken = await send(strangerSeed, 'withdraw_init', { channelId, amount: 1n });
    expect(taken, 'not the payer').not.toBe(undefined);
    const vault = { receiver: hex(keysOf(strangerSeed).publicKey), payerAuthorizer };
    const terms = { receiverAuthorizer: payerAuthorizer, withdrawDelayMs: 3_600_000 };
    const allocation = { ...vault, ...terms, salt: '00'.repeat(32), amount: 1n };
    expect(await send(strangerSeed, 'channel_fund', allocation)).toBe('TX_FUNDS_INSUFFICIENT');
    expect(await balanceOf(strangerSeed)).toBeLessThanOrEqual(startBalance);
    expect(await market.settle()).toEqual([54n]);
  });
});

async function balanceOf(seed: number): Promise<bigint> {
  const { address } = market.ledger.sender(keysOf(seed)).signer;
  return BigInt((await market.ledger.node().rpc.state_getAccount({ address })).balance);
}

describe('the table of attacks', () => {
  it('has all thirty in order, each with tests that exist', async () => {
    const root = join(import.meta.dirname, '..');
    const spec = readFileSync(join(root, 'docs/spec/payments.md'), 'utf8');
    const [, table = ''] = spec.split('| # | Attack | Defence | Test |\n|---|---|---|---|\n');
    const rows = (table.split('\n\n')[0] ?? '').split('\n').map((row) => row.split(' | '));
    const numbers = rows.map(([number = '']) => Number(number.replace('|', '')));
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
    const tests = ['packages', 'apps', 'test'].flatMap((top) => testsIn(join(root, top)));
    for (const row of rows) {
      const names = [...(row[3] ?? '').matchAll(/"([^"]+)"/g)].map(([, name = '']) => name);
      for (const name of names) {
        const wanted = name.replaceAll('…', '').trim();
        expect(
          tests.some((text) => text.includes(wanted)),
          `a test named "${name}"`,
        ).toBe(true);
      }
    }
  });
});

/** Texts of all test files below a folder. */
function testsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testsIn(path);
    return entry.name.endsWith('.test.ts') ? [readFileSync(path, 'utf8')] : [];
  });
}
