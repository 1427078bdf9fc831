/** A provider daemon behind a faulty line: real HTTP, real store, a scripted engine that goes in step with the line. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FaultProxy, startFaultProxy } from '@aitbc/cli/net';
import { hex } from '@aitbc/primitives';
import { addressOf, devnetParams, type Hex, type SignedOffer } from '@aitbc/protocol';
import {
  createCountingEngine,
  createProvider,
  type EngineFault,
  openProviderStore,
  providerConfig,
} from '@aitbc/provider/testing';
import { createProviderClient, type ProviderClient } from '@aitbc/sdk';
import { createLog, loadConfig } from '@aitbc/service';
import { keysOf, type Ledger } from './ledger.ts';
import { createLife, type Life } from './life.ts';
import { startOllama } from './ollama.ts';

/** The answer, one token a word. */
export const words: readonly string[] = Array.from({ length: 40 }, (_, at) => `w${at} `);
export const answerText = words.join('');
export const promptTokens = 7;
/** nait */
export const requestPrice = 7n;

/** Hooks into a provider's journal. */
const providerWrites = [
  'saveChannel',
  'dropChannel',
  'saveOffer',
  'startJob',
  'extendJob',
  'checkpoint',
  'endJob',
  'saveClaim',
] as const;

export interface ShopOptions {
  readonly seed: number;
  readonly home: string;
  readonly windowTokens: number;
  readonly firstTokenMs: number;
  /** An Ollama with this fault stands behind it instead of the scripted engine. */
  readonly ollamaFault?: EngineFault | undefined;
  /** The engine fails before this token of its first call. */
  readonly failsAt?: number | undefined;
  /** Never gives a first token. */
  readonly isSilent?: boolean | undefined;
  readonly skewMs?: number | undefined;
}

/** A provider that can die and come back. */
export interface Shop {
  readonly address: string;
  readonly proxy: FaultProxy;
  life(): Life;
  client(): ProviderClient;
  /** Jobs that it admitted, in all lives. */
  jobIds(): readonly Hex[];
  /** Tokens that its engines gave, in all lives. */
  engineTokens(): number;
  offer(): SignedOffer;
  /** Claims all that is due. */
  claim(): Promise<void>;
  /** Dies now, unless it has. */
  kill(): void;
  /** A new life from the old folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Registers the account on chain and opens the shop. */
export async function openShop(ledger: Ledger, options: ShopOptions): Promise<Shop> {
  const { seed, home } = options;
  const dataDir = join(home, `provider-${seed}`);
  writeKeys(dataDir, seed);
  const proxy = await startFaultProxy();
  await register(ledger, seed, proxy.url);
  const jobs = new Set<Hex>();
  let current = await live(ledger, { options, dataDir, proxy, jobs });
  let before = 0;
  const kill = (): void => current.life.die();
  return {
    address: addressOf(hex(keysOf(seed).publicKey)),
    proxy,
    life: () => current.life,
    client: () => current.client,
    jobIds: () => [...jobs].filter((jobId) => current.hasJob(jobId)),
    engineTokens: () => before + current.tokens(),
    offer: () => current.offer,
    async claim() {
      await current.client.claimNow({});
    },
    kill,
    async restart() {
      kill();
      await current.stop();
      before += current.tokens();
      current = await live(ledger, { options, dataDir, proxy, jobs });
      proxy.mend();
    },
    async stop() {
      await current.stop();
      await proxy.stop();
    },
  };
}

function writeKeys(dataDir: string, seed: number): void {
  mkdirSync(dataDir, { recursive: true });
  const seedHex = (byte: number) => hex(new Uint8Array(32).fill(byte));
  writeFileSync(join(dataDir, 'account.key'), seedHex(seed));
  writeFileSync(join(dataDir, 'authorizer.key'), seedHex(seed + 100));
}

async function register(ledger: Ledger, seed: number, endpoint: string): Promise<void> {
  const { send } = ledger.sender(keysOf(seed));
  await send('agent_register', { name: `shop-${seed}`, endpoint, cardHash: '00'.repeat(32) });
  const authorizer = hex(keysOf(seed + 100).publicKey);
  const bond = BigInt(devnetParams.providerBondMin);
  await send('provider_register', { authorizer, endpoint, bond });
}

interface Place {
  readonly options: ShopOptions;
  readonly dataDir: string;
  readonly proxy: FaultProxy;
  /** Takes the ids of jobs that it admits. */
  readonly jobs: Set<Hex>;
}

/** One life of the daemon. */
async function live(ledger: Ledger, { options, dataDir, proxy, jobs }: Place) {
  const life = createLife(() => proxy.cut());
  const defaults = loadConfig(providerConfig, { argv: [], env: {} });
  const { windowTokens, firstTokenMs, seed, skewMs = 0 } = options;
  const config = {
    ...defaults,
    ...{ dataDir, host: '127.0.0.1', port: 0, publicUrl: proxy.url, coordinatorUrl: '' },
    ...{ register: false, priceInput: '1000000', priceOutput: '1000000', pricePerRequest: '7' },
    ...{ windowTokens, firstTokenMs, needVoucherWaitMs: 5_000, benchmark: 'never' as const },
  };
  const { chosen, tokens, stopEngine } = await engineOf(options, proxy);
  let hasJob = (_jobId: Hex): boolean => false;
  const provider = createProvider(config, {
    log: createLog({ name: 'provider', level: 'silent' }),
    chain: ledger.node(life.isDead),
    sender: ledger.sender(keysOf(seed), life.isDead),
    engine: chosen,
    nowMs: () => Date.now() + skewMs,
    openStore: async (...args) => {
      const store = await openProviderStore(...args);
      hasJob = (jobId) => store.job(jobId) !== undefined;
      const noting = {
        ...store,
        startJob: (...start: Parameters<typeof store.startJob>) => {
          jobs.add(start[1].jobId);
          return store.startJob(...start);
        },
      };
      return life.wrap(noting, providerWrites);
    },
  });
  await provider.start();
  const baseUrl = provider.url ?? '';
  proxy.connect(baseUrl);
  const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
  const client = createProviderClient({ baseUrl, token });
  const { offers } = await client.offers({});
  return {
    life,
    client,
    tokens,
    hasJob: (jobId: Hex) => hasJob(jobId),
    offer: offers[0] as SignedOffer,
    async stop() {
      await provider.stop();
      await stopEngine();
    },
  };
}

/** An engine that gives a token when the line has passed the one before it on. */
async function engineOf({ ollamaFault, failsAt, isSilent }: ShopOptions, proxy: FaultProxy) {
  const scripted = createCountingEngine({
    words,
    promptTokens,
    async before(index, signal) {
      if (isSilent) await new Promise((_, reject) => onAbort(signal, reject));
      if (index > 0) await proxy.passed(index, signal);
      if (index === failsAt) throw new Error('the engine died');
    },
  });
  const tokens = () => scripted.counts.pulled;
  if (!ollamaFault) return { chosen: scripted, tokens, stopEngine: async () => {} };
  return { tokens, ...(await startOllama(scripted, ollamaFault)) };
}

function onAbort(signal: AbortSignal, reject: (reason: unknown) => void): void {
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
}
