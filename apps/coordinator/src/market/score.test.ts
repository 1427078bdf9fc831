import { inputsOf, scoreOf } from '@aitbc/market';
import { type Outcome, verifyReceipt } from '@aitbc/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Bench,
  createTestChain,
  identityOf,
  network,
  startBench,
} from '../testing/harness.ts';
import { sellingProvider, signedReceipt } from '../testing/provider.ts';

const seller = identityOf('seller');
const address = seller.address;
let bench: Bench;

beforeEach(async () => {
  const chain = createTestChain();
  chain.register(seller);
  bench = await startBench({ chain });
});
afterEach(() => bench.stop());

async function report(
  offerId: string,
  number: number,
  { firstTokenMs = 100, ...changes }: { firstTokenMs?: number; outcome?: Outcome } = {},
) {
  const jobId = number.toString(16).padStart(64, '0');
  const receipt = signedReceipt(seller, { jobId, offerId }, { to: 101, ...changes });
  await bench.client.report({ receipt, firstTokenMs, durationMs: 9_000 });
}

test('nothing speaks against a provider without reports', async () => {
  expect(await bench.client.providerScore({ address })).toMatchObject({
    provider: address,
    score: 1_000,
    inputs: { receipts: 0 },
  });
});

test('anybody computes the score again from the signed documents, also after a restart', async () => {
  const { offerId } = await sellingProvider(bench);
  for (const number of [1, 2, 3, 4]) await report(offerId, number);
  await report(offerId, 5, { outcome: 'provider_error' });
  await report(offerId, 6, { firstTokenMs: 1_001 });
  bench = await bench.crash();
  const told = await bench.client.providerScore({ address, explain: '1' });
  const { evidence = [], offers = [] } = told;
  expect(offers.map(({ payload }) => payload.firstTokenMs)).toEqual([1_000]);
  const reports = evidence.map(({ receipt, ...times }) => {
    expect(verifyReceipt(network, receipt, seller.publicKey).ok).toBe(true);
    return { ...times, outcome: receipt.payload.outcome };
  });
  const inputs = inputsOf(reports, { passed: 0, failed: 0 });
  expect(inputs).toMatchObject({ receipts: 6, broken: 1, deadlineMisses: 1 });
  expect(told).toMatchObject({ score: scoreOf(inputs), inputs });
  expect(told.score).toBeLessThan(1_000);
  expect((await bench.client.providerScore({ address })).evidence).toBeUndefined();
});

test('a bad record costs the rank', async () => {
  bench.chain.register(identityOf('other'));
  const { offerId } = await sellingProvider(bench);
  const other = await sellingProvider(bench, 'other');
  for (let number = 1; number <= 8; number += 1) {
    await report(offerId, number, { outcome: 'provider_error' });
    const jobId = (100 + number).toString(16).padStart(64, '0');
    const receipt = signedReceipt(identityOf('other'), { jobId, offerId: other.offerId });
    await bench.client.report({ receipt, firstTokenMs: 100, durationMs: 9_000 });
  }
  const { offers } = await bench.client.route({ models: ['tiny'] });
  expect(offers.map(({ offer }) => offer.payload.provider)).toEqual([
    identityOf('other').address,
    address,
  ]);
});
