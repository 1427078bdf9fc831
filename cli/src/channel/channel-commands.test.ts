import { base64, bytesFromBase64, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  decodeTx,
  decodeUnsignedTx,
  gatewayEndpoints,
  networkFromHash,
  nodeRpc,
  signTx,
  txToJson,
  unwrap,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { sampleGenesisHash } from '../testing/sample-proof.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';
import type { ChainChannel } from './channel-text.ts';

const home = createTestHome();
afterAll(() => home.remove());

const network = networkFromHash('test', sampleGenesisHash);
const pair = keyPairFromSeed(new Uint8Array(32).fill(9));
const payer = addressOf(hex(pair.publicKey));
const receiver = addressOf('22'.repeat(32));
const channelId = 'ab'.repeat(32);
const dueMs = Date.UTC(2026, 0, 2, 3, 4, 5);

const channelWith = (changed: Partial<ChainChannel> = {}): ChainChannel => ({
  ...{ channelId, payer, receiver, salt: '00'.repeat(32), withdrawDelayMs: 900_000 },
  ...{ payerAuthorizer: hex(pair.publicKey), receiverAuthorizer: hex(pair.publicKey) },
  ...{ balance: '1000000000', totalClaimed: '250000000', withdrawAmount: '0' },
  ...{ withdrawDueMs: 0, refundNonce: 0, closed: false, ...changed },
});

let channel: ChainChannel;
let vault: string;
let timeMs: number;
let sent: { kind: string; body: Record<string, unknown> }[];
/** What the wallet says next instead of signing. */
let refusals: AppError[];
let servers: TestServer[];
beforeEach(async () => {
  [channel, vault, timeMs, sent, refusals] = [channelWith(), '0', 1_000, [], []];
  const node = await serveNode(nodeRpc, {
    chain_status: () => ({ ...chainStatus(), timeMs }),
    state_getChannel(input) {
      if (input.channelId === channelId) return channel;
      throw new AppError('CHANNEL_UNKNOWN', { channelId: input.channelId });
    },
    state_listChannels: (input) => ({
      channels: input.payer === payer ? [channel, channelWith({ closed: true })] : [],
      next: null,
    }),
    state_getAccount: ({ address }) => ({
      ...{ address, balance: '9000000000', nonce: 1, vault, pendingNonce: 1 },
    }),
    tx_sendAndWait({ tx }) {
      const signed = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
      const shown = txToJson(signed);
      sent.push({ kind: signed.kind, body: signed.body as Record<string, unknown> });
      if (signed.kind === 'withdraw_init') channel = { ...channel, withdrawDueMs: dueMs };
      const { txId, kind } = signed;
      const receipt = { txId, height: 12, index: 0, kind, from: shown.from, fee: shown.fee };
      return { status: 'final', tx: shown, receipt, blockHash: '0d'.repeat(32) };
    },
  });
  const wallet = await serveTable(walletEndpoints, {
    sign({ tx }) {
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      const unsigned = unwrap(decodeUnsignedTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
      const signed = signTx(network, unsigned, pair.secretKey);
      const decoded = txToJson(unsigned);
      const { txId, bytes } = signed;
      return { tx: base64(bytes), txId, description: 'Something.', decoded, effects: [] };
    },
    listAccounts: () => ({
      accounts: [
        {
          address: payer,
          label: 'main',
          kind: 'key' as const,
          createdAtMs: 1,
          unlockedUntilMs: null,
        },
      ],
    }),
  });
  const spent = { channelId, provider: receiver, balance: '1', signedMax: '400000000' };
  const gateway = await serveTable(gatewayEndpoints, {
    spend: () => ({
      ...{ payer, charged: '300000000', dayLimit: '1', spentToday: '0', calls: [] },
      channels: [{ ...spent, charged: '300000000' }],
    }),
  });
  servers = [node, wallet, gateway];
});
afterEach(() => Promise.all(servers.map((server) => server.close())));

const run = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  home.run(words, {
    env: {
      AITBC_NODE_URL: servers[0]?.url ?? '',
      AITBC_WALLET_URL: servers[1]?.url ?? '',
      AITBC_GATEWAY_URL: servers[2]?.url ?? '',
      ...{ AITBC_WALLET_TOKEN: 'secret', AITBC_ACCOUNT: payer, ...env },
    },
  });

describe('aitbc channel list and show', () => {
  it('tell what is free, signed and claimable; closed ones only when asked for', async () => {
    const { stdout } = await run(['channel', 'list', '--json']);
    const { channels } = JSON.parse(stdout) as { channels: Record<string, unknown>[] };
    expect(channels).toEqual([
      expect.objectContaining({
        ...{ channelId, role: 'payer', state: 'open', free: '750000000', signedMax: '400000000' },
        ...{ claimable: '150000000', withdrawDueMs: null },
      }),
    ]);
    channel = channelWith({ balance: '300000000' });
    const short = JSON.parse((await run(['channel', 'list', '--json'])).stdout) as unknown;
    expect(short).toMatchObject({ channels: [{ claimable: '50000000' }] });
    channel = channelWith();
    const all = await run(['channel', 'list', '--all']);
    expect(all.stdout).toMatch(/0\.75 AIT +0\.4 AIT +0\.15 AIT +open\n.*closed/);
  });

  it('know what the chain knows when the gateway is away', async () => {
    const env = { AITBC_GATEWAY_URL: 'http://127.0.0.1:9' };
    expect((await run(['channel', 'list'], env)).stdout).toMatch(/0\.75 AIT +– +– +open/);
  });

  it('name the date and the command of the way out', async () => {
    const open = await run(['channel', 'show', channelId]);
    expect(open.stdout).toContain('15 minutes after:\n  aitbc channel withdraw start');
    channel = channelWith({ withdrawDueMs: dueMs, withdrawAmount: '750000000' });
    const closing = await run(['channel', 'show', channelId]);
    expect(closing.stdout).toContain('closing: 0.75 AIT from 2026-01-02 03:04:05 UTC');
    expect(closing.stdout).toContain(`aitbc channel withdraw finish ${channelId}`);
  });

  it('refuse what is no id, and name an unknown one', async () => {
    expect((await run(['channel', 'show', 'x'])).exitCode).toBe(2);
    expect((await run(['channel', 'show', 'cd'.repeat(32)])).exitCode).toBe(4);
  });
});

describe('aitbc channel fund', () => {
  it('takes from the vault, and from the balance what the vault lacks', async () => {
    vault = '500000000';
    await run(['channel', 'fund', channelId, '0.5', '--yes']);
    await run(['channel', 'fund', channelId, '0.8', '--yes']);
    expect(sent[0]).toMatchObject({
      ...{ kind: 'channel_fund', body: { amount: 500_000_000n, receiver: '22'.repeat(32) } },
    });
    expect(sent[1]).toMatchObject({
      kind: 'vault_deposit',
      body: { amount: 300_000_000n, allocations: [{ amount: 800_000_000n }] },
    });
  });
});

describe('aitbc channel withdraw', () => {
  it('starts with all that is free and prints the date', async () => {
    const { stdout } = await run(['channel', 'withdraw', 'start', channelId, '--yes']);
    expect(sent).toEqual([{ kind: 'withdraw_init', body: { channelId, amount: 750_000_000n } }]);
    expect(stdout).toContain('From 2026-01-02 03:04:05 UTC on:');
    const some = await run(['channel', 'withdraw', 'start', channelId, '0.1', '--yes', '--json']);
    expect(JSON.parse(some.stdout)).toMatchObject({ withdrawDueMs: dueMs, height: 12 });
    expect(sent[1]?.body).toMatchObject({ amount: 100_000_000n });
  });

  it('is not finished before its date, which the refusal names', async () => {
    channel = channelWith({ withdrawDueMs: dueMs });
    const early = await run(['channel', 'withdraw', 'finish', channelId, '--yes']);
    expect([early.exitCode, sent]).toEqual([3, []]);
    expect(early.stderr).toContain('is due at 2026-01-02 03:04:05 UTC');
    timeMs = dueMs;
    const done = await run(['channel', 'withdraw', 'finish', channelId, '--wait', '--yes']);
    expect(done.stdout).toContain(`in the vault of ${payer}`);
    expect(sent).toEqual([{ kind: 'withdraw_finalize', body: { channelId } }]);
  });

  it('is waited for also at a node of the wallet that is behind', async () => {
    channel = channelWith({ withdrawDueMs: dueMs });
    timeMs = dueMs;
    refusals = [new AppError('CHANNEL_WITHDRAW_EARLY', { channelId, dueAt: 'b', now: 'a' })];
    const words = ['channel', 'withdraw', 'finish', channelId, '--yes'];
    const impatient = await run(words);
    expect([impatient.exitCode, sent]).toEqual([3, []]);
    refusals = [new AppError('CHANNEL_WITHDRAW_EARLY', { channelId, dueAt: 'b', now: 'a' })];
    expect((await run([...words, '--wait'])).exitCode).toBe(0);
    expect(sent).toEqual([{ kind: 'withdraw_finalize', body: { channelId } }]);
  });

  it('cannot be waited for when none has begun', async () => {
    const words = ['channel', 'withdraw', 'finish', channelId, '--wait', '--yes'];
    expect((await run(words)).stderr).toContain('no withdrawal to finish');
  });
});
