import {
  AppError,
  addressOf,
  coordinatorEndpoints,
  nodeRpc,
  providerEndpoints,
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

const home = createTestHome();
afterAll(() => home.remove());
const nobody = 'http://127.0.0.1:9';
const provider = addressOf('22'.repeat(32));

const open: TestServer[] = [];
afterEach(() => Promise.all(open.splice(0).map((server) => server.close())));
const kept = async (server: Promise<TestServer>) => {
  open.push(await server);
  return (open.at(-1) as TestServer).url;
};

type Status = Parameters<typeof statusWith>[0];
function statusWith(changed: { models?: string[]; coordinator?: 'connected' | 'off' }) {
  return {
    ...{ provider, engine: { name: 'ollama', version: '0.12' }, models: ['tiny'] },
    ...{ running: 0, waiting: 0, slots: 2, jobs: 0, outputTokens: 0, charged: '0', claimed: '0' },
    ...{ coordinator: 'connected' as const, verifyMicros: { p50: 1, p99: 1, count: 1 } },
    ...{ engineTokens: 0, claims: { gpus: [], benchmarks: [] } },
    ...changed,
  };
}

const row = (endpoint: string) => ({
  ...{ provider, endpoint, leaseUntilMs: 1, models: ['tiny'] },
  gauges: { running: 0, waiting: 0, slots: 2 },
});

interface Place {
  readonly status?: Status | undefined;
  readonly seller?: TableHandlers<typeof providerEndpoints>;
  readonly node?: NodeHandlers;
  readonly endpoints?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

async function found(id: string, place: Place = {}): Promise<Examined> {
  const seller = { status: () => statusWith(place.status ?? {}), ...place.seller };
  const rows = (place.endpoints ?? []).map(row);
  const env = {
    AITBC_PROVIDER_URL: await kept(serveTable(providerEndpoints, seller)),
    AITBC_COORDINATOR_URL: await kept(
      serveTable(coordinatorEndpoints, { listProviders: () => ({ providers: rows, next: null }) }),
    ),
    AITBC_NODE_URL: await kept(
      serveNode(nodeRpc, { chain_status: () => chainStatus(), ...place.node }),
    ),
    ...place.env,
  };
  const { stdout } = await home.run(['doctor', '--only', id, '--json'], { env });
  return (JSON.parse(stdout) as { checks: Examined[] }).checks[0] as Examined;
}

const registered = (bond: string, unbondDueMs = 0): NodeHandlers => ({
  state_getProvider: () => ({
    ...{ address: provider, authorizer: '11'.repeat(32), endpoint: nobody, bond, unbondDueMs },
  }),
});

describe('the provider', () => {
  it('without an engine or a model is found', async () => {
    expect(await found('provider-engine', { status: { models: [] } })).toMatchObject({
      ...{ state: 'fail', fix: expect.stringContaining('ollama pull') },
    });
    const env = { AITBC_PROVIDER_URL: nobody, AITBC_PROVIDER_OLLAMA_URL: nobody };
    expect(await found('provider-engine', { env })).toMatchObject({ state: 'warn' });
  });

  it('without a model that its owner wants to sell is found', async () => {
    const env = { AITBC_PROVIDER_MODELS: 'tiny, huge' };
    expect(await found('provider-models', { env })).toMatchObject({
      ...{ state: 'fail', facts: { missing: ['huge'] } },
    });
    expect(await found('provider-models')).toMatchObject({ state: 'ok' });
  });

  it('that is not on chain is found, with how much to send', async () => {
    const node: NodeHandlers = {
      state_getProvider() {
        throw new AppError('PROVIDER_UNKNOWN', { account: provider });
      },
    };
    const { state, fix } = await found('provider-registered', { node });
    expect([state, fix?.includes(provider)]).toEqual(['fail', true]);
  });

  it('with a bond that is too low or on its way out is found', async () => {
    const { providerBondMin } = chainStatus().params;
    expect((await found('provider-bond', { node: registered('1') })).state).toBe('fail');
    const leaving = registered(providerBondMin, 5_000);
    expect((await found('provider-bond', { node: leaving })).state).toBe('warn');
    expect((await found('provider-bond', { node: registered(providerBondMin) })).state).toBe('ok');
  });

  it('without a lease is found, also when it is connected elsewhere', async () => {
    const elsewhere = await found('provider-lease');
    expect([elsewhere.state, elsewhere.fix?.includes('another coordinator')]).toEqual([
      'fail',
      true,
    ]);
    const off = await found('provider-lease', { status: { coordinator: 'off' } });
    expect(off.fix).toContain('Check that the provider reaches');
    expect((await found('provider-lease', { endpoints: [nobody] })).state).toBe('ok');
  });

  it('that takes no connections where buyers look for it is found', async () => {
    const gone = await found('provider-reachable', { endpoints: [nobody] });
    expect([gone.state, gone.fix?.includes('--relay')]).toEqual(['fail', true]);
    const there = await kept(serveTable(providerEndpoints, {}));
    expect((await found('provider-reachable', { endpoints: [there] })).state).toBe('ok');
  });

  it('that is drained, or accused, is found by its owner', async () => {
    const statement = { days: 1, rows: [], use: [], now: 'drained' as const };
    const env = { AITBC_PROVIDER_TOKEN: 'owner' };
    const drained = await found('provider-selling', { seller: { earnings: () => statement }, env });
    expect(drained.fix).toContain('aitbc ai drain --back');
    const calls = { seller: { earnings: () => statement }, status: { models: [] }, env };
    expect((await found('provider-engine', calls)).state).toBe('skipped');
    const audits = { accused: 1, lost: 0 };
    const seller = { earnings: () => ({ ...statement, audits }) };
    expect((await found('provider-selling', { seller, env })).fix).toContain('aitbc audit list');
    expect((await found('provider-selling')).state).toBe('skipped');
  });
});

describe('aitbc doctor', () => {
  it('is a list with signs and fixes, and ends with what is to be mended', async () => {
    const env = { AITBC_NODE_URL: nobody, AITBC_COORDINATOR_URL: nobody };
    const words = ['doctor', '--only', 'node-version,node-up,coordinator-network'];
    const { stdout, exitCode } = await home.run(words, { env });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^✓ version of Node +v\d/);
    expect(stdout).toMatch(/\n✗ chain node +nobody listens at http:\/\/127\.0\.0\.1:9\n +→ Start/);
    expect(stdout).toMatch(/\n– chain of the coordinator +needs the coordinator/);
    expect(stdout).toContain('1 fault to mend; 1 well, 1 not looked at.');
  });

  it('puts what could not be looked at into one line when that is much', async () => {
    const env = { AITBC_NODE_URL: nobody };
    const ids = 'node-up,node-genesis,node-alive,node-synced,node-voting,node-rules';
    const { stdout } = await home.run(['doctor', '--only', ids], { env });
    expect(stdout).toMatch(/\n– not looked at +which chain it is, new blocks, height beside/);
    expect(stdout).toContain('5 not looked at.');
  });

  it('takes the checks of a role', async () => {
    const env = { AITBC_NODE_URL: nobody, AITBC_COORDINATOR_URL: nobody };
    const { stdout } = await home.run(['doctor', '--role', 'operator', '--json'], { env });
    const ids = (JSON.parse(stdout) as { checks: Examined[] }).checks.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['node-voting', 'redis', 'market-offers']));
    expect(ids.filter((id) => id.startsWith('gateway') || id.startsWith('wallet'))).toEqual([]);
  });
});
