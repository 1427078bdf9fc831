import { AppError } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { callOf, createTestMarket, drain } from '../buyer/testing/test-market.ts';
import { createTestChain } from '../node/testing/chain.ts';

describe('a coordinator that has just started and knows nobody', () => {
  const { sell, buy, close } = createTestMarket();
  afterEach(close);

  /** A coordinator that ranks until it is told to forget. */
  function createRouting() {
    const state = { isForgetful: false };
    const onRoute = (): void => {
      if (state.isForgetful) throw new AppError('NO_OFFER', { model: 'tiny', reason: 'nobody' });
    };
    return { state, onRoute };
  }

  it('stops nobody who has a ranking, even when its last call was refused', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const { state, onRoute } = createRouting();
    const buyer = await buy(chain, { onRoute });
    await drain(await buyer.run(callOf('a')));
    state.isForgetful = true;
    seller.faults.refuse = { error: new AppError('QUEUE_FULL', {}), times: 1 };
    await expect(buyer.run(callOf('b'))).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect((await drain(await buyer.run(callOf('b')))).end?.outcome).toBe('complete');
  });

  it('is NO_OFFER for a buyer who has none', async () => {
    const chain = createTestChain();
    await sell(chain);
    const { state, onRoute } = createRouting();
    state.isForgetful = true;
    const buyer = await buy(chain, { onRoute });
    await expect(buyer.run(callOf('a'))).rejects.toMatchObject({ code: 'NO_OFFER' });
  });
});
