import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@aitbc/primitives';
import { AppError, gatewayEndpoints, lightBundleToJson, nodeRpc } from '@aitbc/protocol';
import { createFakeChain, makeJob, makeProvider } from '@aitbc/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { denyNetwork } from '../testing/deny-network.ts';
import { createTestHome } from '../testing/run-words.ts';
import { serveNode, serveTable, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
const servers: TestServer[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  home.remove();
});

const entries = [makeProvider(41), makeProvider(42)].map(({ entry }) => entry);
const sets = [0, 1, 2].map((epoch) =>
  [1, 2, 3, 4].map((seed): readonly [number, number] => [seed + 2 * epoch, 100]),
);
const top = 23;
const genesisTimeMs = systemClock.nowMs() - top * 1_000;
const chain = createFakeChain({ sets, height: top, entries, genesisTimeMs });
const { proof } = makeJob(chain.network);
const { jobId } = proof;
const file = join(home.dir, 'job.json');
const genesisFile = join(home.dir, 'genesis.json');
const bundleAt = (height: number) => lightBundleToJson(chain.bundle(height));

let urls: string[] = [];
beforeAll(async () => {
  writeFileSync(genesisFile, JSON.stringify(chain.genesis));
  const gateway = await serveTable(gatewayEndpoints, {
    proof: (input) => {
      if (input.jobId === jobId) return proof;
      throw new AppError('JOB_UNKNOWN', { jobId: input.jobId });
    },
  });
  const node = await serveNode(nodeRpc, {
    chain_getLightBundle: ({ height = top }) => bundleAt(height),
    state_getProof: ({ key = '' }) => {
      const { value, proof: path } = chain.state(key);
      const hexValue = value ? Buffer.from(value).toString('hex') : null;
      return { bundle: bundleAt(top), value: hexValue, proof: path as never };
    },
  });
  servers.push(gateway, node);
  urls = ['--gateway-url', gateway.url, '--node-url', node.url];
});

const trusted = (height: number) => `${height}:${chain.bundle(height).certificate.blockHash}`;
const write = (...words: string[]) =>
  home.run(['receipt', 'export', jobId, '--out', file, ...urls, ...words]);
const verify = (...words: string[]) => home.run(['receipt', 'verify', file, ...words]);

describe('receipt export and verify', () => {
  it('prove a job up to the genesis document, without any network', async () => {
    const written = await write('--genesis', genesisFile, '--json');
    expect([written.exitCode, written.stderr]).toEqual([0, '']);
    expect(JSON.parse(written.stdout)).toMatchObject({ jobId, providers: 2, outputTokens: 25 });
    const network = denyNetwork();
    try {
      const { exitCode, stdout, stderr } = await verify('--genesis', genesisFile, '--offline');
      expect([exitCode, stderr, network.tried]).toEqual([0, '', []]);
      const names = stdout.split('\n').flatMap((line) => /^✓ (.+?) {2,}/.exec(line)?.[1] ?? []);
      expect(names).toEqual([
        ...[
          'network',
          'receipts 1 signed',
          'offer 1 signed',
          'receipts 2 signed',
          'offer 2 signed',
        ],
        ...['model', 'ranges tile', 'text chain', 'charge', 'payer', 'key 1 registered'],
        ...['Merkle path 1', 'key 2 registered', 'Merkle path 2', 'header', 'certificate'],
        ...['validator sets', 'trusted set'],
      ]);
      const json = await verify('--genesis', genesisFile, '--offline', '--json');
      expect(JSON.parse(json.stdout)).toMatchObject({ valid: true, reachesChain: true });
      const open = await verify('--genesis', genesisFile);
      expect([open.exitCode, open.stdout.includes('? node')]).toEqual([0, true]);
      expect(network.tried.length).toBeGreaterThan(0); // so the denial works
    } finally {
      network.restore();
    }
  });

  it('take the genesis document of the home folder, which people trust already', async () => {
    expect((await write('--home', home.dir)).exitCode).toBe(0);
    const { exitCode, stdout } = await verify('--home', home.dir, '--offline');
    expect([exitCode, stdout.includes(genesisFile)]).toEqual([0, true]);
  });

  it('begin with a trusted block, with and without the genesis document', async () => {
    const empty = ['--home', join(home.dir, 'empty'), '--offline'];
    const from = ['--trusted-block', trusted(20)];
    expect((await write('--genesis', genesisFile, ...from)).exitCode).toBe(0);
    expect((await verify('--genesis', genesisFile, ...from, ...empty)).exitCode).toBe(0);
    expect((await verify(...from, ...empty)).exitCode).toBe(0);
    expect((await verify('--trusted-block', trusted(top), ...empty)).exitCode).toBe(0);
    const other = await verify('--trusted-block', `20:${'00'.repeat(32)}`, ...empty);
    expect([other.exitCode, other.stderr.includes('none of its blocks')]).toEqual([8, true]);
    expect((await verify('--trusted-block', '20', ...empty)).exitCode).toBe(2);
    expect((await write(...from, '--home', join(home.dir, 'empty'))).exitCode).toBe(2);
  });

  it('say what stays open when nothing was trusted, or a document that is old', async () => {
    await write('--genesis', genesisFile);
    const { genesisHash } = chain.network;
    const loose = await verify('--genesis-hash', genesisHash, '--offline');
    expect([loose.exitCode, loose.stdout]).toEqual([0, expect.stringMatching(/\? trusted set/)]);
    const nothing = await verify('--home', join(home.dir, 'empty'), '--offline');
    expect([nothing.exitCode, nothing.stderr.includes('--genesis')]).toEqual([2, true]);
    const oldMs = genesisTimeMs - 2 * chain.genesis.params.stakeUnbondingMs;
    const old = createFakeChain({ sets, height: top, entries, genesisTimeMs: oldMs });
    const bad = join(home.dir, 'old-genesis.json');
    writeFileSync(bad, JSON.stringify(old.genesis));
    const wrong = await verify('--genesis', bad, '--offline');
    expect([wrong.exitCode, wrong.stderr.includes('another network')]).toEqual([8, true]);
  });

  it('refuse a job that is unknown, an id that is none, a folder that is not there', async () => {
    const run = (...words: string[]) => home.run(['receipt', 'export', ...words, ...urls]);
    const genesis = ['--genesis', genesisFile];
    expect((await run('00'.repeat(32), '--out', file, ...genesis)).exitCode).toBe(4);
    expect((await run('job', ...genesis)).exitCode).toBe(2);
    const nowhere = join(home.dir, 'no', 'where.json');
    expect((await run(jobId, '--out', nowhere, ...genesis)).exitCode).toBe(2);
  });

  it('fail for a file with another bit anywhere', async () => {
    await write('--genesis', genesisFile);
    const bytes = readFileSync(file);
    const words = ['--genesis', genesisFile, '--offline'];
    for (let place = 0; place < bytes.length; place += Math.ceil(bytes.length / 40)) {
      const changed = Buffer.from(bytes);
      changed[place] = (changed[place] as number) ^ (1 << (place % 8));
      writeFileSync(file, changed);
      expect([place, (await verify(...words)).exitCode]).toEqual([place, 8]);
    }
    writeFileSync(file, bytes);
    expect((await verify(...words)).exitCode).toBe(0);
  });
});
