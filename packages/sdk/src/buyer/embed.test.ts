import { embeddingText, textHashOf } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestChain } from '../node/testing/chain.ts';
import { until } from '../node/testing/http-server.ts';
import { vectorOf } from '../node/testing/seller.ts';
import { createTestMarket } from './testing/test-market.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);
const inputs = ['hello', 'a longer text'];
const embedCallOf = (idempotencyKey: string) => ({
  request: { model: 'tiny', inputs },
  idempotencyKey,
});
/** 7 for the request, 5 prompt tokens at 1, one output token at 10. */
const price = 22n;

describe('vectors', () => {
  it('are bought with one voucher and one receipt', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const buyer = await buy(chain);
    const result = await buyer.embed(embedCallOf('k'));
    expect(result).toMatchObject({
      vectors: inputs.map(vectorOf),
      promptTokens: 5,
      charged: price,
      provider: seller.address,
    });
    expect(seller.jobs.get(result.jobId)?.receipts.map(({ payload }) => payload)).toMatchObject([
      { from: 0, to: 1, textHash: textHashOf(embeddingText(result.vectors)), outcome: 'complete' },
    ]);
    expect(buyer.channels()[0]).toMatchObject({ settled: price });
    expect(buyer.openCalls()).toEqual([]);
  });

  it('come from the next provider afresh when one fails, which is owed nothing', async () => {
    const chain = createTestChain();
    const failing = await sell(chain, { faults: { fail: { after: 0, how: 'kill' } } });
    const good = await sell(chain);
    const buyer = await buy(chain);
    const result = await buyer.embed(embedCallOf('k'));
    expect(result).toMatchObject({ provider: good.address, charged: price });
    await until(() => buyer.openCalls().length === 0);
    expect([...failing.jobs.values()][0]).toMatchObject({ charged: 0n });
    expect(good.resumed()).toBe(0);
    expect(buyer.spentToday()).toBe(price);
  });

  it('are bought once by calls that repeat', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const buyer = await buy(chain);
    const results = await Promise.all([1, 2, 3].map(() => buyer.embed(embedCallOf('k'))));
    expect(new Set(results.map(({ jobId }) => jobId)).size).toBe(1);
    expect(seller.calls()).toBe(1);
    expect(buyer.spentToday()).toBe(price);
    await expect(buyer.embed(embedCallOf('k'))).rejects.toMatchObject({ code: 'JOB_ENDED' });
  });

  it('are refused when the receipt is not theirs, and nothing more is signed for its provider', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    seller.faults.spoil = (receipt) => ({ ...receipt, signature: '00'.repeat(64) });
    const buyer = await buy(chain);
    await expect(buyer.embed(embedCallOf('k'))).rejects.toMatchObject({ code: 'RECEIPT_INVALID' });
    expect(buyer.channels()[0]?.status).toBe('distrusted');
  });

  it('are not asked of providers that do not sell them', async () => {
    const chain = createTestChain();
    const seller = await sell(chain, { serves: ['chat'] });
    const buyer = await buy(chain);
    await expect(buyer.embed(embedCallOf('k'))).rejects.toMatchObject({ code: 'NO_OFFER' });
    expect(seller.calls()).toBe(0);
  });
});
