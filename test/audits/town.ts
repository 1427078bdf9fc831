/**
 * A whole market in one process for tests of audits: a chain of one validator, a coordinator that audits every
 * verifiable job, providers over real models, and a gateway for each provider that is to be bought from, or one that buys
 * canaries for the coordinator.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Coordinator, coordinatorConfig, createCoordinator } from '@aitbc/coordinator/testing';
import { createGateway, gatewayConfig } from '@aitbc/gateway/testing';
import { createNode } from '@aitbc/node/testing';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  addressOf,
  type ChainParams,
  devnetParams,
  type Genesis,
  type Hex,
  networkFromGenesis,
} from '@aitbc/protocol';
import { type ChosenEngine, createProvider, providerConfig } from '@aitbc/provider/testing';
import {
  type CoordinatorClient,
  createCoordinatorClient,
  createGatewayClient,
  createLocalSigner,
  createNodeClient,
  createProviderClient,
  createTxSender,
  type GatewayClient,
  type NodeClient,
  type ProviderClient,
  type TxSender,
} from '@aitbc/sdk';
import { createLog, loadConfig } from '@aitbc/service';
import { freePort, until } from '../harness.ts';

const naitPerAit = 1_000_000_000n;
/** What a provider puts at stake: the least that the chain allows. */
export const bondNait = 100n * naitPerAit;
const startNait = 1_000n * naitPerAit;
const validatorSeed = 250;
const buyerSeed = 251;
const strangerSeed = 252;

/** A provider of the town. */
export interface TownProvider {
  readonly address: string;
  readonly accountId: Hex;
  readonly client: ProviderClient;
  /** Sends for its account. */
  readonly sender: TxSender;
}

/** How a provider is made. */
export interface ProviderWish {
  readonly engine: ChosenEngine;
  /** Default on. */
  readonly audits?: 'on' | 'off';
}

/** The town. */
export interface Town {
  readonly node: NodeClient;
  readonly coordinator: CoordinatorClient;
  addProvider(wish: ProviderWish): Promise<TownProvider>;
  /** A gateway that buys from this provider alone. */
  gatewayTo(provider: TownProvider): Promise<{ url: string; client: GatewayClient }>;
  /** An account with coins and no part in the market. */
  readonly stranger: { readonly address: string; readonly sender: TxSender };
  stop(): Promise<void>;
}

const log = createLog({ name: 'town', level: process.env.AITBC_TEST_LOG ?? 'silent' });
const host = '127.0.0.1';

function keysOf(seed: number) {
  const { publicKey, secretKey } = keyPairFromSeed(new Uint8Array(32).fill(seed));
  const accountId = hex(publicKey);
  return { accountId, address: addressOf(accountId), secretKey };
}

/** What a town begins with. */
export interface TownWish extends Partial<ChainParams> {
  /** The coordinator buys canaries; nobody else buys. */
  readonly canaries?: boolean;
}

/** Starts chain and coordinator; `providersMax` accounts have coins for a bond. */
export async function openTown(
  providersMax: number,
  { canaries = false, ...params }: TownWish,
): Promise<Town> {
  const home = mkdtempSync(join(tmpdir(), 'aitbc-town-'));
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.reverse()) await end();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const genesis = genesisOf(providersMax, params);
    const nodeUrl = await startChain(home, genesis, stops);
    const node = createNodeClient({ url: nodeUrl });
    stops.push(() => node.close());
    const canaryPort = canaries ? await freePort() : undefined;
    const desk = await startCoordinator({ home, nodeUrl, canaryPort }, stops);
    const coordinatorUrl = desk.url ?? '';
    const parts = {
      home,
      nodeUrl,
      coordinatorUrl,
      node,
      network: networkFromGenesis(genesis),
      stops,
    };
    if (canaryPort !== undefined) await startCanaryGateway(parts, canaryPort);
    return { ...townOf(parts), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function genesisOf(providersMax: number, params: Partial<ChainParams>): Genesis {
  const seeds = [
    buyerSeed,
    strangerSeed,
    ...Array.from({ length: providersMax }, (_, at) => at + 1),
  ];
  return {
    network: 'audit-town',
    timeMs: Date.now() - 60_000,
    accounts: seeds.map((seed) => ({ address: keysOf(seed).address, balance: `${startNait}` })),
    validators: [
      { publicKey: keysOf(validatorSeed).accountId, stake: devnetParams.validatorStakeMin },
    ],
    params: { ...devnetParams, providerBondMin: `${bondNait}`, heartbeatMs: 250, ...params },
  };
}

type Stops = (() => Promise<void>)[];

async function startChain(home: string, genesis: Genesis, stops: Stops): Promise<string> {
  const genesisFile = join(home, 'genesis.json');
  const keyFile = join(home, 'validator.key');
  writeFileSync(genesisFile, JSON.stringify(genesis));
  writeFileSync(keyFile, seedText(validatorSeed), { mode: 0o600 });
  const files = { dataDir: join(home, 'node'), genesisFile, keyFile };
  const node = createNode({ ...files, host, port: 0, minBlockIntervalMs: 20 }, { log });
  await node.start();
  stops.push(() => node.stop());
  return node.url ?? '';
}

interface CoordinatorPlan {
  readonly home: string;
  readonly nodeUrl: string;
  readonly canaryPort: number | undefined;
}

async function startCoordinator(
  { home, nodeUrl, canaryPort }: CoordinatorPlan,
  stops: Stops,
): Promise<Coordinator> {
  const argv = ['--port', '0', '--data-dir', join(home, 'coordinator'), '--node-url', nodeUrl];
  if (canaryPort !== undefined) {
    argv.push('--canary-gateway', `http://${host}:${canaryPort}`, '--canary-every-ms', '1000');
  }
  const config = loadConfig(coordinatorConfig, {
    argv: [...argv, '--audit-rate-bps', '10000', '--audit-duty-ms', '20000'],
    env: {},
  });
  const onFatal = (error: unknown): void => {
    throw error;
  };
  const coordinator = createCoordinator(config, { log, onFatal });
  await coordinator.start();
  stops.push(() => coordinator.stop());
  return coordinator;
}

interface TownParts {
  readonly home: string;
  readonly nodeUrl: string;
  readonly coordinatorUrl: string;
  readonly node: NodeClient;
  readonly network: ReturnType<typeof networkFromGenesis>;
  readonly stops: Stops;
}

function townOf(parts: TownParts): Omit<Town, 'stop'> {
  const { home, node, network, coordinatorUrl, stops } = parts;
  const coordinator = createCoordinatorClient({ baseUrl: coordinatorUrl });
  const senderOf = (seed: number) =>
    createTxSender({ node, signer: createLocalSigner(network, keysOf(seed).secretKey) });
  let providers = 0;
  return {
    node,
    coordinator,
    stranger: { address: keysOf(strangerSeed).address, sender: senderOf(strangerSeed) },
    async addProvider(wish) {
      providers += 1;
      const seed = providers;
      const { address, accountId } = keysOf(seed);
      const client = await startProvider(parts, seed, wish);
      await until('the provider is listed', async () => {
        const listed = await coordinator.listProviders({});
        return listed.providers.some(({ provider, models }) => {
          return provider === address && models.length > 0;
        });
      });
      return { address, accountId, client, sender: senderOf(seed) };
    },
    async gatewayTo({ address }) {
      const argv = ['--port', '0', '--data-dir', join(home, `gateway-${address}`)];
      const config = loadConfig(gatewayConfig, {
        argv: [...argv, '--allow-private', '--share-audits'],
        env: {},
      });
      const daemon = await createGateway(config, {
        ...{ log, node: createNodeClient({ url: parts.nodeUrl }), sender: senderOf(buyerSeed) },
        coordinator: onlyFrom(coordinator, address),
      });
      await daemon.start();
      stops.push(() => daemon.stop());
      const url = daemon.url ?? '';
      await until('the gateway is ready', async () => (await fetch(`${url}/health/ready`)).ok);
      return { url, client: createGatewayClient({ baseUrl: url }) };
    },
  };
}

/** An ordinary gateway whose coordinator names newcomers only. */
async function startCanaryGateway(parts: TownParts, port: number): Promise<void> {
  const argv = ['--port', `${port}`, '--data-dir', join(parts.home, 'canary-gateway')];
  const config = loadConfig(gatewayConfig, {
    argv: [
      ...[...argv, '--allow-private', '--share-audits'],
      ...['--coordinator-url', `${parts.coordinatorUrl}/canary`],
    ],
    env: {},
  });
  const { node, network } = parts;
  const signer = createLocalSigner(network, keysOf(buyerSeed).secretKey);
  const sender = createTxSender({ node, signer });
  const own = createNodeClient({ url: parts.nodeUrl });
  const daemon = await createGateway(config, { log, node: own, sender });
  await daemon.start();
  parts.stops.push(() => daemon.stop());
}

function onlyFrom(coordinator: CoordinatorClient, provider: string): CoordinatorClient {
  return {
    ...coordinator,
    route: (query, options) =>
      coordinator.route({ ...query, provider: { only: [provider] } }, options),
  };
}

async function startProvider(
  { home, nodeUrl, coordinatorUrl, stops }: TownParts,
  seed: number,
  { engine, audits = 'on' }: ProviderWish,
): Promise<ProviderClient> {
  const dataDir = join(home, `provider-${seed}`);
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, 'account.key'), seedText(seed));
  writeFileSync(join(dataDir, 'authorizer.key'), seedText(seed + 100));
  writeFileSync(join(dataDir, 'admin.token'), seedText(seed));
  const urls = ['--node-url', nodeUrl, '--coordinator-url', coordinatorUrl];
  const config = loadConfig(providerConfig, {
    argv: [
      ...['--port', '0', '--data-dir', dataDir, ...urls, '--audits', audits],
      ...['--audit-poll-ms', '250', '--withdraw-delay-ms-min', '1000'],
    ],
    env: {},
  });
  const provider = createProvider(config, { log, engine });
  await provider.start();
  stops.push(() => provider.stop());
  return createProviderClient({ baseUrl: provider.url ?? '', token: seedText(seed).trim() });
}

function seedText(seed: number): string {
  return `${hex(new Uint8Array(32).fill(seed))}\n`;
}
