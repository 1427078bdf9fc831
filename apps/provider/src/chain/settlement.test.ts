import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@aitbc/service';
import { afterEach, describe, expect, it } from 'vitest';
import { modelName } from '../testing/counting-engine.ts';
import { startProvider, type TestProvider, type TestWishes } from '../testing/start-provider.ts';

const messages = [{ role: 'user', content: 'hi' }];
const body = JSON.stringify({ model: modelName, messages });

let test: TestProvider;
afterEach(() => test.stop());

/** Prices at which one job of 40 tokens is worth 40 000 nait and more. */
const dear = { priceOutput: '1000000000' };

async function start(wishes: TestWishes = {}): Promise<void> {
  test = await startProvider({ ...wishes, config: { ...dear, ...wishes.config } });
}

async function runJob(key = 'key', cap = 200_000n): Promise<void> {
  const header = test.buyer.header(body, { key, cap });
  const answer = await fetch(`${test.url}/v1/chat/completions`, {
    method: 'POST',
    body,
    headers: { 'payment-signature': header },
  });
  expect(answer.status).toBe(200);
  await answer.json();
}

const due = 7n + 7n + 40_000n;
const claimed = () => test.chain.channel(test.buyer.channelId)?.totalClaimed;

async function claimNow(token: string): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await fetch(`${test.url}/v1/payments/claim`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const ownerToken = () => readFileSync(join(test.dataDir, 'admin.token'), 'utf8').trim();

describe('settlement', () => {
  it('claims what was charged, not the cap, when enough is due', async () => {
    await start({ config: { claimThreshold: '40000' } });
    await runJob();
    await until(() => claimed() === due);
    expect(test.chain.claims[0]?.rows[0]).toMatchObject({
      maxClaimable: 200_000n,
      totalClaimed: due,
    });
    const receipts = await fetch(`${test.url}/v1/payments/receipts/${test.buyer.jobId(body)}`);
    expect(await receipts.json()).toMatchObject({ settledTxId: expect.stringMatching(/^c+0$/) });
    const status = await (await fetch(`${test.url}/v1/status`)).json();
    expect(status).toMatchObject({ charged: `${due}`, claimed: `${due}` });
  });

  it('waits below the threshold, and claims at the interval', async () => {
    await start({ config: { claimIntervalMs: 300 } });
    await runJob();
    expect(test.chain.claims).toHaveLength(0);
    await until(() => claimed() === due);
    expect(test.chain.claims).toHaveLength(1);
  });

  it('claims at once when the buyer withdraws', async () => {
    await start();
    await runJob();
    const { channel } = test.buyer;
    test.chain.put({ ...channel, withdrawAmount: channel.balance, withdrawDueMs: 9_999 });
    await until(() => claimed() === due);
  });

  it('is made again when its answer is lost, and pays once', async () => {
    await start({ config: { claimThreshold: '40000' } });
    test.chain.state.failClaims = 1;
    await runJob();
    await until(() => claimed() === due);
    expect(test.chain.claims).toHaveLength(2);
    expect((await claimNow(ownerToken())).json).toEqual({ txId: null, rows: 0 });
    expect(claimed()).toBe(due);
  });

  it('counts a row that the chain refuses as not paid, and is paid the others', async () => {
    await start();
    await runJob();
    const { buyer, chain } = test;
    const other = buyer.sibling();
    chain.put(other.channel);
    const answer = await fetch(`${test.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'payment-signature': other.header(body, { key: 'other', cap: 200_000n }) },
    });
    expect(answer.status).toBe(200);
    await answer.text();
    const payerAuthorizer = 'ee'.repeat(32); // the chain knows another key than we do
    chain.put({ ...other.channel, payerAuthorizer }, true);
    expect((await claimNow(ownerToken())).json).toMatchObject({ rows: 1 });
    expect(claimed()).toBe(due);
    const status = await (await fetch(`${test.url}/v1/status`)).json();
    expect(status).toMatchObject({ charged: `${2n * due}`, claimed: `${due}` });
    const path = `/v1/payments/receipts/${other.jobId(body, 'other')}`;
    const receipts = await (await fetch(test.url + path)).json();
    expect(receipts).toMatchObject({ settledTxId: null });
  });

  it('obeys only the owner', async () => {
    await start();
    await runJob();
    expect(await claimNow('wrong')).toMatchObject({ status: 401, json: { code: 'UNAUTHORIZED' } });
    expect(test.chain.claims).toHaveLength(0);
    expect(await claimNow(ownerToken())).toMatchObject({ status: 200, json: { rows: 1 } });
    expect(claimed()).toBe(due);
  });

  it('adds up over several jobs and claims', async () => {
    await start();
    for (const [index, key] of ['a', 'b', 'c'].entries()) {
      await runJob(key, 200_000n * BigInt(index + 1));
      await claimNow(ownerToken());
      expect(claimed()).toBe(due * BigInt(index + 1));
    }
  });

  it('keeps keys and token to the owner of the daemon', async () => {
    await start();
    for (const name of ['account.key', 'authorizer.key', 'admin.token']) {
      expect(statSync(join(test.dataDir, name)).mode & 0o777).toBe(0o600);
    }
  });
});
