import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { nodeRpc } from '@aitbc/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { splitArguments } from '../command/global-options.ts';
import { configure, openContext, outOf } from '../context/context.ts';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome, createTestHost } from '../testing/run-words.ts';
import { serveNode } from '../testing/table-server.ts';
import type { FindingState } from './check.ts';
import { chooseChecks, type Examined, examine } from './examine.ts';
import { daemonVariables, knownVariables } from './known-variables.ts';
import { createLook } from './look.ts';
import { type Machine, openFilesOf, thisMachine } from './machine.ts';

const home = createTestHome();
afterAll(() => home.remove());
/** Nobody listens there: the discard port. */
const nobody = 'http://127.0.0.1:9';

interface Place {
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly machine?: Partial<Machine>;
}

/** Runs one check against this machine, or what a test replaces of it. */
async function finding(id: string, { words = [], env = {}, machine = {} }: Place = {}) {
  const argv = ['--node-url', nobody, '--wallet-url', nobody, '--gateway-url', nobody, ...words];
  const all = { HOME: home.dir, AITBC_COORDINATOR_URL: nobody, ...env };
  const { host } = createTestHost(argv, all);
  const configured = configure(host);
  const { globals } = splitArguments(argv, configured.env);
  const { context, close } = openContext(configured, globals, outOf(host, globals));
  try {
    const whole = { ...thisMachine(), ...machine };
    const look = await createLook({ context, machine: whole, model: undefined });
    const [only] = await examine(look, chooseChecks({ roles: [], only: [id] }));
    return only as Examined;
  } finally {
    await close();
  }
}

const stateOf = async (id: string, place?: Place): Promise<FindingState> =>
  (await finding(id, place)).state;

describe('checks of the machine', () => {
  it('refuse a Node that is too old, and take one that is not', async () => {
    expect(await stateOf('node-version')).toBe('ok');
    for (const nodeVersion of ['v18.20.4', 'v20.18.1']) {
      expect(await finding('node-version', { machine: { nodeVersion } })).toMatchObject({
        ...{ state: 'fail', fix: expect.stringContaining('20.19') },
      });
    }
    expect(await stateOf('node-version', { machine: { nodeVersion: 'v22.1.0' } })).toBe('ok');
  });

  it('find a home folder that cannot be', async () => {
    const file = join(home.dir, 'a-file');
    writeFileSync(file, '');
    expect(await finding('home-writable', { words: ['--home', file] })).toMatchObject({
      ...{ state: 'fail', fix: expect.stringContaining('--home') },
    });
    for (const id of ['home-private', 'devnet']) {
      expect(['skipped', 'ok']).toContain(await stateOf(id, { words: ['--home', file] }));
    }
    const below = { words: ['--home', join(file, 'below')] };
    expect(await stateOf('home-writable', below)).toBe('fail');
    expect(await stateOf('home-writable', { words: ['--home', join(home.dir, 'new')] })).toBe('ok');
  });

  it('find secrets that others can read, and name the command that mends it', async () => {
    const own = join(home.dir, 'own');
    mkdirSync(join(own, 'wallet'), { recursive: true, mode: 0o700 });
    const token = join(own, 'wallet', 'admin.token');
    writeFileSync(token, 'secret');
    chmodSync(token, 0o644);
    const place = { words: ['--home', own] };
    const found = await finding('home-private', place);
    expect(found).toMatchObject({ state: 'fail', fix: `chmod go= ${token}` });
    chmodSync(token, 0o600);
    expect(await stateOf('home-private', place)).toBe('ok');
    chmodSync(own, 0o755);
    expect(await stateOf('home-private', place)).toBe('warn');
  });

  it('measure the disk, and complain below a quarter of a GiB', async () => {
    expect((await finding('disk')).facts?.freeBytes).toBeGreaterThan(0);
    expect(await stateOf('disk', { machine: { freeBytes: () => 2 ** 27 } })).toBe('fail');
    expect(await stateOf('disk', { machine: { freeBytes: () => 2 ** 30 } })).toBe('warn');
  });

  it('read the limit of open files where the system tells it', async () => {
    const line = 'Max open files            64                   4096                 files     \n';
    expect(openFilesOf(`Limit  Soft Limit  Hard Limit  Units\n${line}`)).toBe(64);
    expect(await stateOf('open-files', { machine: { openFilesMax: () => 64 } })).toBe('fail');
    expect(await stateOf('open-files', { machine: { openFilesMax: () => 512 } })).toBe('warn');
    expect(await stateOf('open-files', { machine: { openFilesMax: () => 65_536 } })).toBe('ok');
  });

  it('compare the clock with the one of the node', async () => {
    const nowMs = Date.now();
    const node = await serveNode(nodeRpc, {
      chain_status: () => ({ ...chainStatus(), timeMs: nowMs - 40, headAgeMs: 40 }),
    });
    const at = (skewMs: number) => ({
      ...{ words: ['--node-url', node.url], machine: { nowMs: () => nowMs + skewMs } },
    });
    const ahead = await finding('clock', at(180_000));
    expect(ahead).toMatchObject({ state: 'fail', fix: expect.stringContaining('timedatectl') });
    expect(await stateOf('clock', at(-30_000))).toBe('warn');
    expect(await stateOf('clock', at(100))).toBe('ok');
    await node.close();
    expect(await stateOf('clock', at(0))).toBe('skipped');
  });
});

describe('checks of settings', () => {
  it('name an unknown variable and the one that was meant', async () => {
    const env = { AITBC_GATEWAY_DAYMAX: '5', AITBC_NODE_URL: nobody };
    expect(await finding('variables', { env })).toMatchObject({
      state: 'warn',
      text: 'nothing reads AITBC_GATEWAY_DAYMAX',
      fix: 'unset AITBC_GATEWAY_DAYMAX, and if you meant it: export AITBC_GATEWAY_DAY_MAX=…',
    });
  });

  it('know every variable of the daemons, and no other', () => {
    const apps = ['coordinator', 'gateway', 'node', 'provider', 'wallet'];
    const read = apps.flatMap((app) => {
      const file = new URL(`../../../apps/${app}/src/config.ts`, import.meta.url);
      const text = readFileSync(file, 'utf8');
      return [...text.matchAll(/env: '(AITBC_\w+)'/g)].map((match) => match[1] as string);
    });
    expect(read.length).toBeGreaterThan(80);
    expect(read.filter((name) => !knownVariables.has(name))).toEqual([]);
    const listed = Object.entries(daemonVariables).flatMap(([daemon, lines]) =>
      lines
        .join(' ')
        .split(' ')
        .map((name) => `AITBC_${daemon}_${name}`),
    );
    const isRead = (name: string) => read.includes(name) || read.includes(name.slice(0, -5));
    expect(listed.filter((name) => !isRead(name))).toEqual([]);
  });

  it('find an unknown key of the configuration file, and a file that is none', async () => {
    const own = join(home.dir, 'configured');
    mkdirSync(own, { mode: 0o700 });
    const place = { words: ['--home', own] };
    expect(await stateOf('config-file', place)).toBe('ok');
    writeFileSync(join(own, 'config.toml'), 'gateway-ulr = "http://127.0.0.1:1"\n');
    expect(await finding('config-file', place)).toMatchObject({
      ...{ state: 'fail', fix: expect.stringContaining('aitbc config set gateway-url') },
    });
    writeFileSync(join(own, 'config.toml'), 'what is this');
    expect((await finding('config-file', place)).facts).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('find an address without its scheme', async () => {
    const found = await finding('addresses', { env: { AITBC_PROVIDER_URL: 'localhost:8008' } });
    expect(found).toMatchObject({ state: 'fail', facts: { bad: ['provider'] } });
    expect(await stateOf('addresses')).toBe('ok');
  });

  it('see where programs send their calls', async () => {
    const elsewhere = { env: { OPENAI_BASE_URL: 'https://api.example.com/v1' } };
    expect(await finding('openai-url', elsewhere)).toMatchObject({
      ...{ state: 'warn', fix: `export OPENAI_BASE_URL=${nobody}/v1` },
    });
    const here = { env: { OPENAI_BASE_URL: 'http://localhost:9/v1/' } };
    expect(await stateOf('openai-url', here)).toBe('ok');
  });

  it('name a broken plugin, and a plugin folder that is not there', async () => {
    const dir = join(home.dir, 'plugins');
    mkdirSync(dir);
    writeFileSync(join(dir, 'hello.mjs'), 'export default { summary: "hi", run() {} };');
    const place = { env: { AITBC_PLUGIN_DIR: dir } };
    expect(await stateOf('plugins', place)).toBe('ok');
    writeFileSync(join(dir, 'broken.mjs'), 'export default 5;');
    const found = await finding('plugins', place);
    expect([found.state, found.text.includes('broken.mjs')]).toEqual(['warn', true]);
    const gone = { env: { AITBC_PLUGIN_DIR: join(home.dir, 'gone') } };
    expect(await stateOf('plugins', gone)).toBe('fail');
  });

  it('see a devnet that crashed, one that lost a part, and a record that was cut off', async () => {
    const own = join(home.dir, 'crashed');
    mkdirSync(own, { mode: 0o700 });
    const place = { words: ['--home', own] };
    expect(await stateOf('devnet', place)).toBe('ok');
    const gone = 2 ** 22 + 1; // above the largest id of a process on Linux
    const record = (pid: number) =>
      JSON.stringify({ pid, pids: { node: process.pid, wallet: gone }, urls: {}, account: 'x' });
    writeFileSync(join(own, 'devnet.json'), record(gone));
    expect(await stateOf('devnet', place)).toBe('warn');
    writeFileSync(join(own, 'devnet.json'), record(process.pid));
    expect(await finding('devnet', place)).toMatchObject({
      state: 'fail',
      facts: { dead: ['wallet'] },
    });
    writeFileSync(join(own, 'devnet.json'), '{"pid": 1');
    expect((await finding('devnet', place)).fix).toContain('rm ');
  });

  it('see that a standard port is taken', async () => {
    const isPortFree = async (_host: string, port: number) => port !== 8006;
    expect(await finding('ports', { machine: { isPortFree } })).toMatchObject({
      ...{ state: 'warn', facts: { taken: ['8006 (node)'] } },
    });
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    expect(await thisMachine().isPortFree('127.0.0.1', port)).toBe(false);
    await new Promise((resolve) => holder.close(resolve));
    expect(await thisMachine().isPortFree('127.0.0.1', port)).toBe(true);
  });

  it('find a Redis that is set and away', async () => {
    const env = { AITBC_COORDINATOR_BUS: 'redis://127.0.0.1:9' };
    expect(await finding('redis', { env })).toMatchObject({
      ...{ state: 'fail', facts: { at: '127.0.0.1:9' } },
    });
    expect(await stateOf('redis')).toBe('ok');
  });
});

describe('the doctor itself', () => {
  it('refuses a check that it does not have', () => {
    expect(() => chooseChecks({ roles: [], only: ['teeth'] })).toThrow('There is no check teeth');
  });
});
