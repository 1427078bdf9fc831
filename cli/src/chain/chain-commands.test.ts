import { hex, utf8 } from '@aitbc/primitives';
import { AppError, addressOf, coordinatorEndpoints, nodeRpc } from '@aitbc/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
const alice = addressOf('11'.repeat(32));
const bob = addressOf('22'.repeat(32));
const blockHash = '0b'.repeat(32);
const txId = '0e'.repeat(32);
const tx = {
  txId,
  kind: 'transfer' as const,
  from: alice,
  nonce: 1,
  validUntil: 0,
  fee: '1000',
  body: { to: bob, amount: '1500000000', memo: hex(utf8('for bread')) },
};
const receipt = { txId, height: 7, index: 0, kind: tx.kind, from: alice, fee: '1000' };
const zero = '00'.repeat(32);
const header = {
  ...{
    version: 1,
    chain: 1,
    height: 7,
    epoch: 0,
    view: 7,
    parent: zero,
    timeMs: 1_000,
    proposer: zero,
  },
  ...{ txRoot: zero, stateRoot: zero, receiptRoot: zero, validatorsHash: zero },
  ...{ nextValidatorsHash: zero, evidenceRoot: zero },
};
const audit = {
  ...{ height: 7, supply: '10', genesisSupply: '10', balances: '4', vaults: '3', channels: '2' },
  ...{ bonds: '1', stakes: '0', tasks: '0', audits: '0', burned: '0', problems: [] as string[] },
};

const handlers: NodeHandlers = {
  chain_status: () => chainStatus(),
  chain_getBlock(input) {
    if (input.height !== undefined && input.height > 7) {
      throw new AppError('NOT_FOUND', { what: `block ${input.height}` });
    }
    return { hash: blockHash, header, txs: [tx], receipts: [receipt], certificate: null };
  },
  tx_get: () => ({ status: 'final', tx, receipt, blockHash }),
  state_getAccount: ({ address }) => ({
    ...{ address, balance: '5', nonce: 2, vault: '0', pendingNonce: 2 },
  }),
  state_listChannels: () => ({ channels: [], next: null }),
  state_audit: () => audit,
};

let node: TestServer;
beforeAll(async () => {
  node = await serveNode(nodeRpc, handlers);
});
afterAll(async () => {
  await node.close();
  home.remove();
});
const run = (...words: string[]) => home.run([...words, '--node-url', node.url]);

describe('chain commands', () => {
  it('show status, blocks, transactions and accounts as plain columns', async () => {
    expect((await run('chain', 'status')).stdout).toMatch(/^height +7$/m);
    const block = (await run('chain', 'block')).stdout;
    expect(block).toMatch(/^height +7 \(view 7\)$/m);
    expect(block).toContain(`${txId}  transfer  ${alice}  0.000001 AIT`);
    const shown = (await run('chain', 'tx', txId)).stdout;
    expect(shown).toMatch(/^status +final in block 7, place 0$/m);
    expect(shown).toMatch(/^amount +1.5 AIT$/m);
    expect(shown).toMatch(/^memo +for bread$/m);
    expect((await run('chain', 'account', alice)).stdout).toMatch(/^nonce +2$/m);
  });

  it('answer with --json what the node answers', async () => {
    expect(JSON.parse((await run('chain', 'status', '--json')).stdout)).toEqual(chainStatus());
    expect(JSON.parse((await run('chain', 'tx', txId, '--json')).stdout).tx).toEqual(tx);
  });

  it('take a block by height or by hash, and nothing else', async () => {
    await run('chain', 'block', '3');
    expect(node.calls.at(-1)?.input).toEqual({ height: 3 });
    await run('chain', 'block', blockHash);
    expect(node.calls.at(-1)?.input).toEqual({ hash: blockHash });
    expect((await run('chain', 'block', '1.5')).exitCode).toBe(2);
    expect((await run('chain', 'block', '99')).exitCode).toBe(4);
  });

  it('fail when the audit finds a coin that is not accounted for', async () => {
    const good = await run('chain', 'audit');
    expect([good.exitCode, good.stdout.includes('Every coin is accounted for')]).toEqual([0, true]);
    audit.problems.push('channel 5 has no exit');
    const bad = await run('chain', 'audit');
    expect([bad.exitCode, bad.stdout.includes('channel 5 has no exit')]).toEqual([1, true]);
    audit.problems.length = 0;
  });
});

describe('market commands', () => {
  const { offer: signedOffer, provider } = sampleProof();
  const gauges = { running: 2, waiting: 1, slots: 4 };
  const measured = {
    ...{ firstTokenMsP50: 151.6, firstTokenMsP90: null, tokensPerSecondP50: 40, samples: 3 },
  };
  const offer = { offerId: zero, offer: signedOffer, rank: 1, reason: 'price', measured, gauges };

  it('list offers page by page with price, speed and load', async () => {
    const coordinator = await serveTable(coordinatorEndpoints, {
      listOffers: ({ after, model }) =>
        model === 'none'
          ? { offers: [], next: null }
          : { offers: [offer], next: after === undefined ? 'page2' : null },
      listProviders: () => ({
        providers: [{ provider, endpoint: 'http://x', leaseUntilMs: 1, models: ['tiny'], gauges }],
        next: null,
      }),
    });
    const at = ['--coordinator-url', coordinator.url];
    const { stdout } = await run('market', 'list', ...at);
    const rows = stdout.split('\n').filter((line) => line.startsWith('tiny'));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(/0.05 AIT +0.15 AIT +152 ms +40.0 +2\/4 \+1$/);
    expect((await run('market', 'list', '--model', 'none', ...at)).stdout).toContain(
      'Nobody offers',
    );
    expect((await run('market', 'providers', ...at)).stdout).toContain(provider);
    await coordinator.close();
  });
});
