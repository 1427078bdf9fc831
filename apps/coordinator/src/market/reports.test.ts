import { until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Bench,
  createTestChain,
  identityOf,
  startBench,
  startMs,
} from '../testing/harness.ts';
import { flipped, sellingProvider, signedReceipt } from '../testing/provider.ts';

const seller = identityOf('seller');
const times = { firstTokenMs: 100, durationMs: 2_100 };
let bench: Bench;

beforeEach(async () => {
  const chain = createTestChain();
  chain.register(seller);
  bench = await startBench({ chain });
});
afterEach(() => bench.stop());

const jobIdOfNumber = (number: number) => number.toString(16).padStart(64, '0');
const receiptFor = (offerId: string, number: number, changes = {}) =>
  signedReceipt(seller, { jobId: jobIdOfNumber(number), offerId }, { to: 101, ...changes });

async function reportThree(offerId: string): Promise<void> {
  for (const number of [1, 2, 3]) {
    const receipt = receiptFor(offerId, number);
    expect(await bench.client.report({ receipt, ...times })).toEqual({ accepted: true });
  }
}

const measured = { firstTokenMsP50: 100, firstTokenMsP90: 100, tokensPerSecondP50: 50, samples: 3 };

test('reports with receipts become the measured figures of the offer', async () => {
  const { offerId } = await sellingProvider(bench);
  await reportThree(offerId);
  const { offers } = await bench.client.route({ models: ['tiny'] });
  expect(offers[0]?.measured).toEqual(measured);
});

test('a job counts once, also when its report comes twice at the same time', async () => {
  const { offerId } = await sellingProvider(bench);
  await reportThree(offerId);
  const receipt = receiptFor(offerId, 3);
  const again = await Promise.all([
    bench.client.report({ receipt, ...times }),
    bench.client.report({ receipt, ...times, firstTokenMs: 1 }),
  ]);
  expect(again).toEqual([{ accepted: false }, { accepted: false }]);
  const fresh = { receipt: receiptFor(offerId, 4), ...times };
  const both = await Promise.all([bench.client.report(fresh), bench.client.report(fresh)]);
  expect(both.filter(({ accepted }) => accepted)).toHaveLength(1);
  const { offers } = await bench.client.listOffers({ model: 'tiny' });
  expect(offers[0]?.measured.samples).toBe(4);
});

test('reports survive a crash, and so does the memory of who reported', async () => {
  const { offerId } = await sellingProvider(bench);
  await reportThree(offerId);
  bench = await bench.crash();
  const receipt = receiptFor(offerId, 3);
  expect(await bench.client.report({ receipt, ...times })).toEqual({ accepted: false });
  await sellingProvider(bench);
  const { offers } = await bench.client.route({ models: ['tiny'] });
  expect(offers[0]?.measured).toEqual(measured);
});

test('a report is taken for a provider that has left, as the chain still knows it', async () => {
  const { provider, offerId } = await sellingProvider(bench);
  provider.close();
  await until(async () => (await bench.client.listProviders({})).providers.length === 0);
  const receipt = receiptFor(offerId, 1);
  expect(await bench.client.report({ receipt, ...times })).toEqual({ accepted: true });
});

describe('a report is refused', () => {
  const dayMs = 24 * 3_600_000;

  test.each([
    ['when the receipt is forged', forged, 'RECEIPT_INVALID'],
    ['when another key signed it', byThief, 'RECEIPT_INVALID'],
    [
      'while the job runs',
      (id: string) => receiptFor(id, 1, { outcome: 'running' }),
      'RECEIPT_INVALID',
    ],
    [
      'when it is old',
      (id: string) => receiptFor(id, 1, { atMs: startMs - dayMs - 1 }),
      'RECEIPT_INVALID',
    ],
    [
      'when it is of tomorrow',
      (id: string) => receiptFor(id, 1, { atMs: startMs + dayMs }),
      'RECEIPT_INVALID',
    ],
    [
      'when it does not fit its offer',
      (id: string) => receiptFor(id, 1, { model: 'big' }),
      'RECEIPT_INVALID',
    ],
    ['when nobody made the offer', () => receiptFor('99'.repeat(32), 1), 'OFFER_UNKNOWN'],
    ['when the seller is no provider', byNobody, 'PROVIDER_UNKNOWN'],
  ])('%s', async (_, make, code) => {
    const { offerId } = await sellingProvider(bench);
    const receipt = make(offerId);
    await expect(bench.client.report({ receipt, ...times })).rejects.toMatchObject({ code });
    const { offers } = await bench.client.listOffers({});
    expect(offers[0]?.measured.samples).toBe(0);
  });

  test('when the first token came after the end', async () => {
    const { offerId } = await sellingProvider(bench);
    const report = { receipt: receiptFor(offerId, 1), firstTokenMs: 11, durationMs: 10 };
    await expect(bench.client.report(report)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

function forged(offerId: string) {
  const receipt = receiptFor(offerId, 1);
  return { ...receipt, signature: flipped(receipt.signature) };
}

function byThief(offerId: string) {
  const changes = { provider: seller.address };
  return signedReceipt(identityOf('thief'), { jobId: jobIdOfNumber(1), offerId }, changes);
}

function byNobody(offerId: string) {
  return signedReceipt(identityOf('nobody'), { jobId: jobIdOfNumber(1), offerId });
}
