import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AppError,
  addressOf,
  devnetParams,
  type Genesis,
  networkFromGenesis,
  nodeRpc,
  walletEndpoints,
} from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { splitArguments } from '../command/global-options.ts';
import init from '../commands/init.ts';
import type { Ask } from '../context/ask.ts';
import { openContext, outOf } from '../context/context.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome, createTestHost } from '../testing/run-words.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';
import { makePlan } from './make-plan.ts';
import { nextCommands } from './next-commands.ts';
import type { InitPlan } from './types.ts';

const home = createTestHome();
afterAll(() => home.remove());
const nobody = 'http://127.0.0.1:9';
const address = addressOf('11'.repeat(32));
const words = Array.from({ length: 24 }, (_, at) => `word${at + 1}`).join(' ');
const genesis: Genesis = {
  ...{ network: 'mine', timeMs: 1, accounts: [], params: devnetParams },
  validators: [{ publicKey: '33'.repeat(32), stake: '1000000000000' }],
};
const { genesisHash } = networkFromGenesis(genesis);
const genesisFile = join(home.dir, 'genesis.json');
writeFileSync(genesisFile, JSON.stringify(genesis));

let accounts: { label: string; unlockedUntilMs: number | null }[];
let balance: bigint;
let hasFaucet: boolean;
let servers: { readonly node: TestServer; readonly wallet: TestServer };
beforeEach(async () => {
  [accounts, balance, hasFaucet] = [[], 0n, true];
  const shown = (label: string, unlockedUntilMs: number | null) => ({
    ...{ address, label, kind: 'key' as const, createdAtMs: 1, unlockedUntilMs },
  });
  const node = await serveNode(nodeRpc, {
    chain_status: () => chainStatus(genesisHash),
    state_getAccount: () => ({
      ...{ address, balance: balance.toString(), nonce: 0, vault: '0', pendingNonce: 0 },
    }),
    dev_faucet() {
      if (!hasFaucet) throw new AppError('FAUCET_DISABLED');
      balance = 5_000_000_000n;
      return { txId: '0e'.repeat(32), amount: '5000000000' };
    },
    tx_get: ({ txId }) => ({
      status: 'final',
      tx: { kind: 'transfer', from: address, nonce: 0, validUntil: 0, fee: '0', body: {} },
      receipt: { txId, height: 3, index: 0, kind: 'transfer', from: address, fee: '0' },
      blockHash: '0d'.repeat(32),
    }),
  });
  const wallet = await serveTable(walletEndpoints, {
    listAccounts: () => ({
      accounts: accounts.map(({ label, unlockedUntilMs }) => shown(label, unlockedUntilMs)),
    }),
    createAccount({ label, mnemonic }) {
      accounts.push({ label, unlockedUntilMs: null });
      return { address, mnemonic: mnemonic === undefined ? words : null };
    },
    unlock({ password }) {
      if (password !== 'correct horse') {
        throw new AppError('WALLET_PASSWORD_WRONG', { account: address });
      }
      const [account] = accounts;
      if (account) account.unlockedUntilMs = Date.now() + 3_600_000;
      return shown(account?.label ?? '', account?.unlockedUntilMs ?? null);
    },
  });
  servers = { node, wallet };
});
afterEach(() => Promise.all([servers.node.close(), servers.wallet.close()]));

let homes = 0;
/** Runs `aitbc init` in a home folder that nobody had before. */
function freshHome() {
  homes += 1;
  const dir = join(home.dir, `home-${homes}`);
  const env = { AITBC_WALLET_TOKEN: 'secret', AITBC_WALLET_PASSWORD: 'correct horse' };
  const run = (more: readonly string[] = [], changed: Readonly<Record<string, string>> = {}) =>
    home.run(
      [
        ...['init', '--home', dir, '--role', 'agent', '--genesis', genesisFile, '--yes'],
        ...['--node-url', servers.node.url, '--wallet-url', servers.wallet.url, ...more],
      ],
      { env: { ...env, ...changed } },
    );
  return { dir, run };
}

interface Told {
  readonly steps: { id: string; state: string; text: string }[];
  readonly mnemonic: string | null;
  readonly next: { line: string }[];
}
const told = (stdout: string): Told => JSON.parse(stdout) as Told;
const statesOf = ({ steps }: Told) =>
  Object.fromEntries(steps.map(({ id, state }) => [id, state] as const));

describe('aitbc init for a buyer', () => {
  it('makes everything once: home, genesis, settings, account, coins', async () => {
    const { dir, run } = freshHome();
    const { stdout, exitCode } = await run(['--coordinator-url', nobody]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('24. word24');
    expect(stdout).toContain('5 AIT from the faucet');
    expect(stdout).toMatch(/Next:\n {2}aitbc ai ask/);
    expect(statSync(dir).mode & 0o077).toBe(0);
    expect(readFileSync(join(dir, 'config.toml'), 'utf8')).toBe(
      `node-url = "${servers.node.url}"\ncoordinator-url = "${nobody}"\nwallet-url = "${servers.wallet.url}"\naccount = "main"\n`,
    );
  });

  it('changes nothing the second time, not one byte', async () => {
    const { dir, run } = freshHome();
    await run();
    const all = () =>
      readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name, parentPath }) => {
          const file = join(parentPath, name);
          return [file, readFileSync(file, 'utf8'), statSync(file).mtimeMs];
        });
    const before = all();
    const calls = servers.wallet.calls.length;
    const { stdout, exitCode } = await run(['--json']);
    expect([exitCode, told(stdout).mnemonic]).toEqual([0, null]);
    expect(new Set(Object.values(statesOf(told(stdout))))).toEqual(new Set(['kept']));
    expect(all()).toEqual(before);
    expect(servers.wallet.calls.slice(calls).map(({ what }) => what)).toEqual(['listAccounts']);
  });

  it('hands the words of a new account out even when a later step breaks', async () => {
    const { run } = freshHome();
    const { stdout, exitCode } = await run(['--json'], { AITBC_WALLET_PASSWORD: 'wrong horse' });
    expect([exitCode, told(stdout).mnemonic]).toEqual([7, words]);
  });

  it('brings an account back from its words without showing them', async () => {
    const file = join(home.dir, 'words.txt');
    writeFileSync(file, words);
    const { stdout } = await freshHome().run(['--words-file', file]);
    expect(stdout).toContain('came back from its words');
    expect(stdout).not.toContain('word24');
  });

  it('waits for coins where there is no faucet, and for a wallet that is away', async () => {
    hasFaucet = false;
    const { run } = freshHome();
    const poor = told((await run(['--json'])).stdout);
    expect(statesOf(poor)).toMatchObject({ account: 'done', lock: 'done', coins: 'waiting' });
    const away = await run(['--json', '--wallet-url', nobody]);
    expect([away.exitCode, statesOf(told(away.stdout)).account]).toEqual([7, 'waiting']);
    expect(told(away.stdout).next[0]?.line).toBe('aitbc doctor');
  });

  it('does not write over the genesis document of another network', async () => {
    const { dir, run } = freshHome();
    await run();
    const other = join(home.dir, 'other.json');
    writeFileSync(other, JSON.stringify({ ...genesis, network: 'other' }));
    const refused = await run(['--genesis', other]);
    expect([refused.exitCode, refused.stderr.includes('another network')]).toEqual([2, true]);
    expect(readFileSync(join(dir, 'chain', 'genesis.json'), 'utf8')).toBe(JSON.stringify(genesis));
  });
});

describe('aitbc init for others', () => {
  it('says first that the devnet must come up', async () => {
    const dir = join(home.dir, 'looking');
    const line = ['init', '--home', dir, '--role', 'devnet', '--yes', '--json'];
    const { stdout, exitCode } = await home.run([...line, '--node-url', nobody]);
    expect([exitCode, told(stdout).next[0]?.line]).toEqual([7, 'aitbc up']);
  });

  it('looks for an engine when somebody sells, and makes no account', async () => {
    const env = { AITBC_PROVIDER_OLLAMA_URL: nobody, AITBC_PROVIDER_URL: nobody };
    const line = [
      'init',
      '--home',
      join(home.dir, 'seller'),
      '--role',
      'provider',
      '--yes',
      '--json',
    ];
    const { stdout } = await home.run([...line, '--node-url', servers.node.url], { env });
    expect(statesOf(told(stdout))).toMatchObject({ engine: 'waiting', node: 'kept' });
    expect(told(stdout).next.map(({ line: next }) => next)).toContain('aitbc ai serve');
    expect(servers.wallet.calls).toEqual([]);
  });

  it('asks nothing without a terminal: role and --yes must be said', async () => {
    for (const line of [['init'], ['init', '--role', 'agent'], ['init', '--yes']]) {
      expect((await home.run(line)).exitCode).toBe(2);
    }
    expect(existsSync(join(home.dir, '.aitbc'))).toBe(false);
  });
});

/** A person who answers in this order. */
function person(answers: string[]): Ask {
  const next = async () => answers.shift() ?? '';
  return {
    isPossible: true,
    password: next,
    confirm: async () => true,
    text: next,
    choose: async (_message, choices) => {
      const answer = await next();
      const found = choices.find(({ value }) => value === answer);
      if (!found) throw new Error(`no such choice: ${answer}`);
      return found.value;
    },
  };
}

describe('the questions', () => {
  const nothing = {
    ...{ role: undefined, network: undefined, genesis: undefined, label: undefined },
    ...{ wordsFile: undefined, passwordFile: undefined, yes: false },
  };
  async function planOf(answers: string[], wish: Partial<Parameters<typeof makePlan>[1]> = {}) {
    const { host } = createTestHost([], { HOME: home.dir });
    const { globals } = splitArguments([], {});
    const { context, close } = openContext(host, globals, outOf(host, globals));
    const plan = await makePlan({ ...context, ask: person(answers) }, { ...nothing, ...wish });
    await close();
    return plan;
  }

  it('name addresses that the steps ask at once, whatever the configuration says', async () => {
    const dir = join(home.dir, 'asked');
    const argv = ['init', '--home', dir, '--wallet-url', servers.wallet.url];
    const env = { AITBC_NODE_URL: nobody, AITBC_WALLET_TOKEN: 'secret' };
    const { host, written } = createTestHost(argv, {
      ...env,
      AITBC_WALLET_PASSWORD: 'correct horse',
    });
    const { globals, rest } = splitArguments(argv, host.env);
    expect(rest).toEqual(['init']);
    const { context, close } = openContext(host, globals, outOf(host, globals));
    const ask = person(['agent', 'join', genesisFile, servers.node.url, nobody]);
    const input = { args: {}, options: nothing };
    expect(await init.run({ ...context, ask }, input)).toBe(0);
    await close();
    expect(written.stdout).toContain('5 AIT from the faucet');
  });

  it('are only those whose answers are not known', async () => {
    expect(await planOf(['devnet'])).toMatchObject({ role: 'devnet', network: 'devnet' });
    expect(await planOf(['agent', 'devnet'])).toMatchObject({ role: 'agent', addresses: {} });
    const joined = await planOf(['provider', 'join', genesisFile, 'http://a:1', 'http://b:2']);
    expect(joined).toMatchObject({
      ...{ role: 'provider', network: 'join', genesisFile },
      addresses: { 'node-url': 'http://a:1', 'coordinator-url': 'http://b:2' },
    });
    const operator = await planOf(['http://a:1'], { role: 'operator', genesis: genesisFile });
    expect(operator.addresses).toEqual({ 'node-url': 'http://a:1' });
  });
});

describe('the next commands', () => {
  it('are three, and never the one that was just done', () => {
    const plan: InitPlan = {
      ...{ role: 'agent', network: 'join', genesisFile: undefined, label: 'main' },
      ...{ wordsFile: undefined, passwordFile: undefined, addresses: {} },
    };
    for (const role of ['devnet', 'agent', 'provider', 'operator'] as const) {
      for (const network of ['devnet', 'join'] as const) {
        const lines = nextCommands({ ...plan, role, network }, []).map(({ line }) => line);
        expect([lines.length, new Set(lines).size]).toEqual([3, 3]);
        const waiting = nextCommands({ ...plan, role, network }, [
          { id: 'node', state: 'waiting', text: '' },
        ]);
        expect(waiting[0]?.line).toBe(network === 'devnet' ? 'aitbc up' : 'aitbc doctor');
      }
    }
  });
});
