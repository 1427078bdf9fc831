import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { AppError, type ReceiptPayload, signDocument } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import type { TxSender } from '../chain/tx-sender.ts';
import { createTestChain } from '../node/testing/chain.ts';
import { until } from '../node/testing/http-server.ts';
import { callOf, createTestMarket, drain } from './testing/test-market.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);

describe('attack 12: a block that is taken back', () => {
  it('cannot exist after it is final, and nothing before that counts: no voucher is signed for it', async () => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const { signer } = chain.sender;
    const send = async () => ({ status: 'pending', receipt: null });
    const sender = { signer, send } as unknown as TxSender;
    const buyer = await buy({ ...chain, sender });
    await expect(buyer.run(callOf('k'))).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(buyer.channels()).toMatchObject([{ status: 'opening', balance: 0n, signedMax: 0n }]);
    expect(seller.calls()).toBe(0);
  });
});

describe('attack 19: another price or model than was offered', () => {
  it.each<[string, Partial<ReceiptPayload>]>([
    ['under a dearer offer of the same provider', { offerId: 'ee'.repeat(32) }],
    ['for another model', { model: 'tiny-but-smaller' }],
    ['for other weights', { digest: 'sha256:ee' }],
  ])('is not paid %s', async (_what, change) => {
    const chain = createTestChain();
    const seller = await sell(chain);
    const authorizer = keyPairFromSeed(new Uint8Array(32).fill(110));
    const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
    seller.faults.spoil = ({ payload }) =>
      signDocument({ tag: 'receipt', network: chain.network }, { ...payload, ...change }, signer);
    const buyer = await buy(chain);
    await expect(buyer.run(callOf('k')).then(drain)).rejects.toMatchObject({
      code: 'RECEIPT_INVALID',
    });
    expect(buyer.channels()).toMatchObject([{ status: 'distrusted', settled: 0n }]);
  });

  it('is not continued by other weights', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 9, how: 'kill' } } });
    const swapped = await sell(chain, { digest: 'sha256:ee' });
    const buyer = await buy(chain);
    await expect(drain(await buyer.run(callOf('k')))).rejects.toBeInstanceOf(AppError);
    expect([first.calls(), swapped.calls()]).toEqual([1, 0]);
    await until(() => buyer.openCalls().length === 0);
  });
});
