import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, dialectBodies, inferenceOf, offerIdOf, verifyJobProof } from '@aitbc/protocol';
import { type Buyer, createBuyer } from '@aitbc/sdk';
import {
  createTestChain,
  type Seller,
  startSeller,
  type TestChain,
  testHotKey,
  until,
} from '@aitbc/sdk/testing';
import { migrate, openSqlite } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrations } from './migrations.ts';
import { type GatewayStore, openStore } from './store.ts';

const words = Array.from({ length: 30 }, (_, index) => `w${index} `);
const amounts = { jobMax: 10_000n, dayMax: 100_000n, channelFund: 100_000n, vaultFund: 1_000_000n };
const request = inferenceOf(
  'openai',
  dialectBodies.openai.parse({ model: 'tiny', messages: [{ role: 'user', content: 'hello' }] }),
);

let folder: string;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gateway-store-'));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function sell(chain: TestChain, seed: number): Promise<Seller> {
  const { network, channelOf } = chain;
  const seller = await startSeller({ network, channelOf, seed, tokens: words, model: 'tiny' });
  chain.register(seller.offer);
  closing.push(() => seller.server.close());
  return seller;
}

/** A buyer over the gateway's own store, as the daemon has it. */
async function live(
  chain: TestChain,
  sellers: readonly Seller[],
): Promise<{ store: GatewayStore; buyer: Buyer; close(): Promise<void> }> {
  const store = await openStore(join(folder, 'gateway.db'));
  const { node, sender, network } = chain;
  store.claim({ genesisHash: network.genesisHash, payer: sender.signer.address });
  const none = { firstTokenMsP50: null, firstTokenMsP90: null, tokensPerSecondP50: null };
  const coordinator = {
    route: async () => ({
      offers: sellers.map(({ offer }, rank) => ({
        ...{ offerId: offerIdOf(network, offer.payload), offer, rank, reason: 'price' },
        measured: { ...none, samples: 0 },
        gauges: { running: 0, waiting: 0, slots: 1 },
      })),
    }),
    report: async () => ({ accepted: true }),
    submitJob: () => Promise.reject(new AppError('NO_OFFER', {})),
    getJob: () => Promise.reject(new AppError('JOB_UNKNOWN', {})),
  };
  const deps = { node, sender, coordinator, hotKey: testHotKey(), store };
  const buyer = await createBuyer({ ...amounts, allowPrivate: true }, deps);
  const close = async () => {
    await buyer.close();
    await store.close();
  };
  return { store, buyer, close };
}

describe('the store of a gateway', () => {
  it('keeps a job that moved across a restart, until each provider has its own tokens', async () => {
    const chain = createTestChain();
    const sellers = [await sell(chain, 10), await sell(chain, 11)] as const;
    const [first, second] = sellers;
    first.faults.fail = { after: 10, how: 'kill' };
    first.faults.onAcknowledge = () => {
      throw new AppError('UNAVAILABLE', { what: 'it', reason: 'it is starting' });
    };
    const one = await live(chain, sellers);
    const { jobId, events } = await one.buyer.run({ request, idempotencyKey: 'k' });
    for await (const event of events) if (event.type === 'end') break;
    const early = one.store.proof(jobId);
    if (!early) throw new Error('the second provider has signed');
    expect(verifyJobProof(chain.network, early)).toMatchObject({
      ok: true,
      value: { outputTokens: 30, unsignedTokens: 2, outcome: 'complete' },
    });
    await one.close();

    delete first.faults.onAcknowledge;
    const two = await live(chain, sellers);
    closing.push(two.close);
    const rows = await two.store.find(jobId);
    expect(rows.find(({ provider }) => provider === first.address)).toMatchObject({
      ...{ from: 0, prefixHash: null, status: 'unsettled' },
      tail: { from: 8, to: 10, textHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(rows.find(({ provider }) => provider === second.address)).toMatchObject({
      ...{ from: 10, prefixHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      ...{ outputTokens: 20, status: 'settled', tail: null },
    });
    await until(() => two.buyer.openCalls().length === 0);
    expect(two.buyer.spentToday()).toBe(312n);
    const proof = two.store.proof(jobId);
    if (!proof) throw new Error('both providers have signed');
    expect(proof.identity).toEqual({ payer: two.buyer.payer, idempotencyKey: 'k' });
    expect(verifyJobProof(chain.network, proof)).toMatchObject({
      ok: true,
      value: { outputTokens: 30, unsignedTokens: 0, charged: 312n },
    });
  });

  it('reads calls of a file from before jobs could move', async () => {
    const path = join(folder, 'gateway.db');
    const sqlite = await openSqlite(path, { durability: 'normal' });
    migrate(sqlite, migrations.slice(0, 1));
    sqlite.exec(`
      insert into channels values ('c', 'ait1', 'r', 1, 's', 'open', '9', '5', '5');
      insert into calls values ('j', 'c', 'ait1', 'm', '{}', 'b', 1, 4, '0', 'settled', 'complete',
        1, 4, '5', 1, null, 1);`);
    await sqlite.close();
    const store = await openStore(path);
    closing.push(() => store.close());
    expect(await store.find('j')).toMatchObject([
      { from: 0, prefixHash: null, idempotencyKey: null, tail: null, tokens: 4, charged: 5n },
    ]);
  });

  it('finds the receipts of a file from before they stood with their calls', async () => {
    const path = join(folder, 'gateway.db');
    const sqlite = await openSqlite(path, { durability: 'normal' });
    migrate(sqlite, migrations.slice(0, 2));
    sqlite.exec(`
      insert into channels values ('c', 'ait1', 'r', 1, 's', 'open', '9', '5', '5');
      insert into calls (job_id, channel_id, provider, model, offer, body_digest, prompt_bound, tokens,
        reserved, status, outcome, prompt_tokens, output_tokens, charged, started_at_ms, duration_ms)
        values ('j', 'c', 'ait1', 'm', '{}', 'b', 1, 4, '0', 'settled', 'complete', 1, 4, '5', 1, 1),
               ('k', 'c', 'ait1', 'm', '{}', 'b', 1, 4, '7', 'running', 'running', 0, 0, '0', 1, 1);
      insert into receipts values ('j', 'c', 1, '{"at":1}'), ('j', 'c', 0, '{"at":0}');`);
    await sqlite.close();
    const store = await openStore(path);
    await store.close();
    const after = await openSqlite(path, { durability: 'normal' });
    closing.push(() => after.close());
    expect(after.prepare('select job_id, receipts from calls order by job_id').all()).toEqual([
      { job_id: 'j', receipts: '[{"at":0},{"at":1}]' },
      { job_id: 'k', receipts: null },
    ]);
  });
});
