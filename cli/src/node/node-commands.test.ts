import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { devnetParams, type Genesis, nodeRpc, type OutputOf } from '@aitbc/protocol';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { serveNode, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());

const key = '0a'.repeat(32);
const genesis: Genesis = {
  ...{ network: 'test', timeMs: 1, accounts: [], params: devnetParams },
  validators: [{ publicKey: key, stake: '10' }],
};
const genesisFile = join(home.dir, 'genesis-of-others.json');
writeFileSync(genesisFile, JSON.stringify(genesis));

let made = 0;
const join1 = async (...more: string[]) => {
  made += 1;
  const dir = join(home.dir, `follower-${made}`);
  const words = ['node', 'join', dir, '--genesis', genesisFile, '--peer', '10.0.0.7:9006', ...more];
  return { dir, ...(await home.run(words)) };
};

describe('a node that joins', () => {
  it('has a folder with settings, the genesis document and a key that only its owner may read', async () => {
    const { dir, exitCode, stdout } = await join1('--port', '9106', '--json');
    expect(exitCode).toBe(0);
    const { publicKey, keyFile, settingsFile, url } = JSON.parse(stdout);
    expect(publicKey).toMatch(/^[0-9a-f]{64}$/);
    expect(url).toBe('http://127.0.0.1:9106');
    expect(statSync(keyFile).mode & 0o077).toBe(0);
    expect(JSON.parse(readFileSync(join(dir, 'genesis.json'), 'utf8'))).toEqual(genesis);
    const settings = readFileSync(settingsFile, 'utf8');
    expect(settings).toContain('peers = "10.0.0.7:9006"');
    expect(settings).toContain(`dataDir = ${JSON.stringify(join(dir, 'data'))}`);
  });

  it('is told how it starts and how it becomes a validator', async () => {
    const { stdout, dir } = await join1();
    expect(stdout).toContain(`aitbc node run ${dir}`);
    expect(stdout).toContain(
      `aitbc chain stake bond <ait> --key-file ${join(dir, 'validator.key')}`,
    );
    expect(stdout).toContain('never');
  });

  it('overwrites nothing, and leaves nothing when a word is wrong', async () => {
    const { dir } = await join1();
    const words = ['node', 'join', dir, '--genesis', genesisFile, '--peer', 'a:1'];
    const again = await home.run(words);
    expect([again.exitCode, again.stderr.includes('exists already')]).toEqual([2, true]);
    const fresh = join(home.dir, 'fresh');
    for (const [peer, file] of [
      ['nonsense', genesisFile],
      ['a:1,b', genesisFile],
      ['a:1', join(home.dir, 'none.json')],
    ] as const) {
      const bad = await home.run(['node', 'join', fresh, '--genesis', file, '--peer', peer]);
      expect(bad.exitCode).toBe(2);
      expect(existsSync(fresh)).toBe(false);
    }
  });
});

describe('a node', () => {
  const state: OutputOf<typeof nodeRpc.consensus_state> = {
    ...{ self: key, role: 'validator', mayVote: false, height: 7, epoch: 0, lastHeight: 1_000 },
    ...{ view: 8, leader: key, pendingBlocks: 0, peerHeight: 9, syncing: true, halted: false },
    rules: { version: 1, known: 1, upgrade: { present: 1, next: 2, height: 900 } },
  };
  const peers = { port: 9006, peers: [], targets: [] };
  let node: TestServer;
  let dir: string;
  beforeEach(async () => {
    node = await serveNode(nodeRpc, {
      chain_status: () => chainStatus(),
      consensus_state: () => state,
      net_peers: () => peers,
      admin_snapshot: () => ({ height: 7 }),
    });
    ({ dir } = await join1('--port', new URL(node.url).port));
  });
  afterEach(() => node.close());

  it('is looked at by its folder, with its disk and its key', async () => {
    writeFileSync(join(dir, 'data', 'blocks.log'), Buffer.alloc(3_000_000, 1));
    const { stdout } = await home.run(['node', 'status', dir]);
    expect(stdout).toMatch(/^role +validator, silent until its old votes are past$/m);
    expect(stdout).toMatch(/^sync +2 blocks behind$/m);
    const rules =
      'version 1; upgrade to version 2 at height 900 armed; this program knows version 1';
    expect(stdout).toContain(rules);
    expect(stdout).toMatch(/^disk +3\.\d MB in /m);
    expect(stdout).toContain(join(dir, 'validator.key'));
    const plain = await home.run(['node', 'status', '--node-url', node.url, '--json']);
    expect(JSON.parse(plain.stdout)).toMatchObject({ state: { self: key }, diskBytes: null });
  });

  it('takes a snapshot for whoever can read its token', async () => {
    const none = await home.run(['node', 'snapshot', dir]);
    expect([none.exitCode, none.stderr.includes('admin token')]).toEqual([5, true]);
    writeFileSync(join(dir, 'data', 'admin.token'), 'ab'.repeat(32));
    const { stdout } = await home.run(['node', 'snapshot', dir]);
    expect(stdout).toContain('Asked for at height 7.');
    expect(node.calls.at(-1)).toMatchObject({
      what: 'admin_snapshot',
      authorization: `Bearer ${'ab'.repeat(32)}`,
    });
  });

  it('is not reset without a yes', async () => {
    const { exitCode, stderr } = await home.run(['node', 'reset', dir]);
    expect([exitCode, stderr.includes('--yes')]).toEqual([2, true]);
  });

  it('needs a folder with readable settings', async () => {
    const empty = join(home.dir, 'empty');
    mkdirSync(empty, { recursive: true });
    const none = await home.run(['node', 'status', empty]);
    expect([none.exitCode, none.stderr.includes('not the folder of a node')]).toEqual([2, true]);
    writeFileSync(join(empty, 'node.toml'), 'port = 1\n');
    const odd = await home.run(['node', 'status', empty]);
    expect([odd.exitCode, odd.stderr.includes('dataDir, keyFile and port')]).toEqual([2, true]);
  });
});
