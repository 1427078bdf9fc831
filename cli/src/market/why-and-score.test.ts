import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressFromId, hex, keyPairFromSeed, verify } from '@aitbc/primitives';
import {
  AppError,
  bytes32,
  coordinatorEndpoints,
  loginBytes,
  networkFromHash,
  nodeRpc,
  offerIdOf,
  signatureBytesOf,
  signDocument,
} from '@aitbc/protocol';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { chainStatus } from '../testing/chain-answers.ts';
import { createTestHome } from '../testing/run-words.ts';
import { sampleProof } from '../testing/sample-proof.ts';
import {
  type NodeHandlers,
  serveNode,
  serveTable,
  type TestServer,
} from '../testing/table-server.ts';

const home = createTestHome();
afterAll(() => home.remove());
const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const network = networkFromHash('ait-test', 'ab'.repeat(32));
const about = {
  ...{ name: 'c', network: network.name, caip2: network.caip2, genesisHash: network.genesisHash },
  ...{ providers: 1, offers: 1, webhookKey: '00'.repeat(32) },
  jobs: { queued: 0, dispatched: 0, running: 0, completed: 0, failed: 0, expired: 0, cancelled: 0 },
};

describe('ai why', () => {
  const [account, authorizer] = [
    keyPairFromSeed(bytes32('01'.repeat(32))),
    keyPairFromSeed(bytes32('02'.repeat(32))),
  ];
  const provider = addressFromId(account.publicKey);
  const nonce = 'cd'.repeat(32);
  const decision = {
    ...{ decisionId: 'x-1', atMs: 1_000, model: 'tiny', offerId: '00'.repeat(32), rank: 1 },
    ...{ candidates: 2, factor: 'price', own: 112, best: 100, text: 'price 12 % above the winner' },
  };
  const serve = async () => {
    const server = await serveTable(coordinatorEndpoints, {
      about: () => about,
      providerChallenge: () => ({ nonce, validUntilMs: 1 }),
      providerLogin(input) {
        const message = loginBytes(network, hex(account.publicKey), input.nonce);
        if (verify(signatureBytesOf(input.signature), message, authorizer.publicKey)) {
          return { token: 'token', validUntilMs: 1 };
        }
        throw new AppError('CHALLENGE_INVALID', { account: input.provider });
      },
      decisions: () => ({ provider, decisions: [decision] }),
    });
    servers.push(server);
    return server;
  };

  it('logs in with the keys of ai serve and shows rank and reason', async () => {
    const server = await serve();
    const folder = join(home.dir, '.aitbc', 'serve');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'account.key'), `${'01'.repeat(32)}\n`);
    writeFileSync(join(folder, 'authorizer.key'), `${'02'.repeat(32)}\n`);
    const words = ['ai', 'why', '--coordinator-url', server.url];
    const { exitCode, stdout } = await home.run(words);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('2 of 2');
    expect(stdout).toContain('price 12 % above the winner');
    expect(server.calls.at(-1)).toMatchObject({
      what: 'decisions',
      authorization: 'Bearer token',
      input: { limit: 20 },
    });
    const json = await home.run([...words, '--json', '--limit', '3']);
    expect(JSON.parse(json.stdout)).toEqual({ provider, decisions: [decision] });
    writeFileSync(join(folder, 'authorizer.key'), `${'03'.repeat(32)}\n`);
    expect((await home.run(words)).exitCode).toBe(5);
  });

  it('says which key file is missing', async () => {
    const words = ['ai', 'why', '--data-dir', join(home.dir, 'nowhere')];
    const { exitCode, stderr } = await home.run(words);
    expect([exitCode, stderr.includes('account.key')]).toEqual([2, true]);
  });
});

describe('market score', () => {
  const sample = sampleProof();
  const key = keyPairFromSeed(bytes32('05'.repeat(32)));
  const signer = { publicKey: hex(key.publicKey), secretKey: key.secretKey };
  const offer = signDocument(
    { tag: 'offer', network: sample.network },
    { ...sample.offer.payload, authorizer: signer.publicKey },
    signer,
  );
  const offerId = offerIdOf(sample.network, offer.payload);
  const receipts = sample.receipts
    .slice(-1)
    .map(({ payload }) =>
      signDocument(
        { tag: 'receipt', network: sample.network },
        { ...payload, offerId, outcome: 'complete' as const },
        signer,
      ),
    );
  const node: NodeHandlers = {
    chain_status: () => chainStatus(),
    state_getProvider: () => ({
      ...{ address: sample.provider, authorizer: signer.publicKey, bond: '1', unbondDueMs: 0 },
      endpoint: '',
    }),
  };
  const inputs = {
    ...{ receipts: 1, delivered: 1, broken: 0, deadlineHits: 1, deadlineMisses: 0 },
    ...{ auditsPassed: 0, auditsFailed: 0 },
  };
  const told = {
    ...{ provider: sample.provider, score: 1_000, formula: 1 as const, inputs },
    evidence: receipts.map((receipt) => ({
      ...{ receipt, firstTokenMs: 5, boundMs: offer.payload.firstTokenMs },
    })),
    offers: [offer],
  };
  const run = async (changes: Partial<typeof told>, words: readonly string[] = ['--explain']) => {
    const coordinator = await serveTable(coordinatorEndpoints, {
      about: () => about,
      providerScore: () => ({ ...told, ...changes }),
    });
    const chain = await serveNode(nodeRpc, node);
    servers.push(coordinator, chain);
    return home.run([
      ...['market', 'score', sample.provider, ...words],
      ...['--coordinator-url', coordinator.url, '--node-url', chain.url],
    ]);
  };

  it('is told in four lines', async () => {
    const { exitCode, stdout } = await run({}, []);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('1000 of 1000');
    expect(stdout).toContain('1 receipts: 1 delivered, 0 broken');
  });

  it('is computed again from the receipts, and a told score that differs is exit code 8', async () => {
    const good = await run({});
    expect([good.exitCode, good.stdout.includes('tells the truth')]).toEqual([0, true]);
    const bad = await run({ score: 999 });
    expect([bad.exitCode, bad.stdout.includes('another score')]).toEqual([8, true]);
  });

  it('takes no receipt or offer that proves nothing', async () => {
    const [evidence] = told.evidence;
    if (!evidence) throw new Error('the sample has no receipt');
    expect((await run({ evidence: [evidence, evidence] })).stderr).toContain('counted twice');
    expect((await run({ evidence: [{ ...evidence, boundMs: 1 }] })).stderr).toContain('bound');
    const changed = { ...offer, payload: { ...offer.payload, firstTokenMs: 1 } };
    expect((await run({ offers: [changed] })).stderr).toContain('not signed');
  });
});
