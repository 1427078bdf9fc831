import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  AppError,
  addressOf,
  coordinatorEndpoints,
  devnetParams,
  type Genesis,
  gatewayEndpoints,
  networkFromGenesis,
  nodeRpc,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import {
  type NodeHandlers,
  serveNode,
  serveTable,
  type TableHandlers,
  type TestServer,
} from '../testing/table-server.ts';
import type { Examined } from './examine.ts';
import { thisMachine } from './machine.ts';
import { reachable } from './reachable.ts';

const home = createTestHome();
afterAll(() => home.remove());
/** Nobody listens there: the discard port. */
const nobody = 'http://127.0.0.1:9';
const address = addressOf('11'.repeat(32));
const provider = addressOf('22'.repeat(32));

const open: TestServer[] = [];
afterEach(() => Promise.all(open.splice(0).map((server) => server.close())));
const kept = async (server: Promise<TestServer>) => {
  open.push(await server);
  return (open.at(-1) as TestServer).url;
};
const node = (handlers: NodeHandlers = {}) =>
  kept(serveNode(nodeRpc, { chain_status: () => chainStatus(), ...handlers }));
const wallet = (handlers: TableHandlers<typeof walletEndpoints>) =>
  kept(serveTable(walletEndpoints, handlers));
const coordinator = (handlers: TableHandlers<typeof coordinatorEndpoints>) =>
  kept(serveTable(coordinatorEndpoints, handlers));
const gateway = (handlers: TableHandlers<typeof gatewayEndpoints>) =>
  kept(serveTable(gatewayEndpoints, handlers));

interface Urls {
  readonly node?: string;
  readonly wallet?: string;
  readonly coordinator?: string;
  readonly gateway?: string;
  readonly provider?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
}

/** Runs `aitbc doctor --only <id>` against these daemons; the others are away. */
async function found(id: string, urls: Urls = {}): Promise<Examined & { exitCode: number }> {
  const env = {
    AITBC_NODE_URL: urls.node ?? nobody,
    AITBC_WALLET_URL: urls.wallet ?? nobody,
    AITBC_COORDINATOR_URL: urls.coordinator ?? nobody,
    AITBC_GATEWAY_URL: urls.gateway ?? nobody,
    AITBC_PROVIDER_URL: urls.provider ?? nobody,
    ...urls.env,
  };
  const words = ['doctor', '--only', id, '--json', ...(urls.words ?? [])];
  const { stdout, exitCode } = await home.run(words, { env });
  const [only] = (JSON.parse(stdout) as { checks: Examined[] }).checks;
  return { ...(only as Examined), exitCode };
}

const unauthorized = () => {
  throw new AppError('UNAUTHORIZED', { reason: 'no such token' });
};
const account = {
  address,
  label: 'main',
  kind: 'key' as const,
  createdAtMs: 1,
  unlockedUntilMs: null,
};
const withToken = { AITBC_WALLET_TOKEN: 'secret' };
const coins = { balance: '0', vault: '0', nonce: 0, pendingNonce: 0 };

describe('a daemon that does not answer', () => {
  it.each(['node', 'wallet', 'coordinator', 'gateway', 'provider'] as const)(
    'is told for the %s, with how to start it',
    async (name) => {
      expect(await found(`${name}-up`)).toMatchObject({
        ...{ state: 'fail', exitCode: 1, text: `nobody listens at ${nobody}` },
        fix: expect.stringContaining('aitbc '),
      });
    },
  );

  it('is told apart from another program on its port', async () => {
    const stranger = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    for (const name of ['node', 'wallet', 'coordinator', 'gateway', 'provider'] as const) {
      const { state, text } = await found(`${name}-up`, { [name]: url });
      expect([state, text]).toEqual(['fail', `another program listens at ${url}`]);
    }
    stranger.closeAllConnections();
    await new Promise((resolve) => stranger.close(resolve));
  });

  it('is told apart from one that hangs', async () => {
    const url = await coordinator({});
    const error = new AppError('TIMEOUT', { what: url, timeoutMs: 5_000 });
    const reading = Promise.resolve({ value: undefined, error });
    const question = { name: 'the coordinator', url, reading, start: 'Start it.' };
    expect(await reachable({ machine: thisMachine() }, question)).toMatchObject({
      ...{ state: 'fail', text: `what listens at ${url} does not answer` },
    });
  });

  it('lets the checks that need it be skipped, so that one fault is one failure', async () => {
    for (const id of ['node-alive', 'coordinator-network', 'wallet-coins', 'provider-bond']) {
      expect(await found(id)).toMatchObject({ state: 'skipped', exitCode: 0 });
    }
  });
});

describe('the chain node', () => {
  const genesis: Genesis = {
    ...{ network: 'mine', timeMs: 1, accounts: [], params: devnetParams },
    validators: [{ publicKey: '33'.repeat(32), stake: '1000000000000' }],
  };
  it('of another chain than the genesis document in the home folder is found', async () => {
    const own = join(home.dir, 'with-genesis');
    mkdirSync(join(own, 'chain'), { recursive: true });
    writeFileSync(join(own, 'chain', 'genesis.json'), JSON.stringify(genesis));
    const words = ['--home', own];
    expect(await found('node-genesis', { node: await node(), words })).toMatchObject({
      ...{ state: 'fail', fix: expect.stringContaining('--node-url') },
    });
    const { genesisHash } = networkFromGenesis(genesis);
    const right = await node({ chain_status: () => chainStatus(genesisHash) });
    expect((await found('node-genesis', { node: right, words })).state).toBe('ok');
  });

  it('without new blocks is found', async () => {
    const headAgeMs = 3_600_000;
    const url = await node({ chain_status: () => ({ ...chainStatus(), headAgeMs }) });
    expect(await found('node-alive', { node: url })).toMatchObject({ state: 'fail' });
    expect(await found('node-alive', { node: await node() })).toMatchObject({ state: 'ok' });
  });

  const agreement = {
    ...{ self: '11'.repeat(32), role: 'validator' as const, mayVote: true, height: 5, epoch: 0 },
    ...{ lastHeight: 100, view: 6, leader: '11'.repeat(32), pendingBlocks: 0, peerHeight: 5 },
    ...{ syncing: false, halted: false },
    rules: { version: 1, known: 1, upgrade: null },
  };
  it('that is behind, silent or stopped is found', async () => {
    const behind = await node({ consensus_state: () => ({ ...agreement, peerHeight: 900 }) });
    expect(await found('node-synced', { node: behind })).toMatchObject({ state: 'warn' });
    const silent = await node({ consensus_state: () => ({ ...agreement, mayVote: false }) });
    expect(await found('node-voting', { node: silent })).toMatchObject({ state: 'warn' });
    const halted = await node({ consensus_state: () => ({ ...agreement, halted: true }) });
    expect(await found('node-voting', { node: halted })).toMatchObject({ state: 'fail' });
    const well = await node({ consensus_state: () => agreement });
    expect(await found('node-synced', { node: well })).toMatchObject({ state: 'ok' });
  });

  it('that does not know the rules of an armed upgrade is found', async () => {
    const armed = (known: number) =>
      node({
        consensus_state: () => ({
          ...agreement,
          rules: { version: 1, known, upgrade: { present: 1, next: 2, height: 900 } },
        }),
      });
    const text = 'version 1; upgrade to version 2 at height 900 armed';
    expect(await found('node-rules', { node: await armed(1) })).toMatchObject({
      ...{ state: 'warn', text: `${text}; this program knows version 1` },
    });
    expect(await found('node-rules', { node: await armed(2) })).toMatchObject({
      ...{ state: 'ok', text },
    });
  });
});

describe('the wallet', () => {
  it('that lacks its token, or gets a wrong one, is found', async () => {
    const url = await wallet({ about: () => about, listAccounts: unauthorized });
    const missing = await found('wallet-token', { wallet: url });
    expect([missing.state, missing.text.includes('no wallet token')]).toEqual(['fail', true]);
    const wrong = await found('wallet-token', { wallet: url, env: withToken });
    expect([wrong.state, wrong.text]).toEqual(['fail', 'the wallet does not know your token']);
  });

  const about = { name: 'aitbc-wallet' as const, nodeUrl: nobody };
  it('of another chain, or with a node that is away, is found', async () => {
    const here = await node();
    const other = await node({ chain_status: () => chainStatus('cd'.repeat(32)) });
    const at = async (nodeUrl: string) => {
      const url = await wallet({ about: () => ({ ...about, nodeUrl }) });
      return found('wallet-network', { node: here, wallet: url });
    };
    expect((await at(other)).text).toContain('signs for another chain');
    expect((await at(nobody)).state).toBe('fail');
    expect((await at(here)).state).toBe('ok');
  });

  it('without an account, with too many, or without the one that is wanted is found', async () => {
    const none = await wallet({ listAccounts: () => ({ accounts: [] }) });
    expect((await found('wallet-account', { wallet: none, env: withToken })).fix).toBe(
      'Make one: aitbc wallet create <name>',
    );
    const second = { ...account, address: provider, label: 'other' };
    const two = await wallet({ listAccounts: () => ({ accounts: [account, second] }) });
    expect((await found('wallet-account', { wallet: two, env: withToken })).state).toBe('warn');
    const env = { ...withToken, AITBC_ACCOUNT: 'nobody' };
    expect((await found('wallet-account', { wallet: two, env })).state).toBe('fail');
    const chosen = { ...withToken, AITBC_ACCOUNT: 'other' };
    expect((await found('wallet-account', { wallet: two, env: chosen })).state).toBe('ok');
  });

  it('with a locked or an empty account is found', async () => {
    const url = await wallet({ listAccounts: () => ({ accounts: [account] }) });
    expect(await found('wallet-locked', { wallet: url, env: withToken })).toMatchObject({
      ...{ state: 'warn', fix: 'aitbc wallet unlock main --minutes 60' },
    });
    const spaced = await wallet({
      listAccounts: () => ({ accounts: [{ ...account, label: 'my $' }] }),
    });
    const { fix } = await found('wallet-locked', { wallet: spaced, env: withToken });
    expect(fix).toBe('aitbc wallet unlock "my \\$" --minutes 60');
    const watching = { accounts: [{ ...account, kind: 'watch' as const }] };
    const watched = await wallet({ listAccounts: () => watching });
    expect(await found('wallet-locked', { wallet: watched, env: withToken })).toMatchObject({
      ...{ state: 'warn', text: expect.stringContaining('without a key') },
    });
    const poor = await node({ state_getAccount: () => ({ address, ...coins }) });
    const empty = { wallet: url, node: poor, env: withToken };
    expect(await found('wallet-coins', empty)).toMatchObject({ state: 'fail' });
    const rich = await node({ state_getAccount: () => ({ address, ...coins, vault: '5' }) });
    expect(await found('wallet-coins', { ...empty, node: rich })).toMatchObject({ state: 'ok' });
  });
});

describe('the market', () => {
  it('of another chain is found', async () => {
    const url = await coordinator({
      about: () => ({
        ...{ name: 'c', network: 'other', caip2: 'x', genesisHash: 'cd'.repeat(32) },
        ...{ providers: 0, offers: 0, webhookKey: 'k', jobs: jobCounts },
      }),
    });
    const place = { coordinator: url, node: await node() };
    expect(await found('coordinator-network', place)).toMatchObject({ state: 'fail' });
  });

  it('without offers, or without the model that is wanted, is found', async () => {
    const empty = await coordinator({ models: () => ({ object: 'list', data: [] }) });
    expect((await found('market-offers', { coordinator: empty })).fix).toContain('aitbc ai serve');
    const url = await coordinator({ models: () => ({ object: 'list', data: [tiny] }) });
    const wanted = { coordinator: url, words: ['--model', 'huge'] };
    expect(await found('market-offers', wanted)).toMatchObject({
      ...{ state: 'fail', fix: expect.stringContaining('tiny') },
    });
    expect((await found('market-offers', { coordinator: url })).state).toBe('ok');
  });

  const jobCounts = {
    ...{ queued: 0, dispatched: 0, running: 0, completed: 0, failed: 0, expired: 0, cancelled: 0 },
  };
  const tiny = {
    ...{ id: 'tiny', object: 'model' as const, created: 1, owned_by: 'x', providers: 1 },
    ...{ inputPerMTok: '1', outputPerMTok: '1', serves: ['chat' as const] },
  };
});

describe('the gateway', () => {
  const limits = {
    ...{ jobMax: '100', dayMax: '1000', spentToday: '1000', leftToday: '0', key: null },
  };
  it('that wants an API key is found, with the command that makes one', async () => {
    const url = await gateway({ limits: unauthorized });
    const missing = await found('gateway-key', { gateway: url });
    expect([missing.state, missing.fix?.includes('aitbc gateway key create')]).toEqual([
      'fail',
      true,
    ]);
    const env = { AITBC_GATEWAY_KEY: 'wrong' };
    expect((await found('gateway-key', { gateway: url, env })).text).toContain('does not know');
  });

  it('that has spent its day, or nearly, is found', async () => {
    const spent = await gateway({ limits: () => limits });
    expect(await found('gateway-budget', { gateway: spent })).toMatchObject({ state: 'fail' });
    const nearly = await gateway({ limits: () => ({ ...limits, leftToday: '99' }) });
    expect(await found('gateway-budget', { gateway: nearly })).toMatchObject({ state: 'warn' });
  });

  const noCoins = { payer: address, account: '0', vault: '0', channels: '0' };
  it('without coins, or that cannot ask for them, is found', async () => {
    const poor = await gateway({ balance: () => noCoins });
    expect((await found('gateway-coins', { gateway: poor })).fix).toContain(address);
    const cut = await gateway({
      balance() {
        throw new AppError('UNAVAILABLE', { what: 'the wallet', reason: 'refused' });
      },
    });
    expect(await found('gateway-coins', { gateway: cut })).toMatchObject({ state: 'fail' });
  });

  it('whose mandates are revoked, over or used up is found', async () => {
    const mandate = {
      ...{ owner: address, subKey: provider, channelMaxNait: '1', windowMaxNait: '1', windowMs: 1 },
      ...{ totalMaxNait: '10', jobMaxNait: '0', receivers: [], models: [], allowsChannels: true },
      ...{ allowsTransfers: false, expiresAtHeight: 100, revoked: true, spentNait: '0' },
      ...{ windowStartMs: 0, windowSpentNait: '0' },
    };
    const buys = await gateway({ balance: () => noCoins });
    const state = async (changed: Partial<typeof mandate>) => {
      const mandates = [{ ...mandate, ...changed }];
      const chain = await node({ state_listMandates: () => ({ mandates, next: null }) });
      return (await found('gateway-mandate', { gateway: buys, node: chain })).state;
    };
    expect(await state({})).toBe('warn');
    expect(await state({ revoked: false, expiresAtHeight: 6 })).toBe('warn');
    expect(await state({ revoked: false, spentNait: '10' })).toBe('warn');
    expect(await state({ revoked: false })).toBe('ok');
  });
});
