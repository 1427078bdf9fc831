import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64, bytesFromBase64, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  decodeTx,
  decodeUnsignedTx,
  networkFromHash,
  nodeRpc,
  signTx,
  txToJson,
  unwrap,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome, type RunOptions } from '../testing/run-words.ts';
import { sampleGenesisHash } from '../testing/sample-proof.ts';
import {
  type NodeHandlers,
  serveNode,
  serveTable,
  type TableHandlers,
  type TestServer,
} from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());

const network = networkFromHash('test', sampleGenesisHash);
const pair = keyPairFromSeed(new Uint8Array(32).fill(9));
const address = addressOf(hex(pair.publicKey));
const other = addressOf('11'.repeat(32));
const words = Array.from({ length: 24 }, (_, at) => `word${at + 1}`).join(' ');
const env = { AITBC_WALLET_TOKEN: 'secret-token', AITBC_WALLET_PASSWORD: 'correct horse' };
const account = {
  address,
  label: 'main',
  kind: 'key' as const,
  createdAtMs: 1,
  unlockedUntilMs: null,
};

const walletHandlers: TableHandlers<typeof walletEndpoints> = {
  createAccount: ({ mnemonic }) => ({ address, mnemonic: mnemonic === undefined ? words : null }),
  listAccounts: () => ({ accounts: [account] }),
  unlock({ password }) {
    if (password !== 'correct horse')
      throw new AppError('WALLET_PASSWORD_WRONG', { account: address });
    return { ...account, unlockedUntilMs: 5 };
  },
  lock: () => account,
  changePassword: () => account,
  sign({ tx }) {
    const unsigned = unwrap(decodeUnsignedTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
    const signed = signTx(network, unsigned, pair.secretKey);
    return {
      tx: base64(signed.bytes),
      txId: signed.txId,
      description: 'Sends coins.',
      decoded: txToJson(unsigned),
      effects: [{ address, what: 'balance', id: '', before: '5000000000', after: '3499999000' }],
    };
  },
};

const nodeHandlers: NodeHandlers = {
  chain_status: () => chainStatus(),
  state_getAccount: (input) => ({
    address: input.address,
    balance: '5000000000',
    nonce: 3,
    vault: '250000000',
    pendingNonce: 3,
  }),
  tx_sendAndWait({ tx }) {
    const signed = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
    const { txId, kind } = signed;
    const shown = txToJson(signed);
    const receipt = { txId, height: 12, index: 0, kind, from: shown.from, fee: shown.fee };
    return { status: 'final', tx: shown, receipt, blockHash: '0d'.repeat(32) };
  },
};

let wallet: TestServer;
let node: TestServer;
beforeEach(async () => {
  wallet = await serveTable(walletEndpoints, walletHandlers);
  node = await serveNode(nodeRpc, nodeHandlers);
});
afterEach(() => Promise.all([wallet.close(), node.close()]));

const run = (line: readonly string[], options: RunOptions = {}) =>
  home.run([...line, '--wallet-url', wallet.url, '--node-url', node.url], {
    ...options,
    env: { ...env, ...options.env },
  });

describe('wallet accounts', () => {
  it('show their 24 words once, and say so', async () => {
    const { exitCode, stdout } = await run(['wallet', 'create', 'main']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('shown only this once');
    expect(stdout).toContain(' 24. word24'.trim());
    expect(wallet.calls[0]).toMatchObject({
      authorization: 'Bearer secret-token',
      input: { label: 'main', password: 'correct horse' },
    });
    expect(JSON.parse((await run(['wallet', 'create', 'main', '--json'])).stdout)).toEqual({
      label: 'main',
      address,
      mnemonic: words,
    });
  });

  it('come back from a file of words without showing them', async () => {
    const file = join(home.dir, 'words.txt');
    writeFileSync(file, `${words.replaceAll(' ', '\n')}\n`);
    const { stdout } = await run(['wallet', 'create', 'old', '--words-file', file]);
    expect(stdout).not.toContain('word24');
    expect(wallet.calls[0]?.input).toMatchObject({ mnemonic: words });
  });

  it('are listed and locked, the only one without being named', async () => {
    expect((await run(['wallet', 'list'])).stdout).toContain(`main   ${address}  locked`);
    expect((await run(['wallet', 'lock'])).stdout).toBe(`main (${address}) is locked.\n`);
    const unknown = await run(['wallet', 'lock', 'nobody']);
    expect([unknown.exitCode, unknown.stderr.includes('nobody')]).toEqual([4, true]);
  });

  it('open with a password from a file or the environment, never from the command line', async () => {
    const file = join(home.dir, 'password');
    writeFileSync(file, 'wrong one\n');
    const wrong = await run(['wallet', 'unlock', 'main', '--password-file', file]);
    expect(wrong.exitCode).toBe(5);
    const opened = await run(['wallet', 'unlock', 'main', '--minutes', '2', '--json']);
    expect(JSON.parse(opened.stdout)).toMatchObject({ unlockedUntilMs: 5 });
    expect(wallet.calls.at(-1)?.input).toMatchObject({ timeoutMs: 120_000 });
    const none = await run(['wallet', 'unlock'], { env: { AITBC_WALLET_PASSWORD: '' } });
    expect([none.exitCode, none.stderr.includes('--password-file')]).toEqual([2, true]);
  });

  it('are changed from the one of the environment to that of a file, never to the same source', async () => {
    const file = join(home.dir, 'new-password');
    writeFileSync(file, 'a longer pass phrase\n');
    const words = ['wallet', 'password', 'main'];
    const changed = await run([...words, '--new-password-file', file, '--json']);
    expect(JSON.parse(changed.stdout)).toEqual(account);
    expect(wallet.calls.at(-1)?.input).toEqual({
      ...{ address, password: 'correct horse' },
      newPassword: 'a longer pass phrase',
    });
    const none = await run(words);
    expect([none.exitCode, none.stderr]).toEqual([
      2,
      expect.stringContaining('--new-password-file'),
    ]);
  });

  it('have a balance without any wallet when the address is given', async () => {
    const { stdout } = await home.run(['wallet', 'balance', other, '--node-url', node.url]);
    expect(stdout).toMatch(/balance +5 AIT/);
    expect(stdout).toMatch(/vault +0.25 AIT/);
  });
});

describe('wallet send', () => {
  it('shows what the wallet says, waits for finality and names the block', async () => {
    const { exitCode, stdout, stderr } = await run(['wallet', 'send', other, '1.5']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Sends coins.');
    expect(stdout).toMatch(/5 AIT +3.499999 AIT +-1.500001 AIT/);
    expect(stdout).toMatch(/Final in block 12 after \d+ ms. Transaction [0-9a-f]{64}/);
  });

  it('carries amounts as whole nait, and a memo as bytes', async () => {
    const line = ['wallet', 'send', other, '2500', '--nait', '--memo', 'hi', '--json'];
    const { stdout } = await run(line);
    expect(JSON.parse(stdout)).toMatchObject({ height: 12, fee: '1000' });
    const { tx } = (node.calls.at(-1) as { input: unknown }).input as { tx: string };
    const sent = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array(0)));
    expect(sent.body).toMatchObject({ to: '11'.repeat(32), amount: 2500n, memo: '6869' });
  });

  it('sends nothing when amount, address or memo are wrong', async () => {
    const exitCodes = await Promise.all(
      [
        ['wallet', 'send', other, '1,5'],
        ['wallet', 'send', 'ait1nonsense', '1'],
        ['wallet', 'send', other, '1', '--memo', 'x'.repeat(65)],
      ].map(async (line) => (await run(line)).exitCode),
    );
    expect(exitCodes).toEqual([2, 2, 2]);
    expect(node.calls.map(({ what }) => what)).not.toContain('tx_sendAndWait');
  });
});

describe('wallet faucet', () => {
  it('waits until the coins are there', async () => {
    await node.close();
    let looks = 0;
    const txId = '0e'.repeat(32);
    const tx = {
      kind: 'transfer' as const,
      from: other,
      nonce: 1,
      validUntil: 0,
      fee: '0',
      body: {},
    };
    node = await serveNode(nodeRpc, {
      dev_faucet: ({ amount = '100000000000' }) => ({ txId, amount }),
      tx_get() {
        looks += 1;
        if (looks === 1) throw new AppError('NOT_FOUND', { what: 'transaction' });
        if (looks === 2) return { status: 'accepted', tx, receipt: null, blockHash: null };
        const receipt = { txId, height: 4, index: 0, kind: tx.kind, from: other, fee: '0' };
        return { status: 'final', tx, receipt, blockHash: '0f'.repeat(32) };
      },
    });
    const { stdout } = await run(['wallet', 'faucet', '5', '--account', address]);
    expect(stdout).toBe(`5 AIT for ${address}, final in block 4.\n`);
    expect(looks).toBe(3);
  });
});

describe('where commands look', () => {
  it('is what a devnet of this home wrote, as long as it runs', async () => {
    const dir = join(home.dir, 'net');
    const tokenFile = join(dir, 'token');
    mkdirSync(dir);
    writeFileSync(tokenFile, 'devnet-token\n');
    const urls = { node: node.url, wallet: wallet.url, coordinator: '', gateway: '', provider: '' };
    const { pid } = process;
    const file = { pid, urls, pids: { node: pid }, walletTokenFile: tokenFile, account: address };
    const write = (value: unknown) =>
      writeFileSync(join(dir, 'devnet.json'), JSON.stringify(value));
    write(file);
    const found = await home.run(['wallet', 'balance', '--home', dir]);
    expect(found.stdout).toContain(address);
    await home.run(['wallet', 'list', '--home', dir]);
    expect(wallet.calls.at(-1)?.authorization).toBe('Bearer devnet-token');
    for (const gone of [{ pid: 2 ** 22 + 1 }, { pids: { node: 2 ** 22 + 1 } }]) {
      write({ ...file, ...gone });
      expect((await home.run(['wallet', 'list', '--home', dir])).exitCode).toBe(5);
    }
    writeFileSync(join(dir, 'devnet.json'), '{"pid": 1');
    expect((await home.run(['wallet', 'list', '--home', dir])).exitCode).toBe(5);
  });
});
