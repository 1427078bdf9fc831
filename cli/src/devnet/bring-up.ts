/**
 * Brings the devnet up: five daemons as real processes, in the order in which they need one another, and
 * the accounts they work with. A folder keeps everything, so that a second start goes on where the first
 * ended. Steps are reported as they happen; whatever fails stops all that was started.
 *
 *   node → wallet, coordinator → provider → gateway, while the accounts are funded
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, asAppError, walletEndpoints } from '@aitbc/protocol';
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
import { type DaemonName, type DaemonProcess, runDaemonOnce } from './daemon-process.ts';
import { isRunning, readDevnetFile, removeDevnetFile, writeDevnetFile } from './devnet-file.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { assertPortsFree } from './free-ports.ts';
import { faucetTo, openBuyerAccount } from './fund.ts';

/** Typed clients of the running daemons. */
export interface DevnetClients {
  readonly node: NodeClient;
  readonly wallet: Client<typeof walletEndpoints>;
  readonly coordinator: CoordinatorClient;
  readonly provider: ProviderClient;
  readonly gateway: GatewayClient;
}

/** A devnet that is up. */
export interface Devnet {
  readonly home: string;
  readonly genesisFile: string;
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
  readonly signal: AbortSignal;
  tell(event: DevnetEvent): void;
}

const names: readonly DaemonName[] = ['node', 'wallet', 'coordinator', 'provider', 'gateway'];
const readyTimeoutMs = 60_000;
const pollMs = 50;

/** Starts everything. Throws PORT_IN_USE, DAEMON_FAILED, DAEMON_ENDED, CANCELLED; nothing is left running then. */
export async function bringUp(options: BringUpOptions): Promise<Devnet> {
  assertNotRunning(options.home);
  if (!options.freePorts) await assertPortsFree(names);
  const layout = makeLayout(options.home);
  await initChain(layout);
  const { tell } = options;
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
  const node = await fleet.start('node', nodeArgs(layout));
  const [wallet, coordinator] = await Promise.all([
    fleet.start('wallet', ['--node-url', node.url]),
    fleet.start('coordinator', ['--node-url', node.url]),
  ]);
  const links = ['--node-url', node.url, '--coordinator-url', coordinator.url];
  await fleet.start('provider', [...links, '--engine', engine, '--register']);
  const clients = clientsOf(fleet, layout);
  const buyer = await openBuyerAccount(clients, layout.home);
  const [gateway] = await Promise.all([
    startGateway(fleet, options, [
      ...links,
      ...['--wallet-url', wallet.url, '--account', buyer.address],
      ...['--wallet-token-file', buyer.tokenFile, '--allow-private'],
    ]),
    faucetTo(clients, { who: 'agent', address: buyer.address, signal, tell }),
    fundProvider(clients, options),
  ]);
  record(layout, fleet, buyer.address);
  return devnetOf({ fleet, layout, options }, buyer.address, { ...clients, gateway });
}

/** A gateway that listens may still lack its wallet; one that tells its spending can buy. */
async function startGateway(
  fleet: Fleet,
  { signal }: BringUpOptions,
  args: readonly string[],
): Promise<GatewayClient> {
  const { url } = await fleet.start('gateway', args);
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
  { fleet, layout, options }: Start,
  account: string,
  clients: DevnetClients,
): Devnet {
  return {
    home: layout.home,
    genesisFile: layout.genesisFile,
    account,
    clients,
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
      await clients.node.close();
      await fleet.stop();
      removeDevnetFile(layout.home);
    },
  };
}

interface Layout {
  readonly home: string;
  readonly logs: string;
  readonly genesisFile: string;
  dir(name: string): string;
}

function makeLayout(home: string): Layout {
  const layout = {
    home,
    logs: join(home, 'logs'),
    genesisFile: join(home, 'chain', 'genesis.json'),
    dir: (name: string) => join(home, name),
  };
  for (const folder of [home, layout.logs]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  return layout;
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

/** Genesis and keys are made once; a folder that has them is left as it is. */
async function initChain(layout: Layout): Promise<void> {
  try {
    readFileSync(layout.genesisFile);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await runDaemonOnce('node', ['--init', layout.dir('chain')]);
  }
}

function nodeArgs(layout: Layout): string[] {
  const chain = layout.dir('chain');
  return [
    ...['--genesis-file', layout.genesisFile],
    ...['--key-file', join(chain, 'validator.key')],
    ...['--faucet-key-file', join(chain, 'faucet.key')],
  ];
}

function clientsOf(fleet: Fleet, layout: Layout): Omit<DevnetClients, 'gateway'> {
  const at = (name: DaemonName) => ({ baseUrl: fleet.get(name).url });
  const withToken = (name: DaemonName) => ({
    ...at(name),
    token: readFileSync(join(layout.dir(name), 'admin.token'), 'utf8').trim(),
  });
  return {
    node: createNodeClient({ url: fleet.get('node').url }),
    wallet: createClient(walletEndpoints, withToken('wallet')),
    coordinator: createCoordinatorClient(at('coordinator')),
    provider: createProviderClient(withToken('provider')),
  };
}

/** Gives the provider coins for bond and fees, then waits until the coordinator shows its offers. */
async function fundProvider(
  clients: Omit<DevnetClients, 'gateway'>,
  { tell, signal }: BringUpOptions,
): Promise<void> {
  const begunMs = performance.now();
  const { provider: address } = await clients.provider.status({});
  const known = await registrationOf(clients.node, address);
  if (!known) await faucetTo(clients, { who: 'provider', address, signal, tell });
  while (performance.now() - begunMs < readyTimeoutMs) {
    const registration = await registrationOf(clients.node, address);
    const { offers } = await clients.coordinator.listOffers({});
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
    Object.fromEntries(names.map((name) => [name, of(fleet.get(name))])) as Record<DaemonName, T>;
  writeDevnetFile(layout.home, {
    pid: process.pid,
    urls: pick(({ url }) => url),
    pids: pick(({ pid }) => pid),
    walletTokenFile: join(layout.dir('wallet'), 'admin.token'),
    genesisFile: layout.genesisFile,
    account,
  });
}
