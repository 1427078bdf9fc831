/**
 * An operator's day with the command line alone: a fresh chain, a second node that follows it and becomes a
 * validator's home, proofs by a light client, a snapshot, a reset.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '@aitbc/cli/devnet';
import { addressOf } from '@aitbc/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './harness.ts';

const cli = fileURLToPath(new URL('../cli/bin/aitbc.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'aitbc-operator-'));
const [first, follower] = [join(folder, 'first'), join(folder, 'follower')];
const running: ChildProcess[] = [];
let url: string;

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function aitbc(...words: string[]): Promise<Said> {
  const env = { ...process.env, HOME: folder, NO_COLOR: '1' };
  const child = spawn(process.execPath, [cli, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

async function json(...words: string[]) {
  const { code, stdout, stderr } = await aitbc(...words, '--json');
  if (code !== 0) throw new Error(`aitbc ${words.join(' ')}: ${code} ${stdout} ${stderr}`);
  return JSON.parse(stdout);
}

/** Runs the node of a folder; resolves when its status is told. */
async function runNode(dir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [cli, 'node', 'run', dir], {
    env: { ...process.env, HOME: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  running.push(child);
  await until(
    'the node answers',
    async () => (await aitbc('node', 'status', dir)).code === 0,
    40_000,
  );
  return child;
}

async function stopNode(child: ChildProcess): Promise<number | null> {
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  return gone;
}

/** Gives the node of a folder free ports. */
async function movePorts(dir: string, ports: Record<string, number>): Promise<void> {
  const file = join(dir, 'node.toml');
  let text = readFileSync(file, 'utf8');
  for (const [name, port] of Object.entries(ports)) {
    text = text.replace(new RegExp(`^${name} = .*$`, 'm'), `${name} = ${port}`);
  }
  writeFileSync(file, text);
}

let ports: number[];
let faucetAddress: string;
let firstNode: ChildProcess;

beforeAll(async () => {
  ports = await findFreePorts(4);
  const made = await json('node', 'init', first);
  faucetAddress = made.faucetAddress;
  const [port = 0, meshPort = 0] = ports;
  await movePorts(first, { port, meshPort });
  url = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  for (const child of running) if (child.exitCode === null) await stopNode(child);
  rmSync(folder, { recursive: true, force: true });
});

describe('an operator', () => {
  it('runs a fresh chain and proves an account with the genesis document', async () => {
    firstNode = await runNode(first);
    const { state, diskBytes } = await json('node', 'status', first);
    expect(state).toMatchObject({ role: 'validator', mayVote: true });
    expect(diskBytes).toBeGreaterThan(0);
    await until(
      'the first block',
      async () => (await json('chain', 'status', '--node-url', url)).height > 0,
    );
    const genesis = join(first, 'genesis.json');
    const at = ['--genesis', genesis, '--node-url', url];
    const proven = await json('chain', 'verify', faucetAddress, ...at);
    expect(proven).toMatchObject({ proven: true, exists: true, balance: '1000000000000000000' });
    const nobody = addressOf('11'.repeat(32));
    expect(await json('chain', 'verify', nobody, ...at)).toMatchObject({ exists: false });
    const { validators } = await json('chain', 'validators', '--node-url', url);
    expect(validators).toMatchObject([{ publicKey: state.self }]);
  });

  it('follows it with a second node, and resets that one', async () => {
    const [, meshPort = 0, port = 0, ownMeshPort = 0] = ports;
    // A chain of one node listens to nobody unless it is told of another.
    await stopNode(firstNode);
    const file = join(first, 'node.toml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/^peers = .*$/m, `peers = "127.0.0.1:${ownMeshPort}"`));
    firstNode = await runNode(first);
    const genesis = join(first, 'genesis.json');
    const joined = await json(
      ...['node', 'join', follower, '--genesis', genesis, '--peer', `127.0.0.1:${meshPort}`],
      ...['--port', String(port), '--mesh-port', String(ownMeshPort)],
    );
    const node = await runNode(follower);
    const caughtUp = async () => {
      const { state, peers } = await json('node', 'status', follower);
      return peers === 1 && state.height > 0 && state;
    };
    const state = await until('the follower has blocks', caughtUp, 60_000);
    expect(state).toMatchObject({ self: joined.publicKey, role: 'follower' });
    expect(await json('node', 'snapshot', follower)).toMatchObject({ height: expect.any(Number) });
    expect((await aitbc('node', 'reset', follower, '--yes')).stderr).toContain('another node uses');
    await stopNode(node);
    const { deleted } = await json('node', 'reset', follower, '--yes');
    expect(deleted).toEqual(expect.arrayContaining(['blocks.log', 'index']));
    await runNode(follower);
    await until('the follower has blocks again', caughtUp, 60_000);
  });
});
