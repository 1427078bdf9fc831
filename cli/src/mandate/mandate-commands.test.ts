/** `aitbc mandate` against a node and a wallet made of tables. */
import { base64, bytesFromBase64, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  decodeTx,
  decodeUnsignedTx,
  type MandateJson,
  networkFromHash,
  nodeRpc,
  type SignedTx,
  signTx,
  txToJson,
  unwrap,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { sampleGenesisHash } from '../testing/sample-proof.ts';
import {
  type NodeHandlers,
  serveNode,
  serveTable,
  type TestServer,
} from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());

const network = networkFromHash('test', sampleGenesisHash);
const owner = keyPairFromSeed(new Uint8Array(32).fill(9));
const address = addressOf(hex(owner.publicKey));
const subKeyId = hex(keyPairFromSeed(new Uint8Array(32).fill(7)).publicKey);
const subKey = addressOf(subKeyId);
const provider = addressOf('22'.repeat(32));
const zero = '00'.repeat(32);

const mandate: MandateJson = {
  ...{ owner: address, subKey, channelMaxNait: '500000000', windowMaxNait: '1000000000' },
  ...{ windowMs: 3_600_000, totalMaxNait: '5000000000', jobMaxNait: '20000000' },
  ...{ receivers: [provider], models: ['qwen3:8b'], allowsChannels: true, allowsTransfers: false },
  ...{ expiresAtHeight: 100, revoked: false, spentNait: '1500000000' },
  ...{ windowStartMs: 1, windowSpentNait: '0' },
};

let sent: SignedTx | undefined;
let changes: Partial<MandateJson>;
const handlers: NodeHandlers = {
  chain_status: () => chainStatus(),
  state_getAccount: (input) => ({
    ...{ address: input.address, balance: '5', nonce: 3, vault: '0', pendingNonce: 3 },
  }),
  tx_sendAndWait({ tx }) {
    sent = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
    const shown = txToJson(sent);
    const { txId, kind } = sent;
    const receipt = { txId, height: 12, index: 0, kind, from: shown.from, fee: shown.fee };
    return { status: 'final', tx: shown, receipt, blockHash: zero };
  },
  state_getMandate(names) {
    if (names.subKey !== subKey) throw new AppError('MANDATE_UNKNOWN', names);
    return { ...mandate, ...changes };
  },
  state_listMandates({ owner: from, after }) {
    if (from === undefined) return { mandates: [mandate], next: null };
    if (after === undefined) return { mandates: [], next: zero };
    const { jobMaxNait } = { jobMaxNait: '0' };
    return { mandates: [{ ...mandate, models: [], revoked: true, jobMaxNait }], next: null };
  },
};

let node: TestServer;
let wallet: TestServer;
beforeEach(async () => {
  sent = undefined;
  changes = {};
  node = await serveNode(nodeRpc, handlers);
  wallet = await serveTable(walletEndpoints, {
    listAccounts: () => ({
      accounts: [
        { address, label: 'main', kind: 'key' as const, createdAtMs: 1, unlockedUntilMs: 5 },
      ],
    }),
    sign({ tx }) {
      const unsigned = unwrap(decodeUnsignedTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
      const signed = signTx(network, unsigned, owner.secretKey);
      return {
        ...{ tx: base64(signed.bytes), txId: signed.txId, description: 'It does something.' },
        ...{ decoded: txToJson(unsigned), effects: [] },
      };
    },
  });
});
afterEach(() => Promise.all([node.close(), wallet.close()]));

const run = (...words: string[]) =>
  home.run(['mandate', ...words, '--node-url', node.url, '--wallet-url', wallet.url], {
    env: { AITBC_WALLET_TOKEN: 'token' },
  });

const narrow = {
  ...{ subKey: subKeyId, channelMaxNait: 500_000_000n, windowMaxNait: 1_000_000_000n },
  ...{ windowMs: 1_800_000, totalMaxNait: 5_000_000_000n, jobMaxNait: 20_000_000n },
  ...{
    receivers: [{ receiver: '22'.repeat(32) }],
    models: [{ model: 'qwen3:8b' }, { model: 'b' }],
  },
  ...{ allows: 3, expiresAtHeight: 507 },
};

describe('mandate grant', () => {
  it('says every limit to the chain', async () => {
    const limits = ['--total', '5', '--per-window', '1', '--window-hours', '0.5'];
    const more = ['--at-a-time', '0.5', '--per-job', '0.02', '--blocks', '500', '--transfers'];
    const lists = ['--models', 'qwen3:8b, b', '--receivers', provider];
    const { exitCode, stdout } = await run('grant', subKey, ...limits, ...more, ...lists);
    expect([exitCode, stdout.includes('Final in block 12')]).toEqual([0, true]);
    expect(sent).toMatchObject({ kind: 'mandate_grant', body: narrow });
  });

  it('is as wide as the next wider limit where nothing is said, and takes a public key', async () => {
    const { stdout } = await run('grant', subKeyId, '--total', '70', '--nait', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ height: 12, description: 'It does something.' });
    expect(sent).toMatchObject({
      kind: 'mandate_grant',
      body: {
        ...{ channelMaxNait: 70n, windowMaxNait: 70n, totalMaxNait: 70n, jobMaxNait: 0n },
        ...{ windowMs: 3_600_000, receivers: [], models: [], allows: 1 },
        expiresAtHeight: 100_007,
      },
    });
  });

  it('brings coins for the vault and for fees in the same transaction', async () => {
    await run('grant', subKey, '--total', '5', '--deposit', '3', '--fees', '0.01');
    const { kind, body } = sent as Extract<SignedTx, { kind: 'batch' }>;
    expect(kind).toBe('batch');
    expect(body.operations).toMatchObject([
      { kind: 'vault_deposit', body: { amount: 3_000_000_000n, allocations: [] } },
      { kind: 'transfer', body: { to: subKeyId, amount: 10_000_000n } },
      { kind: 'mandate_grant', body: { totalMaxNait: 5_000_000_000n } },
    ]);
  });

  it('needs a total, names that are names, and an address', async () => {
    expect((await run('grant', subKey)).exitCode).toBe(2);
    const empty = await run('grant', subKey, '--total', '5', '--models', 'a,,b');
    expect([empty.exitCode, empty.stderr.includes('one to 16 names')]).toEqual([2, true]);
    const wrong = await run('grant', 'ait1nobody', '--total', '5', '--json');
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.stderr + wrong.stdout).toContain('ADDRESS_INVALID');
    expect(sent).toBeUndefined();
  });
});

describe('a mandate', () => {
  it('is revoked', async () => {
    expect((await run('revoke', subKey)).exitCode).toBe(0);
    expect(sent).toMatchObject({ kind: 'mandate_revoke', body: { subKey: subKeyId } });
  });

  it('is shown with what was spent', async () => {
    const { stdout } = await run('show', subKey);
    expect(stdout).toMatch(/^state +live, until height 100$/m);
    expect(stdout).toMatch(/^in all +5 AIT, of which 1\.5 AIT are spent$/m);
    expect(stdout).toMatch(/^for a job +0\.02 AIT$/m);
    expect(stdout).toMatch(/^models +qwen3:8b$/m);
    changes = { expiresAtHeight: 6, jobMaxNait: '0', models: [], allowsTransfers: true };
    const wide = (await run('show', subKey)).stdout;
    expect(wide).toMatch(/^state +over, until height 6$/m);
    expect(wide).toMatch(/^spends +into channels and by transfers$/m);
    expect(wide).toMatch(/^for a job +no bound of its own$/m);
    expect(JSON.parse((await run('show', subKeyId, '--json')).stdout)).toEqual({
      ...mandate,
      ...changes,
    });
    expect((await run('show', provider)).exitCode).toBe(4);
  });

  it('is listed over all pages, by owner and by sub-key', async () => {
    const { stdout } = await run('list');
    expect(stdout).toMatch(new RegExp(`^${subKey} +revoked +1\\.5 AIT +5 +AIT +any$`, 'm'));
    const mine = await run('list', '--sub-key', subKey, '--json');
    expect(JSON.parse(mine.stdout)).toEqual({ mandates: [mandate] });
    expect(node.calls.some(({ input }) => JSON.stringify(input) === `{"subKey":"${subKey}"}`)).toBe(
      true,
    );
  });
});
