/**
 * Brings a town up: nodes and broker, then wallet and coordinators, then providers (several at a time) and
 * gateways, and waits until every provider that can is on display.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readKeyFile } from '@aitbc/node/testing';
import { AppError, accountIdOf, unwrap, walletEndpoints } from '@aitbc/protocol';
import {
  createClient,
  createCoordinatorClient,
  createLocalSigner,
  createNodeClient,
  createTxSender,
} from '@aitbc/sdk';
import type { CopyName } from '../../devnet/daemon-name.ts';
import { headOf, until } from '../chain/rpc.ts';
import type { Engines, ProviderWiring, Town } from '../contract.ts';
import { clockFileOf, hasTurnedClock } from '../faults/clock.ts';
import type { Planted } from '../plant/plant.ts';
import { keysOf } from './accounts.ts';
import { type Broker, createBroker } from './broker.ts';
import { builtUrl } from './built.ts';
import { type Crew, createCrew } from './crew.ts';
import { type Doors, openDoors } from './doors.ts';
import type { Layout } from './layout.ts';
import { recipesOf } from './recipes.ts';

/** A town that is up. */
export interface OpenTown {
  readonly town: Town;
  readonly crew: Crew;
  readonly doors: Doors;
  readonly broker: Broker | undefined;
  /** Everything ends at once. `keep`: the folders stay. */
  stop(keep: boolean): Promise<void>;
}

/** What bringing up needs. */
export interface BringUp {
  readonly layout: Layout;
  readonly engines: Pick<Engines, 'wirings'>;
  readonly planted: Planted | undefined;
  readonly signal: AbortSignal;
  /** Told of each phase. */
  tell(phase: string): void;
}

const atOnce = 6;
const displayTimeoutMs = 60_000;
const fundMs = 20_000;
const unlockMs = 24 * 3_600_000;
const lookMs = 200;

/** Starts everything; when anything fails, all of it is stopped again. */
export async function bringUpTown(wish: BringUp): Promise<OpenTown> {
  const { layout, signal } = wish;
  const { facts, plan } = layout;
  const crew = createCrew({ logs: layout.logs, signal });
  const doors = await openDoors(plan, facts);
  const broker = facts.redisUrl ? createBroker(layout.redisPort, facts.home) : undefined;
  const stop = async (keep: boolean): Promise<void> => {
    await crew.stop();
    await broker?.kill();
    await doors.stop();
    await layout.lines.stop();
    for (const disk of layout.disks.values()) disk.remove(keep);
  };
  try {
    await startAll(wish, { crew, doors, broker });
    return { town: townOf(layout, crew), crew, doors, broker, stop };
  } catch (error) {
    await stop(true);
    throw error;
  }
}

type Parts = Pick<OpenTown, 'crew' | 'doors' | 'broker'>;

async function startAll(wish: BringUp, { crew, doors, broker }: Parts): Promise<void> {
  const { layout, tell } = wish;
  const { facts, names } = layout;
  const recipes = recipesOf(layout, (name) => doors.nodeUrlFor(name));
  const start = (name: CopyName, args: readonly string[], more: ProviderWiring = { args: [] }) =>
    crew.add({
      name,
      args: [...args, ...more.args],
      entry: more.entry ?? wish.planted?.startFor(name)?.entry,
      env: envOf(wish, name, more.env),
      wrapper: recipes.wrapperOf(name),
      onReady: name === 'wallet' ? () => openAccounts(layout) : undefined,
    });
  tell('nodes');
  const honest = names.nodes.filter((_, at) => facts.nodes[at]?.role === 'honest');
  await Promise.all([broker?.start(), ...honest.map((name) => start(name, recipes.node(name)))]);
  await until('the first block is final', async () => {
    return ((await headOf(facts.nodes[0]?.url ?? ''))?.height ?? 0) > 0;
  });
  tell('wallet and coordinators');
  await Promise.all([
    start('wallet', recipes.wallet()),
    ...names.coordinators.map((name) => start(name, recipes.coordinator(name))),
  ]);
  tell('providers and gateways');
  const gateways = names.gateways.map((name) => () => start(name, recipes.gateway(name)));
  const providers = names.providers.map((name, at) => () => {
    const wiring = wish.engines.wirings[at];
    return start(name, recipes.provider(name, wiring?.publicUrl), wiring);
  });
  await inTurns([...providers, ...gateways]);
  tell('offers');
  await awaitDisplay(layout);
}

function envOf(
  { layout, planted }: BringUp,
  name: string,
  more: ProviderWiring['env'],
): Record<string, string> {
  const bug = planted?.startFor(name)?.env ?? {};
  const isTurned = hasTurnedClock(layout.plan, name);
  const clock = isTurned ? `--import ${builtUrl('faults/clock-preload.js')}` : '';
  const options = [clock, bug.NODE_OPTIONS].filter(Boolean).join(' ');
  return {
    ...more,
    ...bug,
    ...(isTurned ? { AITBC_NET_CLOCK_FILE: clockFileOf(layout.facts.home, name) } : {}),
    ...(options === '' ? {} : { NODE_OPTIONS: options }),
  };
}

/** A few at a time: each start takes a core for a second. */
async function inTurns(starts: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = [...starts];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The accounts of the gateways are in the wallet, open, and each gateway has a token for its own. */
async function openAccounts({ facts, walletPassword: password, plan }: Layout): Promise<void> {
  const wallet = createClient(walletEndpoints, {
    baseUrl: facts.wallet.url,
    token: facts.wallet.token,
  });
  const { accounts } = await wallet.listAccounts({});
  for (const { name, keys } of facts.gateways) {
    const { address } = keys;
    if (!accounts.some((known) => known.address === address)) {
      const { seed } = keysOf(plan.seed, name);
      await wallet.createAccount({ label: name, password, seed });
      const scopes = {
        ...{ accounts: [address], kinds: ['vault_deposit' as const, 'channel_fund' as const] },
        amountPerDay: '1000000000000',
      };
      const { token } = await wallet.createToken({ label: name, scopes });
      writeFileSync(join(facts.home, `${name}.token`), `${token}\n`, { mode: 0o600 });
    }
    await wallet.unlock({ address, password, timeoutMs: unlockMs });
  }
}

/** Every provider has its bond on chain and its offers at its coordinator. */
async function awaitDisplay({ facts }: Layout): Promise<void> {
  const end = performance.now() + displayTimeoutMs;
  for (;;) {
    const shown = new Set<string>();
    for (const { url } of facts.coordinators) {
      const { providers } = await createCoordinatorClient({ baseUrl: url }).listProviders({});
      for (const { provider, models } of providers) if (models.length > 0) shown.add(provider);
    }
    const missing = facts.providers.filter(({ keys }) => !shown.has(keys.address));
    if (missing.length === 0) return;
    if (performance.now() > end) {
      const what = `Offers of ${missing.map(({ name }) => name).join(', ')}`;
      throw new AppError('TIMEOUT', { what, timeoutMs: displayTimeoutMs });
    }
    await sleep(lookMs);
  }
}

/** Whoever needs coins on the way gets them from the faucet's account, one after the other. */
function townOf({ facts, chain }: Layout, crew: Crew): Town {
  const isUp = (name: string): boolean => crew.isUp(name);
  const nodeNow = facts.nodes.filter(({ role }) => role === 'honest');
  const { keys } = readKeyFile(chain.faucetKeyFile);
  let last: Promise<unknown> = Promise.resolve();
  const send = async (address: string, amount: bigint): Promise<void> => {
    const url = (nodeNow.find(({ name }) => isUp(name)) ?? facts.nodes[0])?.url ?? '';
    const node = createNodeClient({ url });
    try {
      const signer = createLocalSigner(facts.network, keys.secretKey);
      const sender = createTxSender({ node, signer });
      const body = { to: unwrap(accountIdOf(address)), amount, memo: '' };
      await sender.send('transfer', body, { waitMs: fundMs });
    } finally {
      await node.close();
    }
  };
  return {
    facts,
    isUp,
    async fund(address, amountNait) {
      const sending = last.then(() => send(address, amountNait));
      last = sending.catch(() => {});
      await sending;
    },
  };
}
