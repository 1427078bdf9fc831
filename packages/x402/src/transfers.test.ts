import { base64, bytesFromBase64 } from '@aitbc/primitives';
import { decodePaymentHeader, decodeTx, signTx, unwrap } from '@aitbc/protocol';
import { validatePaymentPayload, validatePaymentRequired } from '@x402/core/schemas';
import { afterEach, describe, expect, test } from 'vitest';
import type { Payment } from './shapes.ts';
import { type Market, type MarketWishes, openMarket } from './testing/market.ts';
import { keyOf } from './testing/memory-chain.ts';

const open: Market[] = [];
afterEach(async () => {
  for (const { shop } of open.splice(0)) await shop.close();
});

async function market(wishes: Partial<MarketWishes> = {}): Promise<Market> {
  const opened = await openMarket({ scheme: 'exact', ...wishes });
  open.push(opened);
  return opened;
}

function jsonOf(header: string | null): Record<string, unknown> {
  return unwrap(decodePaymentHeader(header ?? '')) as Record<string, unknown>;
}

function spy(payments: string[]): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get('payment-signature');
    if (payment) payments.push(payment);
    return fetch(request);
  };
}

async function onePayment() {
  const payments: string[] = [];
  const opened = await market({ fetch: spy(payments) });
  await opened.buy();
  return {
    ...opened,
    header: payments[0] ?? '',
    payment: jsonOf(payments[0] ?? '') as never as Payment,
  };
}

describe('a page paid by one transfer', () => {
  test('is valid x402, settled before the page is made, and paid in full', async () => {
    const payments: string[] = [];
    const { buy, shop, chain, seller, buyer } = await market({ fetch: spy(payments) });
    const unpaid = jsonOf((await fetch(`${shop.url}/page`)).headers.get('payment-required'));
    validatePaymentRequired(unpaid);
    const before = await chain.balance(seller.address);
    const answer = await buy();
    expect(await answer.text()).toBe('the page');
    validatePaymentPayload(jsonOf(payments[0] ?? ''));
    expect(jsonOf(answer.headers.get('payment-response'))).toMatchObject({
      success: true,
      transaction: chain.sent[0]?.txId,
      payer: buyer.address,
      amount: '1000',
    });
    expect(await chain.balance(seller.address)).toBe(before + 1_000n);
  });

  test('can be bought twice, with two transfers', async () => {
    const { buy, chain } = await market();
    expect([(await buy()).status, (await buy()).status]).toEqual([200, 200]);
    expect(chain.sent).toHaveLength(2);
  });

  test('is not made when the payer has no coins, or the transfer came too late', async () => {
    const { buy, chain, made, buyer } = await market();
    chain.give(buyer.publicKey, -(await chain.balance(buyer.address)));
    expect((await buy()).status).toBe(402);
    const late = await market({ transfer: { validUntil: async () => 3 } });
    expect((await late.buy()).status).toBe(402);
    expect(made.count + late.made.count).toBe(0);
  });

  test('is asked for again, and once, when the answer of the chain is lost', async () => {
    const { buy, chain, made, asked } = await market();
    chain.loseAnswers = 1;
    expect((await buy()).status).toBe(200);
    expect(asked).toEqual(['settle', 'settle']);
    expect([chain.sent.length, made.count]).toEqual([1, 1]);
  });
});

describe('a transfer that was seen before', () => {
  test('buys nothing again', async () => {
    const { shop, made, header } = await onePayment();
    const replays = await Promise.all(
      [1, 2, 3].map(() => fetch(`${shop.url}/page`, { headers: { 'payment-signature': header } })),
    );
    expect(replays.map(({ status }) => status)).toEqual([402, 402, 402]);
    expect(made.count).toBe(1);
  });

  test('is told to one of two racers', async () => {
    const { facilitator, chain, buyer, payment } = await onePayment();
    const old = payment.payload.transaction as string;
    const tx = unwrap(decodeTx(chain.network, bytesFromBase64(old) ?? new Uint8Array(0)));
    const fresh = signTx(chain.network, { ...tx, nonce: 7 }, buyer.secretKey);
    const again = { ...payment, payload: { ...payment.payload, transaction: base64(fresh.bytes) } };
    const settled = await Promise.all([
      facilitator.settle(again, payment.accepted),
      facilitator.settle(again, payment.accepted),
    ]);
    expect(settled.map(({ success }) => success).sort()).toEqual([false, true]);
    expect((await facilitator.verify(again, payment.accepted)).isValid).toBe(false);
  });

  test('is not made twice by a client that lost the answer', async () => {
    let drop = true;
    const payments: string[] = [];
    const inner = spy(payments);
    const { buy, chain } = await market({
      fetch: async (input, init) => {
        const request = new Request(input, init);
        if (!drop || !request.headers.has('payment-signature')) return inner(request);
        drop = false;
        await inner(request);
        throw new TypeError('connection reset');
      },
    });
    await expect(buy()).rejects.toThrow('connection reset');
    await buy();
    expect(payments[1]).toBe(payments[0]);
    expect(chain.sent).toHaveLength(1);
  });
});

describe('a facilitator refuses a transfer', () => {
  test.each([
    ['to somebody else', { payTo: keyOf(9).address }],
    ['below the price', { amount: '1001' }],
    ['for another reference', { extra: { paymentRef: '22'.repeat(32) } }],
    ['on another network', { network: 'aitbc:ffffffff' as const }],
  ])('%s', async (_what, terms) => {
    const { facilitator, payment, chain } = await onePayment();
    const requirements = { ...payment.accepted, ...terms };
    expect((await facilitator.verify(payment, requirements)).isValid).toBe(false);
    expect((await facilitator.settle(payment, requirements)).success).toBe(false);
    expect(chain.sent).toHaveLength(1);
  });

  test('with a signature that does not hold, or outside the expiring lane', async () => {
    const { facilitator, payment, chain, buyer } = await onePayment();
    const bytes = bytesFromBase64(payment.payload.transaction as string) ?? new Uint8Array(0);
    const tx = unwrap(decodeTx(chain.network, bytes));
    const forged = Uint8Array.from(bytes);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const { lane: _lane, ...ordinary } = tx;
    const cases = [forged, signTx(chain.network, ordinary, buyer.secretKey).bytes];
    for (const transaction of cases) {
      const payload = { ...payment.payload, transaction: base64(transaction) };
      const settled = await facilitator.settle({ ...payment, payload }, payment.accepted);
      expect(settled.success).toBe(false);
    }
    expect(chain.sent).toHaveLength(1);
  });
});

test('a buyer pays neither a price nor a fee above its limits', async () => {
  const poor = await market({ transfer: { paymentMaxNait: 999n } });
  await expect(poor.buy()).rejects.toThrow('999');
  const stingy = await market({ transfer: { feeMaxNait: 999n } });
  await expect(stingy.buy()).rejects.toThrow('fee');
});
