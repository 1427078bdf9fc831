/**
 * What the checks look at, asked once however many checks want it: the machine, and the answers of the daemons. An answer
 * is a reading: the value, or the error in its place. Every call has a time limit of its own, so that a dead address
 * costs one wait and not one for each check.
 */
import { setMaxListeners } from 'node:events';
import {
  type AppError,
  asAppError,
  type coordinatorEndpoints,
  type gatewayEndpoints,
  type nodeRpc,
  type OutputOf,
  type providerEndpoints,
  walletEndpoints,
} from '@aitbc/protocol';
import {
  createClient,
  createCoordinatorClient,
  createGatewayClient,
  createNodeClient,
  createProviderClient,
} from '@aitbc/sdk';
import { findServed, providerOwner, type Served } from '../ai/owner/served.ts';
import type { Context } from '../context/context.ts';
import { listAll } from '../market/list-all.ts';
import type { Machine } from './machine.ts';

/** Calls that may be under way at once, and listen for Ctrl-C. */
const listenersMax = 64;
/** Longest time of one call. */
export const callTimeoutMs = 5_000;

/** An answer, or why there is none. */
export interface Reading<T> {
  readonly value: T | undefined;
  readonly error: AppError | undefined;
}

type Chain = OutputOf<typeof nodeRpc.chain_status>;
type Agreement = OutputOf<typeof nodeRpc.consensus_state>;
type About = OutputOf<typeof coordinatorEndpoints.about>;
type Providers = OutputOf<typeof coordinatorEndpoints.listProviders>['providers'];
type Models = OutputOf<typeof coordinatorEndpoints.models>['data'];
type Account = OutputOf<typeof nodeRpc.state_getAccount>;
type Registration = OutputOf<typeof nodeRpc.state_getProvider>;
type Mandates = OutputOf<typeof nodeRpc.state_listMandates>['mandates'];
type WalletAbout = OutputOf<typeof walletEndpoints.about>;
type WalletAccounts = OutputOf<typeof walletEndpoints.listAccounts>['accounts'];
type Limits = OutputOf<typeof gatewayEndpoints.limits>;
type Coins = OutputOf<typeof gatewayEndpoints.balance>;
type ProviderStatus = OutputOf<typeof providerEndpoints.status>;
type Statement = OutputOf<typeof providerEndpoints.earnings>;

/** Everything that a check may look at. */
export interface Look {
  readonly context: Context;
  readonly machine: Machine;
  readonly served: Served;
  /** `--model`: what the user means to buy. */
  readonly model: string | undefined;
  chain(): Promise<Reading<Chain>>;
  /** Chain of another node, asked for its genesis hash. */
  chainAt(url: string): Promise<Reading<Chain>>;
  agreement(): Promise<Reading<Agreement>>;
  account(address: string): Promise<Reading<Account>>;
  mandatesOf(owner: string): Promise<Reading<Mandates>>;
  registration(address: string): Promise<Reading<Registration>>;
  walletAbout(): Promise<Reading<WalletAbout>>;
  walletAccounts(): Promise<Reading<WalletAccounts>>;
  about(): Promise<Reading<About>>;
  providers(): Promise<Reading<Providers>>;
  models(): Promise<Reading<Models>>;
  gatewayLimits(): Promise<Reading<Limits>>;
  gatewayCoins(): Promise<Reading<Coins>>;
  provider(): Promise<Reading<ProviderStatus>>;
  statement(): Promise<Reading<Statement>>;
}

/** What a look is made of. */
export interface LookOptions {
  readonly context: Context;
  readonly machine: Machine;
  readonly model: string | undefined;
}

/** A look; nothing is asked before a check wants it. */
export async function createLook({ context, machine, model }: LookOptions): Promise<Look> {
  const { urls } = context;
  const signal = AbortSignal.any([context.signal]);
  setMaxListeners(listenersMax, signal);
  const { transport } = await context.clients();
  const once = createMemory();
  const served = findServed(context, undefined);
  const timeoutMs = callTimeoutMs;
  const nodeAt = (url: string) => createNodeClient({ url, timeoutMs }, { transport }).rpc;
  const node = nodeAt(urls.node);
  const coordinator = createCoordinatorClient({ baseUrl: urls.coordinator, timeoutMs }, transport);
  const provider = createProviderClient({ baseUrl: served.url, timeoutMs }, transport);
  const wallet = (token: string | undefined) =>
    createClient(walletEndpoints, { baseUrl: urls.wallet, token, timeoutMs }, transport);
  const gateway = () => {
    const token = context.gatewayKey();
    return createGatewayClient({ baseUrl: urls.gateway, token, timeoutMs }, transport);
  };
  const call = { signal };
  return {
    ...{ context, machine, served, model },
    chain: () => once('chain', () => node.chain_status({}, call)),
    chainAt: (url) => once(`chain ${url}`, () => nodeAt(url).chain_status({}, call)),
    agreement: () => once('agreement', () => node.consensus_state({}, call)),
    account: (address) =>
      once(`account ${address}`, () => node.state_getAccount({ address }, call)),
    mandatesOf: (owner) =>
      once(
        `mandates ${owner}`,
        async () => (await node.state_listMandates({ owner }, call)).mandates,
      ),
    registration: (address) =>
      once(`registration ${address}`, () => node.state_getProvider({ address }, call)),
    walletAbout: () => once('wallet', () => wallet(undefined).about({}, call)),
    walletAccounts: () =>
      once('accounts', async () => {
        return (await wallet(context.walletToken()).listAccounts({}, call)).accounts;
      }),
    about: () => once('about', () => coordinator.about({}, call)),
    providers: () =>
      once('providers', () =>
        listAll(async (after) => {
          const page = await coordinator.listProviders({ after }, call);
          return { rows: page.providers, next: page.next };
        }),
      ),
    models: () => once('models', async () => (await coordinator.models({}, call)).data),
    gatewayLimits: () => once('limits', () => gateway().limits({}, call)),
    gatewayCoins: () => once('coins', () => gateway().balance({}, call)),
    provider: () => once('provider', () => provider.status({}, call)),
    statement: () =>
      once('statement', async () => {
        const owner = await providerOwner(context, served, timeoutMs);
        return owner.earnings({ days: 1 }, call);
      }),
  };
}

/** Keeps the reading of each question. Throws CANCELLED only. */
function createMemory() {
  const known = new Map<string, Promise<Reading<unknown>>>();
  return <T>(question: string, ask: () => Promise<T>): Promise<Reading<T>> => {
    const before = known.get(question) as Promise<Reading<T>> | undefined;
    if (before) return before;
    const reading = readingOf(ask);
    known.set(question, reading);
    return reading;
  };
}

async function readingOf<T>(ask: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { value: await ask(), error: undefined };
  } catch (error) {
    const known = asAppError(error);
    if (known.code === 'CANCELLED') throw known;
    return { value: undefined, error: known };
  }
}
