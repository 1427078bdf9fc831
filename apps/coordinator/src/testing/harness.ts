/**
 * A coordinator for tests: the real one on a free port, with a chain of the test's own making, a clock
 * that the test moves, and providers that speak the real protocol with real signatures.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@aitbc/bus';
import {
  addressFromId,
  type Clock,
  createManualClock,
  hex,
  type KeyPair,
  keyPairFromSeed,
  sha256,
  utf8,
} from '@aitbc/primitives';
import { AppError, type Network, networkFromHash } from '@aitbc/protocol';
import { createCoordinatorClient } from '@aitbc/sdk';
import { createLog } from '@aitbc/service';
import { createMemoryChain, type MemoryChain } from '@aitbc/x402/testing';
import { type Coordinator, createCoordinator } from '../app.ts';
import type { AuditChain, ChainAudit } from '../chain/audit-chain.ts';
import type { ChainReader, Registration } from '../chain/chain-reader.ts';
import type { CoordinatorConfig } from '../config.ts';
import {
  createTestAgentChain,
  createTestBlocks,
  type TestAgentChain,
  type TestBlocks,
} from './test-blocks.ts';

export const network = networkFromHash('ait-test', 'ab'.repeat(32));
export const startMs = 1_700_000_000_000;
export const bondMinNait = 100_000_000_000n;

/** Keys and address of a name; the same in every run. */
export interface Identity {
  readonly address: string;
  readonly accountId: string;
  /** Registered hot key. */
  readonly publicKey: string;
  readonly secretKey: Uint8Array;
}

/** Identity of a name. */
export function identityOf(name: string): Identity {
  const account: KeyPair = keyPairFromSeed(sha256(utf8(`account of ${name}`)));
  const hot: KeyPair = keyPairFromSeed(sha256(utf8(`hot key of ${name}`)));
  return {
    address: addressFromId(account.publicKey),
    accountId: hex(account.publicKey),
    publicKey: hex(hot.publicKey),
    secretKey: hot.secretKey,
  };
}

/** A chain that is what the test says. */
export interface TestChain extends ChainReader {
  register(identity: Identity, changes?: Partial<Registration>): void;
  unregister(identity: Identity): void;
  isUp: boolean;
  genesisHash: string;
  /** Coins of accounts by address, nait; a thousand AIT for all others. */
  readonly holdings: Map<string, bigint>;
  /** Calls of `provider` so far. */
  lookups: number;
  readonly x402: MemoryChain;
  readonly audits: TestAuditChain;
  readonly work: TestAgentChain;
  readonly blocks: TestBlocks;
}

/** Blocks and disputes as the test says. */
export interface TestAuditChain extends AuditChain {
  newest: number;
  readonly disputes: Map<string, ChainAudit>;
}

/** A chain without providers. */
export function createTestChain(): TestChain {
  const providers = new Map<string, Registration>();
  const holdings = new Map<string, bigint>();
  const assertUp = (chain: TestChain): void => {
    if (!chain.isUp) throw new AppError('UNAVAILABLE', { what: 'test node', reason: 'it is down' });
  };
  return {
    isUp: true,
    genesisHash: network.genesisHash,
    lookups: 0,
    holdings,
    holding: async (address) => holdings.get(address) ?? 1_000_000_000_000n,
    x402: createMemoryChain(network),
    audits: createTestAuditChain(),
    work: createTestAgentChain(),
    blocks: createTestBlocks(),
    register({ address, publicKey }, changes = {}) {
      const registration = { authorizer: publicKey, bondNait: bondMinNait, unbondDueMs: 0 };
      providers.set(address, { ...registration, ...changes });
    },
    unregister: ({ address }) => void providers.delete(address),
    async facts() {
      assertUp(this);
      const known = networkFromHash('ait-test', this.genesisHash);
      return { network: known, providerBondMinNait: bondMinNait };
    },
    async provider(address) {
      assertUp(this);
      this.lookups += 1;
      return providers.get(address);
    },
    close: async () => {},
  };
}

/** Hash of a block of the test chain. */
export function blockHashAt(height: number): string {
  return hex(sha256(utf8(`block ${height}`)));
}

function createTestAuditChain(): TestAuditChain {
  const disputes = new Map<string, ChainAudit>();
  return {
    newest: 10,
    disputes,
    async height() {
      return this.newest;
    },
    async blockHash(height) {
      return height <= this.newest ? blockHashAt(height) : undefined;
    },
    audit: async (auditId) => disputes.get(auditId),
  };
}

/** A running coordinator and what belongs to it. */
export interface Bench {
  readonly coordinator: Coordinator;
  readonly url: string;
  readonly chain: TestChain;
  readonly clock: Clock & { advance(byMs: number): void };
  readonly client: ReturnType<typeof createCoordinatorClient>;
  readonly dataDir: string;
  readonly fatal: unknown[];
  /** Moves the clock and lets one round of upkeep run. */
  pass(ms: number): Promise<void>;
  /**
   * What a crash leaves: a second coordinator on a copy of the files as they are now. The first one is
   * stopped afterwards, so that its goodbye does not reach the copy.
   */
  crash(): Promise<Bench>;
  stop(): Promise<void>;
}

/** What a test may choose. */
export interface BenchOptions {
  readonly chain?: TestChain;
  readonly clock?: Clock & { advance(byMs: number): void };
  readonly dataDir?: string;
  readonly config?: Partial<CoordinatorConfig>;
  readonly openBus?: (network: Network) => Promise<Bus>;
  /** Default 0.5: no exploration. */
  readonly draw?: number;
}

/** Settings of a test. */
export function testConfig(changes: Partial<CoordinatorConfig>): CoordinatorConfig {
  return {
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    dataDir: '',
    databaseUrl: '',
    databasePassword: '',
    webhooksToPrivate: true,
    nodeUrl: '',
    name: 'test',
    auditRateBps: 300,
    auditDutyMs: 120_000,
    canaryGateway: '',
    canaryEveryMs: 60_000,
    console: 'off',
    consoleGateway: '',
    consoleDevnetControl: '',
    bus: '',
    busUser: '',
    busPassword: '',
    busCaFile: undefined,
    busListen: [],
    busPeers: [],
    surveillancePlugins: '',
    surveillanceThresholds: [],
    surveillancePublicSources: [],
    postsPerMinute: 1_000_000,
    logLevel: 'silent',
    exitWithParent: false,
    ...changes,
  };
}

/** Starts a coordinator. */
export async function startBench(options: BenchOptions = {}): Promise<Bench> {
  const chain = options.chain ?? createTestChain();
  const clock = options.clock ?? createManualClock(startMs);
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'aitbc-coordinator-'));
  const fatal: unknown[] = [];
  const coordinator = createCoordinator(testConfig({ dataDir, ...options.config }), {
    log: createLog({ name: 'coordinator', level: 'silent' }),
    chain,
    clock,
    draw: () => options.draw ?? 0.5,
    ...(options.openBus && { openBus: options.openBus }),
    onFatal: (error) => void fatal.push(error),
  });
  const stop = async (): Promise<void> => {
    await coordinator.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await coordinator.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const url = String(coordinator.url);
  return {
    coordinator,
    url,
    chain,
    clock,
    client: createCoordinatorClient({ baseUrl: url }),
    dataDir,
    fatal,
    async pass(ms) {
      clock.advance(ms);
      await coordinator.round();
    },
    async crash() {
      const copy = mkdtempSync(join(tmpdir(), 'aitbc-coordinator-'));
      cpSync(dataDir, copy, { recursive: true });
      await stop();
      return startBench({ ...options, chain, clock, dataDir: copy });
    },
    stop,
  };
}
