/** Validators as real processes and nothing else: a chain to be mistreated. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DaemonProcess,
  findFreePorts,
  type NodeName,
  runDaemonOnce,
  startDaemon,
} from '@aitbc/cli/devnet';
import { type Lines, plainLines } from '@aitbc/cli/net';
import { type Identity, readKeyFile, writeKeyFile } from '@aitbc/node/testing';
import { randomBytes } from '@aitbc/primitives';
import {
  addressOf,
  type ChainParams,
  type Genesis,
  type Network,
  networkFromGenesis,
} from '@aitbc/protocol';
import { call, headOf, until } from './rpc.ts';

/** A network of validators; nodes go by their number from 0 on. */
export interface ValidatorNet {
  readonly lines: Lines;
  readonly network: Network;
  readonly genesis: Genesis;
  /** Number of nodes, also of those that are no validators at the start. */
  readonly size: number;
  identity(at: number): Identity;
  /** Numbers of the running nodes that are not stopped by SIGSTOP. */
  awake(): number[];
  url(at: number): string;
  meshAddress(at: number): string;
  /** Starts a node, also again; `env` and another `entry` are for this start only. Milliseconds until it was ready. */
  start(at: number, env?: Readonly<Record<string, string>>, entry?: string): Promise<number>;
  kill(at: number): Promise<void>;
  /** SIGTERM; waits until it is gone. */
  stop(at: number): Promise<void>;
  pause(at: number): void;
  resume(at: number): void;
  /** Deletes the data folder of a node that is down: blocks, votes and all. */
  wipe(at: number): void;
  /** What a node has logged since its first start, oldest first. */
  logged(at: number): LogLine[];
  /** Coins from the faucet, final when it resolves. */
  fund(address: string, amountNait: bigint): Promise<void>;
  end(): Promise<void>;
}

/** A line of a node's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** Options of `startValidators`. */
export interface NetOptions {
  readonly validators: number;
  /** Nodes with a key of their own that are no validators. */
  readonly followers?: number;
  readonly params?: Partial<ChainParams>;
  /** More settings for every node, by their flag. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly lines?: (meshPorts: readonly number[]) => Lines | Promise<Lines>;
}

/**
 * Epochs are short, so that a test sees many; nobody is jailed for what the test does to it. The skew is
 * that of machines with a time service: a node without its votes stays silent for twice as long.
 */
const testParams: Partial<ChainParams> = {
  epochBlocks: 50,
  heartbeatMs: 500,
  faucetMax: '100000000000000000', // 100 000 000 AIT
  stakeUnbondingMs: 1_000,
  missedViewsMax: 1_000_000,
  blockSkewMs: 4_000,
};

interface Site {
  readonly home: string;
  readonly options: NetOptions;
  readonly names: readonly NodeName[];
  readonly lines: Lines;
  readonly meshPorts: readonly number[];
  readonly running: Map<number, DaemonProcess>;
  readonly paused: Set<number>;
}

/** Starts all nodes, and waits until the validators agree on a first block. */
export async function startValidators(options: NetOptions): Promise<ValidatorNet> {
  const { validators, followers = 0, params, lines = plainLines } = options;
  const home = mkdtempSync(join(tmpdir(), 'aitbc-validators-'));
  const size = validators + followers;
  const names = Array.from({ length: size }, (_, at): NodeName => `node-${at + 1}`);
  const dataDirs = names.map((name) => join(home, name));
  const init = ['--init', join(home, 'chain'), '--validators', String(validators), ...dataDirs];
  await runDaemonOnce('node', init);
  if (validators === 1) renameSync(join(home, 'chain', 'validator.key'), keyFileOf(home, 0));
  for (let at = validators; at < size; at += 1) writeKeyFile(keyFileOf(home, at), randomBytes(32));
  const genesisFile = join(home, 'chain', 'genesis.json');
  const made = JSON.parse(readFileSync(genesisFile, 'utf8')) as Genesis;
  const genesis = { ...made, params: { ...made.params, ...testParams, ...params } };
  writeFileSync(genesisFile, JSON.stringify(genesis));
  mkdirSync(join(home, 'logs'));
  const meshPorts = await findFreePorts(size);
  const site: Site = {
    ...{ home, options, names, meshPorts, running: new Map(), paused: new Set() },
    lines: await lines(meshPorts),
  };
  const net = netOf(site, genesis);
  try {
    await Promise.all(names.map((_, at) => net.start(at)));
    await until('the first block is final', async () => {
      return ((await headOf(net.url(0)))?.height ?? 0) > 0;
    });
    return net;
  } catch (error) {
    await net.end();
    throw error;
  }
}

function keyFileOf(home: string, at: number): string {
  return join(home, 'chain', `validator-${at + 1}.key`);
}

function netOf(site: Site, genesis: Genesis): ValidatorNet {
  const { home, lines, meshPorts, names, running, paused } = site;
  const processOf = (at: number): DaemonProcess => {
    const daemon = running.get(at);
    if (!daemon) throw new Error(`node ${at + 1} is down`);
    return daemon;
  };
  const url = (at: number) => processOf(at).url;
  const take = (at: number): DaemonProcess => {
    const daemon = processOf(at);
    running.delete(at);
    paused.delete(at);
    return daemon;
  };
  return {
    lines,
    network: networkFromGenesis(genesis),
    genesis,
    size: names.length,
    identity: (at) => readKeyFile(keyFileOf(home, at)),
    awake: () => [...running.keys()].filter((at) => !paused.has(at)).sort((a, b) => a - b),
    url,
    meshAddress: (at) => `127.0.0.1:${meshPorts[at]}`,
    async start(at, env, entry) {
      const daemon = await startNode(site, at, { env, ...(entry ? { entry } : {}) });
      running.set(at, daemon);
      return daemon.startMs;
    },
    kill: (at) => take(at).kill(),
    stop: (at) => take(at).stop(),
    pause(at) {
      paused.add(at);
      process.kill(processOf(at).pid, 'SIGSTOP');
    },
    resume(at) {
      process.kill(processOf(at).pid, 'SIGCONT');
      paused.delete(at);
    },
    wipe: (at) => rmSync(join(home, names[at] ?? 'none'), { recursive: true }),
    logged: (at) => linesIn(logFileOf(home, names[at] ?? 'none')),
    fund: (address, amountNait) => fund(url(0), address, amountNait),
    async end() {
      await Promise.all([...running.values()].map((daemon) => daemon.kill()));
      await lines.stop();
      if (!process.env.AITBC_TEST_KEEP) rmSync(home, { recursive: true, force: true });
      else console.log(`kept: ${home}`);
    },
  };
}

function logFileOf(home: string, name: string): string {
  return join(home, 'logs', `${name}.log`);
}

/** Lines that are JSON; a program also warns in plain words. */
function linesIn(file: string): LogLine[] {
  const isJson = (line: string): boolean => line.startsWith('{') && line.endsWith('}');
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(isJson)
    .map((line) => JSON.parse(line));
}

function startNode(
  { home, options, lines, meshPorts, names }: Site,
  at: number,
  { env = {}, ...entry }: { env?: Readonly<Record<string, string>> | undefined; entry?: string },
): Promise<DaemonProcess> {
  const name = names[at] as NodeName;
  const { host = '', meshHost = '', wrapper = [] } = lines.places[at] ?? {};
  const peers = [...names.keys()].filter((other) => other !== at);
  const settings = {
    '--data-dir': join(home, name),
    '--genesis-file': join(home, 'chain', 'genesis.json'),
    '--key-file': keyFileOf(home, at),
    '--faucet-key-file': join(home, 'chain', 'faucet.key'),
    '--host': host,
    '--port': '0',
    '--mesh-host': meshHost,
    '--mesh-port': String(meshPorts[at]),
    '--peers': peers.map((other) => lines.addressOf(at, other)).join(','),
    ...options.settings,
  };
  const args = Object.entries(settings).flat();
  return startDaemon({ name, args, env, wrapper, logFile: logFileOf(home, name), ...entry });
}

async function fund(url: string, address: string, amountNait: bigint): Promise<void> {
  const { txId } = await call(url, 'dev_faucet', { address, amount: amountNait.toString() });
  await until(`${address} has its coins`, async () => {
    return (await call(url, 'tx_get', { txId })).status === 'final';
  });
}

/** Address of a node's own account. */
export function accountOf(net: ValidatorNet, at: number): string {
  return addressOf(net.identity(at).publicKey);
}
