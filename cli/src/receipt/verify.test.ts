import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AppError,
  encodeJobProof,
  type Genesis,
  type JobProof,
  networkFromGenesis,
  nodeRpc,
} from '@aitbc/protocol';
import { makeJob } from '@aitbc/sdk/testing';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { sampleGenesisHash, sampleProof } from '../testing/sample-proof.ts';
import { type NodeHandlers, serveNode, type TestServer } from '../testing/table-server.ts';

const home = createTestHome();
const servers: TestServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(() => home.remove());

const sample = sampleProof();
const { providers, channels } = sample;
const offline = ['--offline', '--genesis-hash', sampleGenesisHash];

function proofFile(name: string, proof: JobProof): string {
  const file = join(home.dir, name);
  writeFileSync(file, encodeJobProof(proof));
  return file;
}

const good = proofFile('good.json', sample.proof);
const verify = (file: string, ...words: string[]) =>
  home.run(['receipt', 'verify', file, ...words]);

async function startNode(handlers: NodeHandlers): Promise<string[]> {
  const server = await serveNode(nodeRpc, { chain_status: () => chainStatus(), ...handlers });
  servers.push(server);
  return ['--node-url', server.url];
}

const registered: NodeHandlers = {
  state_getProvider: ({ address }) => ({
    address,
    authorizer: providers.find((one) => one.address === address)?.authorizer ?? '',
    endpoint: 'http://127.0.0.1:8008',
    bond: '200000000000',
    unbondDueMs: 0,
  }),
  state_getChannel: ({ channelId }) => {
    const provider = providers[channels.indexOf(channelId)];
    if (!provider) throw new AppError('CHANNEL_UNKNOWN', { channelId });
    return {
      channelId,
      payer: provider.address,
      payerAuthorizer: provider.authorizer,
      receiver: provider.address,
      receiverAuthorizer: provider.authorizer,
      withdrawDelayMs: 1000,
      salt: '00'.repeat(32),
      balance: '1000000',
      totalClaimed: '7800',
      withdrawAmount: '0',
      withdrawDueMs: 0,
      refundNonce: 0,
      closed: false,
    };
  },
};

describe('receipt verify without a server', () => {
  it('prints line by line what is proven', async () => {
    const { exitCode, stdout, stderr } = await verify(good, ...offline);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/✓ receipts 1 signed +2 receipts, output tokens 0 to 12/);
    expect(stdout).toMatch(/✓ offer 2 signed/);
    expect(stdout).toMatch(/✓ ranges tile +output tokens 0 to 25, .*; 4 tokens unpaid/);
    expect(stdout).toMatch(/✓ text chain/);
    expect(stdout).toMatch(/✓ charge +0.0000046 AIT in all/);
    expect(stdout).toMatch(/25 output tokens from 9 prompt tokens by 2 providers/);
    expect(stdout).not.toContain('\u001b');
  });

  it('says what was charged without arriving, and how many prompts', async () => {
    const { proof } = makeJob(sample.network, 'line');
    const { exitCode, stdout } = await verify(proofFile('line.json', proof), ...offline);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /✓ receipts 1 signed +3 receipts, output tokens 0 to 22 \(6 of them surplus\)/,
    );
    expect(stdout).toMatch(/✓ surplus +6 tokens signed and charged .* did not arrive/);
    expect(stdout).toMatch(/✓ charge +0.00000755 AIT in all, 2 prompts, because a line broke/);
    const json = await verify(join(home.dir, 'line.json'), ...offline, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ unsignedTokens: 0, surplusTokens: 6, prompts: 2, charged: '7550' },
      parts: [{ surplusTokens: 6 }, { surplusTokens: 0 }],
    });
  });

  it('is one JSON object with --json', async () => {
    const { stdout } = await verify(good, ...offline, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      valid: true,
      reachesChain: false,
      jobId: sample.proof.jobId,
      charged: '4600',
      outputTokens: 25,
      unsignedTokens: 4,
      surplusTokens: 0,
      prompts: 1,
      outcome: 'complete',
      parts: [
        { from: 0, to: 12, charged: '1800' },
        { from: 16, to: 25, charged: '2800' },
      ],
    });
  });

  it('takes the network from the genesis file of the home folder', async () => {
    const genesis: Genesis = {
      network: 'test',
      timeMs: 1,
      accounts: [],
      validators: [],
      params: {} as Genesis['params'],
    };
    const dir = join(home.dir, 'elsewhere');
    mkdirSync(join(dir, 'chain'), { recursive: true });
    writeFileSync(join(dir, 'chain', 'genesis.json'), JSON.stringify(genesis));
    const { exitCode, stderr } = await verify(good, '--offline', '--home', dir);
    expect(networkFromGenesis(genesis).genesisHash).not.toBe(sampleGenesisHash);
    expect([exitCode, stderr.includes('of another network')]).toEqual([8, true]);
  });

  it('refuses every tampered proof with exit code 8', async () => {
    const { parts } = sample.proof;
    const [first, second] = parts as [JobProof['parts'][number], JobProof['parts'][number]];
    const withLast = (patch: object) => {
      const receipts = second.receipts.map((one, place) =>
        place === 1 ? { ...one, payload: { ...one.payload, ...patch } } : one,
      );
      return { ...sample.proof, parts: [first, { ...second, receipts }] };
    };
    const tampered: Record<string, JobProof> = {
      'charges less': withLast({ charged: '1' }),
      'other text': withLast({ textHash: '00'.repeat(32) }),
      gap: { ...sample.proof, parts: [second] },
      'other request': { ...sample.proof, identity: null, bodyDigest: '00'.repeat(32) },
      'other payer': { ...sample.proof, identity: { payer: sample.provider, idempotencyKey: 'k' } },
      'no tail': { ...sample.proof, parts: [{ ...first, tail: null }, second] },
    };
    const file = join(home.dir, 'bad.json');
    const fails = async (name: string) => {
      const { exitCode, stdout } = await verify(file, ...offline, '--json');
      expect([exitCode, JSON.parse(stdout).error.code], name).toEqual([8, 'RECEIPT_INVALID']);
    };
    for (const [name, proof] of Object.entries(tampered)) {
      proofFile('bad.json', proof);
      await fails(name);
    }
    for (const text of ['{"hello":"world"}', 'no json', JSON.stringify(sample.proof, null, 2)]) {
      writeFileSync(file, text);
      await fails(text);
    }
  });

  it('asks for a network, a hash in form and a file that exists', async () => {
    const nowhere = await verify(good, '--offline', '--home', join(home.dir, 'empty'));
    expect([nowhere.exitCode, nowhere.stderr.includes('--genesis-hash')]).toEqual([2, true]);
    expect((await verify(good, '--offline', '--genesis-hash', 'xyz')).exitCode).toBe(2);
    expect((await verify(join(home.dir, 'missing.json'), ...offline)).exitCode).toBe(2);
  });
});

describe('receipt verify with a node', () => {
  const checksOf = (stdout: string): Record<string, boolean | null> =>
    Object.fromEntries(
      (JSON.parse(stdout).checks as { name: string; holds: boolean | null }[]).map((check) => [
        check.name,
        check.holds,
      ]),
    );

  it('also shows registered keys, bonds and settled channels', async () => {
    const node = await startNode(registered);
    const { exitCode, stdout } = await verify(good, ...node, '--json');
    expect(exitCode).toBe(0);
    expect(checksOf(stdout)).toMatchObject({
      'key registered 1': true,
      'provider bonded 2': true,
      'settled 1': true,
      'settled 2': true,
    });
  });

  it('says when a channel has not paid yet, and the proof still holds', async () => {
    const node = await startNode({
      ...registered,
      state_getChannel: ({ channelId }) => {
        throw new AppError('CHANNEL_UNKNOWN', { channelId });
      },
    });
    const { exitCode, stdout } = await verify(good, ...node, '--json');
    expect([exitCode, checksOf(stdout)['settled 1']]).toEqual([0, false]);
  });

  it('refuses a key that the chain does not know, or knows for another', async () => {
    const other = await startNode({
      ...registered,
      state_getProvider: ({ address }) => ({
        address,
        authorizer: '05'.repeat(32),
        endpoint: '',
        bond: '200000000000',
        unbondDueMs: 0,
      }),
    });
    expect((await verify(good, ...other)).exitCode).toBe(8);
    const unknown = await startNode({
      state_getProvider: ({ address }) => {
        throw new AppError('PROVIDER_UNKNOWN', { account: address });
      },
    });
    const { exitCode, stderr } = await verify(good, ...unknown);
    expect([exitCode, stderr.includes('is not a registered provider')]).toEqual([8, true]);
  });

  it('leaves the chain open when the node is away or on another network', async () => {
    const away = await verify(
      good,
      ...['--genesis-hash', sampleGenesisHash, '--node-url', 'http://127.0.0.1:9', '--json'],
    );
    expect([away.exitCode, checksOf(away.stdout).node]).toEqual([0, null]);
    const foreign = await startNode({ chain_status: () => chainStatus('cd'.repeat(32)) });
    const { exitCode, stdout } = await verify(
      good,
      ...[...foreign, '--genesis-hash', sampleGenesisHash, '--json'],
    );
    expect([exitCode, checksOf(stdout).chain]).toEqual([0, null]);
  });
});
