import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, coordinatorEndpoints, nodeRpc, providerEndpoints } from '@aitbc/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { splitArguments } from '../command/global-options.ts';
import { openContext, outOf } from '../context/context.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome, createTestHost } from '../testing/run-words.ts';
import { sampleProof } from '../testing/sample-proof.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';
import { until } from '../testing/until.ts';
import { welcomeProvider } from './welcome-provider.ts';

const home = createTestHome();
const servers: TestServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(() => home.remove());

const { offer: signedOffer, provider } = sampleProof();
const txId = '0e'.repeat(32);
const zero = '00'.repeat(32);
const measured = {
  ...{ firstTokenMsP50: null, firstTokenMsP90: null, tokensPerSecondP50: null, samples: 0 },
};
const gauges = { running: 0, waiting: 0, slots: 4 };
const offer = { offerId: zero, offer: signedOffer, rank: 0, reason: 'only', measured, gauges };
const status = {
  ...{ provider, engine: { name: 'e', version: '1' }, models: ['tiny'], running: 0, waiting: 0 },
  ...{ slots: 4, jobs: 0, outputTokens: 0, charged: '0', claimed: '0' },
  ...{ coordinator: 'connected' as const, verifyMicros: { p50: 0, p99: 0, count: 0 } },
  ...{ engineTokens: 0, claims: { gpus: [], benchmarks: [] } },
};

/** A market on which the provider registers itself as soon as it has coins. */
async function startMarket() {
  const account = { balance: 0n };
  const tx = { kind: 'transfer' as const, from: provider, nonce: 1, validUntil: 0, fee: '0' };
  const node = await serveNode(nodeRpc, {
    chain_status: () => chainStatus(),
    state_getAccount({ address }) {
      const balance = account.balance.toString();
      return { address, balance, nonce: 0, vault: '0', pendingNonce: 0 };
    },
    state_getProvider({ address }) {
      if (account.balance === 0n) throw new AppError('PROVIDER_UNKNOWN', { account: address });
      const authorizer = signedOffer.signer;
      return { address, authorizer, endpoint: '', bond: '100000000000', unbondDueMs: 0 };
    },
    dev_faucet() {
      account.balance = 1_000_000_000_000n;
      return { txId, amount: '1000000000000' };
    },
    tx_get() {
      const receipt = { txId, height: 4, index: 0, kind: tx.kind, from: provider, fee: '0' };
      return { status: 'final', tx: { ...tx, body: {} }, receipt, blockHash: zero };
    },
  });
  const coordinator = await serveTable(coordinatorEndpoints, {
    listOffers: () => ({ offers: [offer], next: null }),
  });
  const daemon = await serveTable(providerEndpoints, { status: () => status });
  servers.push(node, coordinator, daemon);
  return { node, coordinator, daemon, account };
}

function contextFor(market: Awaited<ReturnType<typeof startMarket>>, hasDevnet: boolean) {
  const { node, coordinator } = market;
  const dir = join(home.dir, hasDevnet ? 'devnet' : 'alone');
  mkdirSync(dir, { recursive: true });
  const { pid } = process;
  const urls = { node: node.url, coordinator: coordinator.url, wallet: '', gateway: '' };
  const file = { pid, urls, pids: { node: pid }, walletTokenFile: '', account: provider };
  if (hasDevnet) writeFileSync(join(dir, 'devnet.json'), JSON.stringify(file));
  const at = ['--node-url', node.url, '--coordinator-url', coordinator.url];
  const { host } = createTestHost(['--home', dir, ...at], { HOME: home.dir });
  const { globals } = splitArguments(host.argv, host.env);
  return openContext(host, globals, outOf(host, globals));
}

describe('a new provider', () => {
  it('gets its bond from the faucet of the devnet of this home, and is told its place', async () => {
    const market = await startMarket();
    const { context, close } = contextFor(market, true);
    const told: string[] = [];
    await welcomeProvider(context, market.daemon.url, (line) => void told.push(line));
    await close();
    expect(told).toEqual([
      'The faucet of the devnet gave 1000 AIT for bond and fees.',
      'On the market with a bond of 100 AIT: tiny',
    ]);
  });

  it('elsewhere says whom to send coins to, and waits for them', async () => {
    const market = await startMarket();
    const { context, close } = contextFor(market, false);
    const told: string[] = [];
    const welcomed = welcomeProvider(context, market.daemon.url, (line) => void told.push(line));
    await until(() => told.length > 0, 'the address');
    expect(told[0]).toContain(`\n  ${provider}\n`);
    expect(market.node.calls.map(({ what }) => what)).not.toContain('dev_faucet');
    market.account.balance = 200_000_000_000n;
    await welcomed;
    await close();
    expect(told.at(-1)).toContain('On the market');
  });
});
