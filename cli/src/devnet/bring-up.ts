/**
 * Brings the devnet up: its daemons as real processes, in the order in which they need one another, and
 * the accounts they work with. A folder keeps everything, so that a second start goes on where the first
 * ended. Steps are reported as they happen; whatever fails stops all that was started.
 *
 *   nodes → wallet, coordinator → providers → gateway, while the accounts are funded
 *
 * Each validator has a node of its own; they agree over their mesh. Everybody else talks to the first.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, asAppError, type Hex, walletEndpoints } from '@aitbc/protocol';
import {
  type Client,
  type CoordinatorClient,
  createClient,
  createCoordinatorClient,
  createGatewayClient,
  createNodeClient,
  createProviderClient,
  type GatewayClient,
  type NodeClient,
  type ProviderClient,
} from '@aitbc/sdk';
import { pause } from '../chain/await-final.ts';
import { type ChainFiles, openChainFiles } from './chain-files.ts';
import { openSwitch, originArgs, pageArgs } from './console/console-args.ts';
import type { Control } from './console/control.ts';
import {
  type DaemonName,
  meshPortOf,
  type NodeName,
  type ProviderName,
  portOf,
  providerNames,
} from './daemon-name.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { isRunning, readDevnetFile, removeDevnetFile, writeDevnetFile } from './devnet-file.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { assertPortsFree, findFreePorts } from './free-ports.ts';
import { faucetTo, openBuyerAccount } from './fund.ts';

/** Typed clients of the running daemons. */
export interface DevnetClients {
  readonly node: NodeClient;
  readonly wallet: Client<typeof walletEndpoints>;
  readonly coordinator: CoordinatorClient;
  /** The first provider. */
  readonly provider: ProviderClient;
  readonly gateway: GatewayClient;
}

/** A devnet that is up. */
export interface Devnet {
  readonly home: string;
  readonly genesisFile: string;
  /** One for each validator, with its key; the first is the one that everybody talks to. */
  readonly nodes: ReadonlyMap<NodeName, Hex>;
  /** Providers by their name, with the owner's token. */
  readonly providers: ReadonlyMap<ProviderName, ProviderClient>;
  /** All of them in the order of their start. */
  readonly names: readonly DaemonName[];
  readonly clients: DevnetClients;
  /** Address the gateway spends from. */
  readonly account: string;
  /** Aborts when the devnet is told to stop. */
  readonly signal: AbortSignal;
  /** Resolves with DAEMON_ENDED when a daemon ends by itself. */
  readonly failure: Promise<AppError>;
  daemon(name: DaemonName): DaemonProcess;
  /** Kills a daemon with SIGKILL. */
  kill(name: DaemonName): Promise<void>;
  /** Starts a killed daemon again, on its old port and folder. */
  restart(name: DaemonName): Promise<DaemonProcess>;
  /** Stops buyers before sellers and the chain last, so that nobody talks to a daemon that is gone. */
  stop(): Promise<void>;
}

/** What is told while the devnet comes up. */
export type DevnetEvent =
  /** Comes first: all that will start. */
  | { readonly type: 'planned'; readonly names: readonly DaemonName[] }
  | { readonly type: 'starting'; readonly name: DaemonName }
  | { readonly type: 'up'; readonly daemon: DaemonProcess }
  | {
      readonly type: 'funded';
      readonly who: string;
      readonly address: string;
      readonly amount: bigint;
      readonly height: number;
      readonly ms: number;
    }
  /** Nothing was given: the account has enough. */
  | {
      readonly type: 'solvent';
      readonly who: string;
      readonly address: string;
      readonly balance: bigint;
    }
  | {
      readonly type: 'registered';
      readonly address: string;
      readonly bond: bigint;
      readonly ms: number;
    };

/** Options of `bringUp`. */
export interface BringUpOptions {
  readonly home: string;
  /** Free ports chosen by the system instead of the standard ones. */
  readonly freePorts: boolean;
  readonly engine: string;
  /** Those of the chain in the home folder, or four, when left out. */
  readonly validators?: number | undefined;
  /** Two when left out, so that an answer survives the loss of one. */
  readonly providers?: number | undefined;
  readonly signal: AbortSignal;
  tell(event: DevnetEvent): void;
  /** Puts something in front of the first node or the coordinator: the address that the other daemons get. */
  front?(name: 'node' | 'coordinator', url: string): Promise<string>;
}

const providersUsual = 2;
const host = '127.0.0.1';
const readyTimeoutMs = 60_000;
const pollMs = 50;

/** Starts everything. Throws PORT_IN_USE, DAEMON_FAILED, DAEMON_ENDED, CANCELLED; nothing is left running then. */
export async function bringUp(options: BringUpOptions): Promise<Devnet> {
  assertNotRunning(options.home);
  const layout = await makeLayout(options);
  const { tell } = options;
  tell({ type: 'planned', names: layout.names });
  const fleet = createFleet({
    ...options,
    logs: layout.logs,
    onStarting: (name) => tell({ type: 'starting', name }),
    onUp: (daemon) => tell({ type: 'up', daemon }),
  });
  const broken = fleet.failure.then((error) => {
    throw error;
  });
  broken.catch(() => {}); // also told by `failure`; here it only ends the wait below
  try {
    return await Promise.race([startAll({ fleet, layout, options }), broken]);
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

interface Start {
  readonly fleet: Fleet;
  readonly layout: Layout;
  readonly options: BringUpOptions;
}

async function startAll({ fleet, layout, options }: Start): Promise<Devnet> {
  const { tell, signal, engine } = options;
  const front = options.front ?? (async (_name: string, url: string) => url);
  const node = await startNodes(fleet, layout);
  const nodeUrl = await front('node', node.url);
  const control = await openSwitch(layout.home, {
    fleet,
    providers: () => providersOf(fleet, layout),
  });
  const pages = pageArgs(layout.home, `http://${host}:${layout.gatewayPort}`);
  const [wallet, coordinator] = await Promise.all([
    fleet.start('wallet', ['--node-url', nodeUrl]),
    fleet.start('coordinator', [
      ...['--node-url', nodeUrl, ...pages],
      ...['--surveillance-public-sources', layout.chain.firstHolders.join()],
    ]),
  ]);
  const coordinatorUrl = await front('coordinator', coordinator.url);
  const links = ['--node-url', nodeUrl, '--coordinator-url', coordinatorUrl];
  const sell = [...links, '--engine', engine, '--register'];
  await Promise.all(layout.providers.map((name) => fleet.start(name, sell)));
  const providers = providersOf(fleet, layout);
  const clients = clientsOf(fleet, layout, providers);
  const buyer = await openBuyerAccount(clients, layout.home);
  const [gateway] = await Promise.all([
    startGateway({ fleet, layout, options }, [
      ...[...links, ...originArgs(coordinator.url)],
      ...['--wallet-url', wallet.url, '--account', buyer.address],
      ...['--wallet-token-file', buyer.tokenFile, '--allow-private', '--share-audits'],
    ]),
    faucetTo(clients, { who: 'agent', address: buyer.address, signal, tell }),
    fundProviders(clients, providers, options),
  ]);
  record(layout, fleet, buyer.address);
  return devnetOf({ fleet, layout, options, control }, buyer.address, {
    clients: { ...clients, gateway },
    providers,
  });
}

/** Starts all of them; the first is the one to talk to. */
async function startNodes(fleet: Fleet, layout: Layout): Promise<DaemonProcess> {
  const starting = layout.chain.nodes.map((name) => fleet.start(name, nodeArgs(layout, name)));
  const [first] = await Promise.all(starting);
  return first as DaemonProcess;
}

/** A gateway that listens may still lack its wallet; one that tells its spending can buy. */
async function startGateway(
  { fleet, layout, options: { signal } }: Start,
  args: readonly string[],
): Promise<GatewayClient> {
  const { url } = await fleet.start('gateway', args, layout.gatewayPort);
  const gateway = createGatewayClient({ baseUrl: url });
  const begunMs = performance.now();
  for (;;) {
    try {
      await gateway.spend({ limit: 1 }, { signal });
      return gateway;
    } catch (error) {
      if (performance.now() - begunMs > readyTimeoutMs || !asAppError(error).row.retryable) {
        throw error;
      }
      await pause(pollMs, signal);
    }
  }
}

function devnetOf(
  { fleet, layout, options, control }: Start & { readonly control: Control },
  account: string,
  { clients, providers }: Pick<Devnet, 'clients' | 'providers'>,
): Devnet {
  return {
    home: layout.home,
    genesisFile: layout.chain.genesisFile,
    nodes: new Map(layout.chain.nodes.map((name) => [name, layout.chain.publicKeyOf(name)])),
    names: layout.names,
    account,
    clients,
    providers,
    signal: options.signal,
    failure: fleet.failure,
    daemon: fleet.get,
    kill: fleet.kill,
    async restart(name) {
      const daemon = await fleet.restart(name);
      if (name === 'wallet') await openBuyerAccount(clients, layout.home);
      record(layout, fleet, account);
      return daemon;
    },
    async stop() {
      await Promise.all([clients.node.close(), control.stop()]);
      await fleet.stop();
      removeDevnetFile(layout.home);
    },
  };
}

interface Layout {
  readonly home: string;
  readonly logs: string;
  readonly chain: ChainFiles;
  readonly providers: readonly ProviderName[];
  readonly names: readonly DaemonName[];
  /** Where the nodes listen for one another. */
  readonly meshPorts: ReadonlyMap<NodeName, number>;
  /** Known before the gateway starts, because pages of the coordinator may call it. */
  readonly gatewayPort: number;
  dir(name: string): string;
}

async function makeLayout(options: BringUpOptions): Promise<Layout> {
  const { home, validators, freePorts } = options;
  const logs = join(home, 'logs');
  for (const folder of [home, logs]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const chain = await openChainFiles({ home, validators });
  const { nodes } = chain;
  const providers = providerNames(options.providers ?? providersUsual);
  const names: DaemonName[] = [...nodes, 'wallet', 'coordinator', ...providers, 'gateway'];
  const standard = nodes.map(meshPortOf);
  if (!freePorts) await assertPortsFree([...names.map(portOf), ...standard]);
  const ports = freePorts
    ? await findFreePorts(nodes.length + 1)
    : [portOf('gateway'), ...standard];
  const [gatewayPort = 0, ...found] = ports;
  const meshPorts = new Map(nodes.map((name, at) => [name, found[at] as number]));
  const dir = (name: string) => join(home, name);
  return { home, logs, chain, providers, names, meshPorts, gatewayPort, dir };
}

function assertNotRunning(home: string): void {
  const known = readDevnetFile(home);
  if (!known) return;
  if (isRunning(known)) {
    throw new AppError('CLI_USAGE', {
      reason: `A devnet of ${home} runs already (process ${known.pid}). Stop it first: aitbc down`,
    });
  }
  removeDevnetFile(home);
}

/** The faucet is at the first node: two of them would sign the same nonces. */
function nodeArgs({ chain, meshPorts }: Layout, name: NodeName): string[] {
  const others = chain.nodes.filter((node) => node !== name);
  const peers = others.map((node) => `${chain.publicKeyOf(node)}@${host}:${meshPorts.get(node)}`);
  return [
    ...['--genesis-file', chain.genesisFile],
    ...['--key-file', chain.keyFileOf(name)],
    ...(name === 'node' ? ['--faucet-key-file', chain.faucetKeyFile] : []),
    ...(peers.length === 0 ? [] : ['--mesh-port', String(meshPorts.get(name))]),
    ...(peers.length === 0 ? [] : ['--peers', peers.join(',')]),
  ];
}

function clientsOf(
  fleet: Fleet,
  layout: Layout,
  providers: Devnet['providers'],
): Omit<DevnetClients, 'gateway'> {
  return {
    node: createNodeClient({ url: fleet.get('node').url }),
    wallet: createClient(walletEndpoints, ownerOf(fleet, layout, 'wallet')),
    coordinator: createCoordinatorClient({ baseUrl: fleet.get('coordinator').url }),
    provider: providers.get('provider') as ProviderClient,
  };
}

function providersOf(fleet: Fleet, layout: Layout): Devnet['providers'] {
  const clientOf = (name: ProviderName) => createProviderClient(ownerOf(fleet, layout, name));
  return new Map(layout.providers.map((name) => [name, clientOf(name)]));
}

/** Where a daemon is, with its owner's token. */
function ownerOf(fleet: Fleet, layout: Layout, name: DaemonName) {
  const token = readFileSync(join(layout.dir(name), 'admin.token'), 'utf8').trim();
  return { baseUrl: fleet.get(name).url, token };
}

/** One after the other, because the faucet has one account. */
async function fundProviders(
  clients: Omit<DevnetClients, 'gateway'>,
  providers: Devnet['providers'],
  options: BringUpOptions,
): Promise<void> {
  const begunMs = performance.now();
  const addresses: string[] = [];
  for (const [who, provider] of providers) {
    const { provider: address } = await provider.status({});
    addresses.push(address);
    const known = await registrationOf(clients.node, address);
    if (!known) await faucetTo(clients, { ...options, who, address });
  }
  await Promise.all(
    addresses.map((address) => awaitOffers(clients, options, { address, begunMs })),
  );
}

/** Waits until a provider has its bond on chain and the coordinator shows its offers. */
async function awaitOffers(
  { node, coordinator }: Omit<DevnetClients, 'gateway'>,
  { tell, signal }: BringUpOptions,
  { address, begunMs }: { readonly address: string; readonly begunMs: number },
): Promise<void> {
  while (performance.now() - begunMs < readyTimeoutMs) {
    const registration = await registrationOf(node, address);
    const { offers } = await coordinator.listOffers({});
    if (registration && offers.some(({ offer }) => offer.payload.provider === address)) {
      const ms = performance.now() - begunMs;
      tell({ type: 'registered', address, bond: BigInt(registration.bond), ms });
      return;
    }
    await pause(pollMs, signal);
  }
  throw new AppError('TIMEOUT', { what: 'The provider', timeoutMs: readyTimeoutMs });
}

async function registrationOf(node: NodeClient, address: string) {
  try {
    return await node.rpc.state_getProvider({ address });
  } catch (error) {
    if (asAppError(error).code === 'PROVIDER_UNKNOWN') return undefined;
    throw error;
  }
}

function record(layout: Layout, fleet: Fleet, account: string): void {
  const pick = <T>(of: (daemon: DaemonProcess) => T) =>
    Object.fromEntries(layout.names.map((name) => [name, of(fleet.get(name))])) as Record<
      DaemonName,
      T
    >;
  writeDevnetFile(layout.home, {
    pid: process.pid,
    urls: pick(({ url }) => url),
    pids: pick(({ pid }) => pid),
    walletTokenFile: join(layout.dir('wallet'), 'admin.token'),
    genesisFile: layout.chain.genesisFile,
    account,
  });
}
