import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '@aitbc/primitives';
import {
  AppError,
  type ChannelState,
  decodeTx,
  devnetParams,
  type Hex,
  type Outcome,
  unwrap,
} from '@aitbc/protocol';
import { createLocalSigner } from '@aitbc/sdk';
import { createMemoryChain, keyOf } from '@aitbc/x402/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { OneShotChain } from './one-shot-chain.ts';
import { type OneShotStore, openOneShotStore, type TakenPayment } from './one-shot-store.ts';
import { createRefunds } from './refund-payments.ts';

const seller = keyOf(1);
const payers = [keyOf(11), keyOf(12), keyOf(13)] as const;
const idOf = (number: number): Hex => number.toString(16).padStart(64, '0');

interface World {
  readonly store: OneShotStore;
  readonly coins: ReturnType<typeof createMemoryChain>;
  readonly clock: ReturnType<typeof createManualClock>;
  readonly jobs: Map<Hex, { outcome: Outcome; charged: bigint }>;
  readonly channels: Map<Hex, ChannelState>;
  readonly troubles: unknown[];
  /** Called instead of a plain sending of the next transactions. */
  onSend: ((bytes: Uint8Array) => Promise<void>) | undefined;
  look(): Promise<void>;
  take(number: number, payment?: Partial<TakenPayment>): Hex;
  balanceOf(payer: number): Promise<bigint>;
  /** A new life of the daemon on the same file. */
  restart(): Promise<void>;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function world(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-refunds-'));
  const path = join(folder, 'one-shot.db');
  const coins = createMemoryChain();
  coins.give(seller.publicKey, 10_000_000n);
  const { network } = coins;
  const made = {
    coins,
    clock: createManualClock(1_000_000),
    jobs: new Map<Hex, { outcome: Outcome; charged: bigint }>(),
    channels: new Map<Hex, ChannelState>(),
    troubles: [] as unknown[],
    onSend: undefined as World['onSend'],
    store: await openOneShotStore(path),
  };
  const chain: OneShotChain = {
    height: () => coins.height,
    transfer: async () => undefined,
    isFinal: async (txId) => (await coins.final(txId)) !== undefined,
    async send(bytes) {
      if (made.onSend) await made.onSend(bytes);
      else await submit(bytes);
    },
  };
  const submit = async (bytes: Uint8Array): Promise<void> => {
    await coins.submit(unwrap(decodeTx(network, bytes)));
  };
  const refunds = () =>
    createRefunds(
      { intervalMs: 1_000_000, startWithinMs: 300_000 },
      {
        network,
        provider: seller.publicKey,
        signer: seller,
        params: devnetParams,
        store: made.store,
        chain,
        books: {
          all: () => [],
          get: () => undefined,
          observe: (channel) => void made.channels.set(channel.channelId, channel),
          forget: (channelId) => void made.channels.delete(channelId),
        },
        job: (jobId) => made.jobs.get(jobId),
        account: createLocalSigner(network, seller.secretKey),
        nowMs: made.clock.nowMs,
        onTrouble: (error) => void made.troubles.push(error),
      },
    );
  closers.push(async () => {
    await made.store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const extras = {
    look: () => refunds().lookNow(),
    take(number: number, payment: Partial<TakenPayment> = {}): Hex {
      const txId = idOf(number);
      const isNew = made.store.take({
        ...{
          txId,
          payer: payers[0].publicKey,
          amount: 50_000n,
          offerId: idOf(1),
          bodyDigest: idOf(2),
        },
        ...{ jobId: idOf(1_000 + number), state: 'open', validUntil: 0, credit: 0n },
        takenAtMs: made.clock.nowMs(),
        ...payment,
      });
      expect(isNew).toBe(true);
      return txId;
    },
    balanceOf: (payer: number) => coins.balance(payers[payer]?.address ?? ''),
    async restart() {
      await made.store.close();
      made.store = await openOneShotStore(path);
    },
  };
  return Object.assign(made, extras);
}

describe('what a payment did not use', () => {
  it('goes back after its job, less the fee, and once', async () => {
    const { take, jobs, look, store, balanceOf, coins } = await world();
    const txId = take(1);
    jobs.set(idOf(1_001), { outcome: 'running', charged: 10n });
    await look();
    expect(store.find(txId)?.state).toBe('open');
    jobs.set(idOf(1_001), { outcome: 'complete', charged: 20_000n });
    await look();
    await look();
    expect(await balanceOf(0)).toBe(50_000n - 20_000n - 1_000n);
    expect(store.find(txId)).toMatchObject({
      state: 'closed',
      charged: 20_000n,
      credit: 29_000n,
      refundIsFinal: true,
    });
    expect(coins.sent).toHaveLength(1);
  });

  it('goes back whole when the job never started, and nothing can start any more', async () => {
    const { take, look, store, balanceOf, clock, channels } = await world();
    const txId = take(1);
    clock.advance(299_999);
    await look();
    expect(store.find(txId)?.state).toBe('open');
    clock.advance(1);
    await look();
    expect(await balanceOf(0)).toBe(50_000n);
    expect(channels.get(txId)?.closed).toBe(true);
  });

  it('goes back whole when the job ended without a token', async () => {
    const { take, jobs, look, balanceOf } = await world();
    take(1);
    jobs.set(idOf(1_001), { outcome: 'provider_error', charged: 0n });
    await look();
    expect(await balanceOf(0)).toBe(50_000n);
  });

  it('waits while it is not worth its fee, and goes back with the next', async () => {
    const { take, jobs, look, balanceOf, coins } = await world();
    for (const number of [1, 2]) {
      take(number);
      jobs.set(idOf(1_000 + number), { outcome: 'complete', charged: 43_000n });
      expect(await balanceOf(0)).toBe(0n);
      await look();
    }
    expect(await balanceOf(0)).toBe(12_000n);
    expect(coins.sent).toHaveLength(1);
  });

  it('goes to all payers in one transaction', async () => {
    const { take, clock, look, balanceOf, coins } = await world();
    payers.forEach(
      ({ publicKey: payer }, at) => void take(at, { payer, amount: 20_000n + BigInt(at) }),
    );
    clock.advance(300_000);
    await look();
    expect(await Promise.all([0, 1, 2].map(balanceOf))).toEqual([20_000n, 20_001n, 20_002n]);
    expect(coins.sent).toHaveLength(1);
  });
});

describe('a refund', () => {
  it('whose answer was lost is not paid twice, also by the next life', async () => {
    const market = await world();
    market.take(1);
    market.clock.advance(300_000);
    market.coins.loseAnswers = 1;
    await market.look();
    expect(market.troubles).toHaveLength(1);
    expect(market.store.pendingRefunds()).toHaveLength(1);
    await market.restart();
    await market.look();
    expect(await market.balanceOf(0)).toBe(50_000n);
    expect(market.store.pendingRefunds()).toHaveLength(0);
    expect(market.coins.sent).toHaveLength(1);
  });

  it('that never left is sent again with the same bytes', async () => {
    const market = await world();
    market.take(1);
    market.clock.advance(300_000);
    const seen: string[] = [];
    market.onSend = async (bytes) => {
      seen.push(Buffer.from(bytes).toString('hex'));
      throw new AppError('UNAVAILABLE', { what: 'node', reason: 'test' });
    };
    await market.look();
    await market.restart();
    await market.look();
    expect(seen[1]).toBe(seen[0]);
    expect(new Set(seen).size).toBe(1);
    market.onSend = undefined;
    await market.look();
    expect(await market.balanceOf(0)).toBe(50_000n);
  });

  it('that can no longer come in is made anew', async () => {
    const market = await world();
    const txId = market.take(1);
    market.clock.advance(300_000);
    market.onSend = async () => {
      throw new AppError('UNAVAILABLE', { what: 'node', reason: 'test' });
    };
    await market.look();
    const first = market.store.find(txId)?.refundTxId;
    market.onSend = undefined;
    market.coins.height += 501;
    await market.look();
    const second = market.store.find(txId)?.refundTxId;
    expect([first === second, await market.balanceOf(0)]).toEqual([false, 50_000n]);
    expect(market.coins.sent).toHaveLength(1);
  });
});

describe('a transfer that waits', () => {
  it('is forgotten once it can no longer come in', async () => {
    const { take, look, store, coins } = await world();
    const txId = take(1, { state: 'waiting', validUntil: 12 });
    await look();
    expect(store.find(txId)?.state).toBe('waiting');
    coins.height = 13;
    await look();
    expect(store.find(txId)).toBeUndefined();
  });
});

it('a transaction id is written once, and kept until it is settled', async () => {
  const market = await world();
  const { take, clock, look } = market;
  const txId = take(1, { amount: 5_000n });
  const again = { ...(market.store.find(txId) as TakenPayment), jobId: idOf(9) };
  expect(market.store.take(again)).toBe(false);
  await market.restart();
  expect(market.store.find(txId)?.jobId).toBe(idOf(1_001));
  clock.advance(300_000);
  await look();
  clock.advance(61 * 24 * 3_600_000);
  await look();
  expect(market.store.find(txId)?.credit).toBe(5_000n);
});
