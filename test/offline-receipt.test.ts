/**
 * The proof of a job against a real chain: two providers register at four validators, their job is exported with the way to
 * the chain, and the file verifies in a process without a network. Then each bit of it is changed once.
 *
 * The job itself is made here, with the keys of the registered providers; `test/paid-chat.test.ts` buys real ones.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@aitbc/primitives';
import { decodeJobProof } from '@aitbc/protocol';
import {
  createLocalSigner,
  createNodeClient,
  createTxSender,
  verifyProofOffline,
} from '@aitbc/sdk';
import { type MadeJob, makeJob } from '@aitbc/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startValidators, type ValidatorNet } from './net/validator-net.ts';

const bin = join(import.meta.dirname, '..', 'cli', 'bin', 'aitbc.mjs');
const fundingNait = 300_000_000_000n;

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
function run(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      const exitCode = error ? Number(error.code ?? 1) : 0;
      resolve({ exitCode, stdout, stderr });
    });
  });
}

/** Words before a program that take the network away from it, where this user may do that. */
function withoutNetwork(): readonly string[] | undefined {
  for (const words of [
    ['unshare', '-n'],
    ['unshare', '-rn'],
  ]) {
    try {
      execFileSync(words[0] as string, [...words.slice(1), 'true'], { stdio: 'ignore' });
      return words;
    } catch {
      // the next way, if there is one
    }
  }
  return undefined;
}

describe('a receipt that verifies offline', () => {
  let net: ValidatorNet;
  let job: MadeJob;
  let gateway: Server;
  const dir = mkdtempSync(join(tmpdir(), 'aitbc-offline-'));
  const file = join(dir, 'job.json');
  const genesisFile = join(dir, 'genesis.json');

  beforeAll(async () => {
    const params = { epochBlocks: 10, heartbeatMs: 200, stakeUnbondingMs: 3_600_000 };
    net = await startValidators({ validators: 4, params });
    writeFileSync(genesisFile, JSON.stringify(net.genesis));
    job = makeJob(net.network);
    const node = createNodeClient({ url: net.url(0) });
    for (const { address, accountKey, registration } of job.providers) {
      await net.fund(address, fundingNait);
      const sender = createTxSender({ node, signer: createLocalSigner(net.network, accountKey) });
      const { authorizer, endpoint, bond } = registration;
      await sender.send('agent_register', { name: 'maker', endpoint, cardHash: '00'.repeat(32) });
      await sender.send('provider_register', { authorizer, endpoint, bond });
    }
    await node.close();
    gateway = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(job.proof));
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    gateway?.close();
    await net?.end();
    rmSync(dir, { recursive: true, force: true });
  });

  const verifyWords = () => [
    ...[bin, 'receipt', 'verify', file, '--genesis', genesisFile, '--home', dir],
  ];

  it('is written with what the validators have signed', async () => {
    const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const { exitCode, stderr, stdout } = await run(process.execPath, [
      ...[bin, 'receipt', 'export', job.proof.jobId, '--out', file, '--genesis', genesisFile],
      ...['--gateway-url', gatewayUrl, '--node-url', net.url(0), '--home', dir, '--json'],
    ]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ jobId: job.proof.jobId, providers: 2 });
  });

  it('is proven up to the genesis document in a process that has no network', async (context) => {
    const words = withoutNetwork();
    if (!words) return context.skip('this user may not take the network from a process');
    const [program = '', ...before] = words;
    const bare = await run(program, [...before, process.execPath, ...verifyWords(), '--json']);
    expect([bare.exitCode, bare.stderr]).toEqual([0, '']);
    const result = JSON.parse(bare.stdout);
    expect(result).toMatchObject({ valid: true, reachesChain: true, outputTokens: 25 });
    const open = result.checks.filter((check: { holds: boolean | null }) => !check.holds);
    expect(open.map((check: { name: string }) => check.name)).toEqual(['node']);
    const offline = await run(program, [
      ...[...before, process.execPath, ...verifyWords(), '--offline'],
    ]);
    console.log(offline.stdout);
    expect(offline.stdout).toMatch(/✓ certificate +[34] of 4 validators signed it/);
  });

  it('is refused with exit code 8 when somebody changed it', async () => {
    const bytes = readFileSync(file);
    const text = bytes.toString();
    writeFileSync(file, text.replace('"charged":"2800"', '"charged":"2801"'));
    const { exitCode, stderr } = await run(process.execPath, [...verifyWords(), '--offline']);
    writeFileSync(file, bytes);
    expect([exitCode, stderr.includes('does not prove')]).toEqual([8, true]);
  });

  it('is refused for each bit that is another', () => {
    const bytes = new Uint8Array(readFileSync(file));
    const trust = { genesis: net.genesis };
    const holds = (file: Uint8Array) => {
      const read = decodeJobProof(file);
      return read.ok && verifyProofOffline(read.value, trust, systemClock).ok;
    };
    expect(holds(bytes)).toBe(true);
    const changed = bytes.slice();
    const passed: number[] = [];
    const begunMs = performance.now();
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const at = bit >> 3;
      changed[at] = (bytes[at] as number) ^ (1 << (bit & 7));
      if (holds(changed)) passed.push(bit);
      changed[at] = bytes[at] as number;
    }
    const tookMs = Math.round(performance.now() - begunMs);
    console.log(`${bytes.length * 8} changed bits, ${passed.length} accepted, ${tookMs} ms`);
    expect(passed).toEqual([]);
  });
});
