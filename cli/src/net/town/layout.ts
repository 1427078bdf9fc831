/**
 * Where everything of a town will be, before anything of it starts: ports, folders, keys, and the genesis
 * document with the coins of everybody. Ports stay the same through all deaths, so that addresses in
 * offers and settings stay true.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { naitPerAit } from '@aitbc/primitives';
import { type ChainParams, type Genesis, networkFromGenesis } from '@aitbc/protocol';
import { type ChainFiles, openChainFiles } from '../../devnet/chain-files.ts';
import type { NodeName } from '../../devnet/daemon-name.ts';
import { findFreePorts } from '../../devnet/free-ports.ts';
import type { Keys, NodePlace, Place, Plan, ProviderPlace, TownFacts } from '../contract.ts';
import { type Names, namesOf, sizesOf } from '../plan/names.ts';
import { keysFromSeed, keysOf, type SeededKeys } from './accounts.ts';
import { breakableLines, canSlowCables, type Lines, type LinesWish } from './lines.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

/** What a town is made from. */
export interface Layout {
  readonly plan: Plan;
  readonly names: Names;
  readonly facts: TownFacts;
  readonly lines: Lines;
  readonly chain: ChainFiles;
  readonly logs: string;
  /** Of daemons whose disk fills up in this plan, where the machine allows it. */
  readonly disks: ReadonlyMap<string, SmallDisk>;
  readonly meshPorts: readonly number[];
  readonly walletPassword: string;
  readonly redisPort: number;
  /** Accounts that send transfers all the time. */
  readonly payers: readonly SeededKeys[];
}

const host = '127.0.0.1';
const payerCount = 2;
const startNait = 1_000n * naitPerAit;
/** Providers have their bond from this and enough for deposits of accusations. */
const providerNait = 1_000n * naitPerAit;

/**
 * Short epochs, so that a run sees many. Nobody is jailed for what the run does to it. The skew is that of
 * machines with a time service: a node without its votes stays silent for twice as long.
 */
const params: Partial<ChainParams> = {
  epochBlocks: 100,
  heartbeatMs: 500,
  missedViewsMax: 1_000_000,
  blockSkewMs: 4_000,
  faucetMax: '100000000000000000',
};

/** Lays the town out in a folder that is empty. */
export async function layOut(plan: Plan, home: string, hasRedis: boolean): Promise<Layout> {
  const names = namesOf(sizesOf(plan));
  const logs = join(home, 'logs');
  for (const folder of [home, logs]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const chain = await openChainFiles({ home, validators: plan.validators.length });
  const nodes = names.nodes.length;
  const found = await findFreePorts(names.daemons.length + nodes + 1);
  const ports = new Map(names.daemons.map((name, at) => [name as string, found[at] as number]));
  const meshPorts = found.slice(names.daemons.length, names.daemons.length + nodes);
  const redisPort = found.at(-1) as number;
  const lines = await breakableLines(meshPorts, linesWish(plan));
  const placeOf = (name: string): Place => {
    const at = (names.nodes as readonly string[]).indexOf(name);
    const where = at < 0 ? host : (lines.places[at]?.host ?? host);
    return { name, url: `http://${where}:${ports.get(name)}`, dataDir: join(home, name) };
  };
  const people = peopleOf(plan, names, placeOf);
  // Whoever accuses a validator pays the fee of the transaction: nodes have accounts with coins, too.
  const holders = [...nodeKeysOf(chain, names), ...people.payers, ...people.all];
  const genesis = writeGenesis(chain, holders);
  const facts: TownFacts = {
    ...{ home, genesis, network: networkFromGenesis(genesis) },
    nodes: nodePlaces({ plan, chain, names, lines, meshPorts }, placeOf),
    coordinators: names.coordinators.map(placeOf),
    gateways: people.gateways,
    wallet: { ...placeOf('wallet'), token: `aitw_${keysOf(plan.seed, 'wallet token').seed}` },
    providers: people.providers,
    agents: people.agents,
    ...(hasRedis ? { redisUrl: `redis://${host}:${redisPort}` } : {}),
  };
  const walletPassword = keysOf(plan.seed, 'wallet password').seed;
  const disks = mountDisks(plan, facts);
  writeSecrets(facts, plan.seed);
  return {
    ...{ plan, names, facts, lines, chain, logs, disks, meshPorts, redisPort, walletPassword },
    payers: people.payers,
  };
}

/** Cables of the kernel cannot be made slow everywhere; then every second seed goes over proxies. */
function linesWish({ seed, isChaos }: Plan): LinesWish {
  if (process.env.AITBC_CHAOS_LINES === 'proxies' || !isChaos) return 'proxies';
  return canSlowCables() || seed % 2 === 0 ? 'namespaces' : 'proxies';
}

function peopleOf(plan: Plan, names: Names, placeOf: (name: string) => Place) {
  const { seed } = plan;
  const markets = names.coordinators.length;
  const providers = names.providers.map((name, at): ProviderPlace => {
    const planned = plan.providers[at] ?? { role: 'honest', isVerifiable: false };
    return {
      ...{ ...placeOf(name), ...planned },
      coordinator: planned.isVerifiable ? 0 : at % markets,
      keys: keysOf(seed, name),
      authorizer: keysOf(seed, `authorizer of ${name}`),
      adminToken: keysOf(seed, `token of ${name}`).seed,
    };
  });
  const gateways = names.gateways.map((name, at) => {
    return { ...placeOf(name), keys: keysOf(seed, name), coordinator: at % markets };
  });
  const agents = names.agents.map((name, at) => {
    return { name, role: plan.agents[at] ?? 'honest', keys: keysOf(seed, name) } as const;
  });
  const payers = Array.from({ length: payerCount }, (_, at) => keysOf(seed, `payer ${at}`));
  return { providers, gateways, agents, payers, all: [...providers, ...gateways, ...agents] };
}

function writeGenesis(
  chain: ChainFiles,
  holders: readonly (Keys | { readonly keys: Keys })[],
): Genesis {
  const made = JSON.parse(readFileSync(chain.genesisFile, 'utf8')) as Genesis;
  const accounts = holders.map((holder) => {
    const { address } = 'keys' in holder ? holder.keys : holder;
    const balance = 'adminToken' in holder ? providerNait : startNait;
    return { address, balance: balance.toString() };
  });
  const genesis: Genesis = {
    ...made,
    accounts: [...made.accounts, ...accounts],
    params: { ...made.params, ...params },
  };
  writeFileSync(chain.genesisFile, JSON.stringify(genesis));
  return genesis;
}

function nodeKeysOf(chain: ChainFiles, names: Names): Keys[] {
  return names.nodes.map((name) => {
    const seed = readFileSync(chain.keyFileOf(name as NodeName), 'utf8').trim();
    return keysFromSeed(Buffer.from(seed, 'hex'));
  });
}

type NodeParts = Pick<Layout, 'plan' | 'chain' | 'names' | 'lines' | 'meshPorts'>;

function nodePlaces(parts: NodeParts, placeOf: (name: string) => Place): NodePlace[] {
  const { plan, chain, names, lines, meshPorts } = parts;
  const keys = nodeKeysOf(chain, names);
  return names.nodes.map((name, at) => {
    return {
      ...placeOf(name),
      role: plan.validators[at] ?? 'honest',
      keys: keys[at] as Keys,
      meshAddress: `${lines.places[at]?.meshHost}:${meshPorts[at]}`,
    };
  });
}

function mountDisks(plan: Plan, facts: TownFacts): Map<string, SmallDisk> {
  const places: readonly Place[] = [...facts.nodes, ...facts.gateways, ...facts.providers];
  const disks = new Map<string, SmallDisk>();
  for (const { kind, target } of plan.faults) {
    for (const name of kind === 'fullDisk' ? target : []) {
      const place = places.find((one) => one.name === name);
      if (!place || disks.has(name)) continue;
      const disk = mountSmallDisk(place.dataDir);
      if (disk) disks.set(name, disk);
    }
  }
  return disks;
}

/** Keys and tokens that daemons would make by themselves. */
function writeSecrets(facts: TownFacts, seed: number): void {
  const write = (dir: string, name: string, text: string): void => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(join(dir, name), `${text}\n`, { mode: 0o600 });
  };
  for (const { name, dataDir, adminToken } of facts.providers) {
    write(dataDir, 'account.key', keysOf(seed, name).seed);
    write(dataDir, 'authorizer.key', keysOf(seed, `authorizer of ${name}`).seed);
    write(dataDir, 'admin.token', adminToken);
  }
  const { dataDir, token } = facts.wallet;
  write(dataDir, 'admin.token', token);
}
