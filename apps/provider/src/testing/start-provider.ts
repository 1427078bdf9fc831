/** A provider daemon in this process, on a free port, over a counting engine and a fake chain. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, type SignedOffer } from '@aitbc/protocol';
import { createLog, loadConfig } from '@aitbc/service';
import { createProvider, type Provider, type ProviderDeps } from '../app.ts';
import type { ChosenEngine } from '../choose-engine.ts';
import { type ProviderConfig, providerConfig } from '../config.ts';
import { type CountingEngine, createCountingEngine, type EngineScript } from './counting-engine.ts';
import { createFakeChain, type FakeChain } from './fake-chain.ts';
import { createTestBuyer, type TestBuyer } from './test-buyer.ts';

export interface TestWishes {
  readonly config?: Partial<ProviderConfig>;
  readonly script?: EngineScript;
  readonly engine?: ChosenEngine;
  readonly chain?: FakeChain;
  readonly dataDir?: string;
  readonly deps?: Partial<ProviderDeps>;
  readonly balance?: bigint;
}

export interface TestProvider {
  readonly provider: Provider;
  readonly url: string;
  readonly chain: FakeChain;
  readonly counts: CountingEngine['counts'];
  readonly requests: CountingEngine['requests'];
  readonly dataDir: string;
  readonly offer: SignedOffer;
  readonly buyer: TestBuyer;
  stop(): Promise<void>;
}

/** Prices of one nait per token either way: sums are easy to follow. */
const testSettings = {
  host: '127.0.0.1',
  port: 0,
  coordinatorUrl: '',
  register: false,
  priceInput: '1000000',
  priceOutput: '1000000',
  pricePerRequest: '7',
  needVoucherWaitMs: 5_000,
} as const;

export async function startProvider(wishes: TestWishes = {}): Promise<TestProvider> {
  const dataDir = wishes.dataDir ?? mkdtempSync(join(tmpdir(), 'aitbc-provider-'));
  const chain = wishes.chain ?? createFakeChain();
  const counting = createCountingEngine(wishes.script);
  const defaults = loadConfig(providerConfig, { argv: [], env: {} });
  const config = { ...defaults, ...testSettings, dataDir, ...wishes.config };
  const provider = createProvider(config, {
    log: createLog({ name: 'provider', level: 'silent' }),
    chain: chain.client,
    sender: chain.sender,
    engine: wishes.engine ?? counting,
    ...wishes.deps,
  });
  await provider.start();
  const url = provider.url ?? '';
  const { offers } = (await (await fetch(`${url}/v1/offers`)).json()) as { offers: SignedOffer[] };
  const offer = offers[0];
  if (!offer) throw new AppError('NO_OFFER', { model: 'any', reason: 'the provider has none' });
  const buyer = createTestBuyer(chain.network, offer, { balance: wishes.balance });
  chain.put(buyer.channel);
  return {
    ...{ provider, url, chain, dataDir, offer, buyer },
    counts: counting.counts,
    requests: counting.requests,
    async stop() {
      await provider.stop();
      if (!wishes.dataDir) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
