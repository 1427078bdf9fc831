/**
 * A whole market in this process: a gateway daemon, provider daemons behind faulty lines, one ledger. Everything between
 * them is HTTP on loopback; only the chain and the ranking of offers are calls.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createGateway,
  type GatewayCoordinator,
  gatewayConfig,
  openStore,
} from '@aitbc/gateway/testing';
import { addressOf } from '@aitbc/protocol';
import type { EngineFault } from '@aitbc/provider/testing';
import { createGatewayClient, type GatewayClient } from '@aitbc/sdk';
import { createLog, type Daemon, loadConfig } from '@aitbc/service';
import { until } from '../harness.ts';
import { createLedger, keysOf, type Ledger } from './ledger.ts';
import { createLife, type Life } from './life.ts';
import { openShop, type Shop } from './shop.ts';

/** Seeds of the buyer's account and of the providers'. */
export const buyerSeed = 1;
export const shopSeeds = [11, 12, 13] as const;
/** An account with coins and no part in the market. */
export const strangerSeed = 21;
export const windowTokens = 16;

/** What a market begins with. */
export interface MarketWishes {
  /** Default 2. */
  readonly shops?: 1 | 2 | 3;
  readonly windowTokens?: number;
  readonly firstTokenMs?: number;
  /** Of the first provider. */
  readonly ollamaFault?: EngineFault | undefined;
  readonly failsAt?: number | undefined;
  readonly isSilent?: boolean | undefined;
  /** Its clock is ahead by so much. */
  readonly skewMs?: number | undefined;
}

/** The gateway, which can die and come back. */
export interface Till {
  url(): string;
  client(): GatewayClient;
  life(): Life;
  /** Aborts when this life ends: what a client of it notices. */
  gone(): AbortSignal;
  kill(): void;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The market. */
export interface Market {
  readonly ledger: Ledger;
  readonly shops: readonly Shop[];
  readonly till: Till;
  /** Waits until no call is open, claims everything, and gives what the chain paid to each provider. */
  settle(): Promise<readonly bigint[]>;
  stop(): Promise<void>;
}

/** Opens a market. */
export async function openMarket(wishes: MarketWishes = {}): Promise<Market> {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-faults-'));
  const seeds = shopSeeds.slice(0, wishes.shops ?? 2);
  const ledger = createLedger([buyerSeed, ...shopSeeds, strangerSeed]);
  const terms = {
    home,
    windowTokens: wishes.windowTokens ?? windowTokens,
    firstTokenMs: wishes.firstTokenMs ?? 20_000,
  };
  const shops: Shop[] = [];
  for (const [place, seed] of seeds.entries()) {
    const { ollamaFault, failsAt, isSilent, skewMs } = wishes;
    const own = place === 0 ? { ollamaFault, failsAt, isSilent, skewMs } : {};
    shops.push(await openShop(ledger, { ...terms, ...own, seed }));
  }
  const till = await openTill(ledger, shops, home);
  return {
    ledger,
    shops,
    till,
    settle: () => settle(ledger, shops, till),
    async stop() {
      await till.stop();
      for (const shop of shops) await shop.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const gatewayWrites = ['save'] as const;

async function openTill(ledger: Ledger, shops: readonly Shop[], home: string): Promise<Till> {
  let current = await live(ledger, shops, home);
  const kill = (): void => current.life.die();
  return {
    url: () => current.url,
    client: () => current.client,
    life: () => current.life,
    gone: () => current.gone,
    kill,
    async restart() {
      kill();
      await current.daemon.stop();
      for (const { proxy, life } of shops) if (!life().isDead()) proxy.mend();
      current = await live(ledger, shops, home);
    },
    stop: () => current.daemon.stop(),
  };
}

/** One life of the gateway. */
async function live(ledger: Ledger, shops: readonly Shop[], home: string) {
  const going = new AbortController();
  const life = createLife(() => {
    for (const { proxy } of shops) proxy.cut(); // its ends of all connections are gone
    going.abort(new Error('the gateway is gone'));
  });
  const argv = ['--data-dir', join(home, 'gateway'), '--port', '0', '--allow-private'];
  const config = loadConfig(gatewayConfig, { argv, env: {} });
  const daemon: Daemon = await createGateway(config, {
    log: createLog({ name: 'gateway', level: process.env.AITBC_TEST_LOG ?? 'silent' }),
    node: ledger.node(life.isDead),
    coordinator: coordinatorOf(shops),
    sender: ledger.sender(keysOf(buyerSeed), life.isDead),
    openStore: async (path) => life.wrap(await openStore(path), gatewayWrites),
  });
  await daemon.start();
  const url = daemon.url ?? '';
  await until('the gateway is ready', async () => {
    return (await fetch(`${url}/health/ready`)).ok || life.isDead();
  });
  return { life, daemon, url, client: createGatewayClient({ baseUrl: url }), gone: going.signal };
}

/** A ranking that never changes: the providers in their order. */
function coordinatorOf(shops: readonly Shop[]): GatewayCoordinator {
  const measured = {
    firstTokenMsP50: null,
    firstTokenMsP90: null,
    tokensPerSecondP50: null,
    samples: 0,
  };
  const ranked = () =>
    shops.map(({ offer }, rank) => ({
      ...{ offerId: '00'.repeat(32), offer: offer(), rank, reason: 'test', measured },
    }));
  return {
    route: async () => ({ offers: ranked() }),
    report: async () => ({ accepted: 0 }),
    models: async () => ({ object: 'list', data: [] }),
  } as unknown as GatewayCoordinator;
}

async function settle(
  ledger: Ledger,
  shops: readonly Shop[],
  till: Till,
): Promise<readonly bigint[]> {
  await until('no call is open', async () => {
    const { calls } = await till.client().spend({ limit: 100 });
    const running = await Promise.all(shops.map((shop) => shop.client().status({})));
    const isIdle = running.every((status) => status.running === 0);
    return isIdle && calls.every(({ outcome }) => outcome !== 'running');
  });
  for (const shop of shops) await claimAll(shop);
  const paid = shops.map(({ address }) => paidTo(ledger, address));
  const { channels } = await till.client().spend({ limit: 1 });
  for (const [place, { address }] of shops.entries()) {
    const own = channels.filter(({ provider }) => provider === address);
    const sum = own.reduce((total, { charged }) => total + BigInt(charged), 0n);
    if (sum !== paid[place]) {
      throw new Error(
        `the buyer counts ${sum} nait for provider ${place}, the chain ${paid[place]}`,
      );
    }
  }
  const problems = ledger.coinProblems();
  if (problems.length > 0) throw new Error(problems.join('; '));
  return paid;
}

/** Claims; a provider that dies of it claims in its next life. */
async function claimAll(shop: Shop): Promise<void> {
  try {
    await shop.claim();
  } catch (error) {
    if (!shop.life().isDead()) throw error;
  }
  if (!shop.life().isDead()) return;
  await shop.restart();
  await shop.claim();
}

function paidTo(ledger: Ledger, address: string): bigint {
  const rows = ledger.channels().filter((channel) => addressOf(channel.receiver) === address);
  return rows.reduce((sum, { totalClaimed }) => sum + totalClaimed, 0n);
}
