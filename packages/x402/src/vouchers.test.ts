import { bytesFromBase64 } from '@aitbc/primitives';
import { decodePaymentHeader, decodeTx, unwrap } from '@aitbc/protocol';
import { validatePaymentPayload, validatePaymentRequired } from '@x402/core/schemas';
import { afterEach, describe, expect, test } from 'vitest';
import { createMemoryBook } from './client/client-book.ts';
import { createMemorySellerBook } from './server/seller-book.ts';
import { type Market, type MarketWishes, openMarket } from './testing/market.ts';
import { keyOf } from './testing/memory-chain.ts';

const open: Market[] = [];
afterEach(async () => {
  for (const { shop } of open.splice(0)) await shop.close();
});

async function market(wishes: Partial<MarketWishes> = {}): Promise<Market> {
  const opened = await openMarket({ scheme: 'batch-settlement', ...wishes });
  open.push(opened);
  return opened;
}

function jsonOf(header: string | null): Record<string, unknown> {
  return unwrap(decodePaymentHeader(header ?? '')) as Record<string, unknown>;
}

/** A fetch that keeps the payment headers it sends. */
function spy(payments: string[]): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get('payment-signature');
    if (payment) payments.push(payment);
    return fetch(request);
  };
}

describe('a stock buyer and a stock seller', () => {
  test('the 402 and the payment are valid x402 version 2', async () => {
    const payments: string[] = [];
    const { shop, buy } = await market({ fetch: spy(payments) });
    const unpaid = await fetch(`${shop.url}/page`);
    expect(unpaid.status).toBe(402);
    validatePaymentRequired(jsonOf(unpaid.headers.get('payment-required')));
    expect((await buy()).status).toBe(200);
    validatePaymentPayload(jsonOf(payments[0] ?? ''));
  });

  test('several sales are charged what each cost, without a transaction', async () => {
    const costs = ['1000', '250', '0'];
    const page = () => ({ text: 'the page', costNait: costs.shift() ?? '1000' });
    const { buy, chain, asked, server, channel } = await market({ page });
    for (const expected of ['1000', '1250', '1250']) {
      const answer = await buy();
      expect(await answer.text()).toBe('the page');
      const { extra } = jsonOf(answer.headers.get('payment-response'));
      expect(extra).toMatchObject({ channelState: { charged: expected, reserved: '0' } });
    }
    expect(asked).toEqual(['verify', 'verify', 'verify']);
    expect(chain.sent).toEqual([]);
    const claim = server.claim({ height: chain.height, feeNait: 1_100n }) ?? '';
    const tx = unwrap(decodeTx(chain.network, bytesFromBase64(claim) ?? new Uint8Array(0)));
    expect((await chain.submit(tx)).rows).toEqual([{ channelId: channel.channelId, code: null }]);
    expect(chain.channels.get(channel.channelId)?.totalClaimed).toBe(1_250n);
  });

  test('a claim goes to the chain through the facilitator once enough is due', async () => {
    const { buy, chain, asked, channel, seller } = await market({
      server: { claimThresholdNait: 2_000n },
    });
    const before = await chain.balance(seller.address);
    await buy();
    expect(chain.sent).toHaveLength(0);
    const paid = jsonOf((await buy()).headers.get('payment-response'));
    expect(paid).toMatchObject({ success: true, transaction: chain.sent[0]?.txId });
    expect(chain.channels.get(channel.channelId)?.totalClaimed).toBe(2_000n);
    expect(await chain.balance(seller.address)).toBe(before + 2_000n - 1_100n);
    await buy();
    expect(asked.filter((call) => call === 'settle')).toHaveLength(1);
  });

  test('a claim whose answer is lost leaves the sale and its sum as they are', async () => {
    const { buy, chain, channel, server } = await market({
      server: { claimThresholdNait: 1_000n },
    });
    chain.loseAnswers = 1;
    expect((await buy()).status).toBe(200);
    expect(chain.channels.get(channel.channelId)?.totalClaimed).toBe(1_000n);
    expect((await buy()).status).toBe(200);
    expect(chain.channels.get(channel.channelId)?.totalClaimed).toBe(2_000n);
    expect(server.claim({ height: 10, feeNait: 1n })).toBeUndefined();
  });

  test('many sales of one channel run side by side', async () => {
    const { buy, server, made, chain, channel } = await market();
    const answers = await Promise.all(Array.from({ length: 20 }, () => buy()));
    const paid = answers.filter(({ status }) => status === 200).length;
    expect(paid).toBe(made.count);
    expect(paid).toBeGreaterThan(0);
    const claim = server.claim({ height: 10, feeNait: 1_100n }) ?? '';
    await chain.submit(
      unwrap(decodeTx(chain.network, bytesFromBase64(claim) ?? new Uint8Array(0))),
    );
    expect(chain.channels.get(channel.channelId)?.totalClaimed).toBe(BigInt(paid) * 1_000n);
  });

  test('a handler that fails is not charged, and the same payment is good for the next try', async () => {
    let status = 500;
    const payments: string[] = [];
    const page = () => ({ text: 'page', status });
    const { buy } = await market({ page, fetch: spy(payments) });
    expect((await buy()).status).toBe(500);
    status = 200;
    const { extra } = jsonOf((await buy()).headers.get('payment-response'));
    expect(extra).toMatchObject({ channelState: { charged: '1000', reserved: '0' } });
    expect(payments[1]).toBe(payments[0]);
  });
});

test('a facilitator that answers nonsense sells nothing', async () => {
  const { chain, buy, made, facilitator } = await market();
  for (const extra of [
    undefined,
    {},
    { channel: {} },
    { channel: { channelId: 5 }, claimFee: 'x' },
  ]) {
    facilitator.verify = async () => ({ isValid: true, ...(extra ? { extra } : {}) });
    expect((await buy()).status).toBe(402);
  }
  expect([made.count, chain.sent.length]).toEqual([0, 0]);
});

describe('books that differ', () => {
  test('a buyer that lost its book goes on after one corrective 402', async () => {
    let book = createMemoryBook();
    const { buy } = await market({
      client: {
        book: { read: (id) => book.read(id), write: (id, entry) => book.write(id, entry) },
      },
    });
    await buy();
    await buy();
    book = createMemoryBook();
    const { extra } = jsonOf((await buy()).headers.get('payment-response'));
    expect(extra).toMatchObject({ channelState: { charged: '3000', signedMax: '3000' } });
  });

  test('a seller that claims more than was ever signed gets nothing more', async () => {
    const sellerBook = createMemorySellerBook();
    const payments: string[] = [];
    const { buy, channel } = await market({
      server: { book: sellerBook },
      fetch: spy(payments),
    });
    await buy();
    const entry = sellerBook.get(channel.channelId);
    if (entry) sellerBook.put(channel.channelId, { ...entry, charged: 50_000n });
    expect((await buy()).status).toBe(402);
    expect(payments).toHaveLength(2);
  });

  test('a channel is used up to its last coin and not beyond', async () => {
    const page = () => ({ text: 'page', costNait: '900' });
    const { buy, made } = await market({ page, balance: 2_800n });
    for (const left of [200, 200, 200]) {
      expect([left, (await buy()).status]).toEqual([left, 200]);
    }
    await expect(buy()).rejects.toThrow();
    expect(made.count).toBe(3);
  });
});

describe('a payment that was seen before', () => {
  test('buys nothing again, neither alone nor in a crowd', async () => {
    const payments: string[] = [];
    const page = () => ({ text: 'page', costNait: '10' });
    const { buy, shop, made } = await market({ fetch: spy(payments), page });
    await buy();
    await buy();
    const replay = (payment = '') =>
      fetch(`${shop.url}/page`, { headers: { 'payment-signature': payment } });
    const racers = await Promise.all(
      payments.flatMap((payment) => [replay(payment), replay(payment)]),
    );
    expect(racers.map(({ status }) => status)).toEqual([402, 402, 402, 402]);
    expect(made.count).toBe(2);
  });

  test('stays worthless when the seller has forgotten its id', async () => {
    const payments: string[] = [];
    const sellerBook = createMemorySellerBook();
    const { buy, shop, made } = await market({
      fetch: spy(payments),
      server: { book: sellerBook },
    });
    await buy();
    await buy();
    await buy();
    const first = await fetch(`${shop.url}/page`, {
      headers: { 'payment-signature': payments[0] ?? '' },
    });
    expect(first.status).toBe(402);
    expect(made.count).toBe(3);
  });

  test('is one sale when the first answer was lost on the way', async () => {
    let drop = false;
    const payments: string[] = [];
    const inner = spy(payments);
    const { buy, made } = await market({
      fetch: async (input, init) => {
        const request = new Request(input, init);
        if (!drop || !request.headers.has('payment-signature')) return inner(request);
        drop = false;
        await inner(request);
        throw new TypeError('connection reset');
      },
    });
    drop = true;
    await expect(buy()).rejects.toThrow('connection reset');
    await buy();
    expect(payments[1]).toBe(payments[0]);
    expect(made.count).toBe(1);
  });
});

describe('a facilitator refuses', () => {
  async function changed(change: Record<string, unknown>, terms: Record<string, unknown> = {}) {
    const payments: string[] = [];
    const { buy, facilitator } = await market({ fetch: spy(payments) });
    await buy();
    const payment = jsonOf(payments[0] ?? '') as never as {
      x402Version: number;
      accepted: Parameters<typeof facilitator.verify>[1];
      payload: Record<string, unknown>;
    };
    const requirements = { ...payment.accepted, ...terms };
    const payload = { ...payment.payload, ...change };
    return facilitator.verify({ ...payment, payload }, requirements);
  }

  test.each([
    ['another cap', { maxClaimable: '2000' }, 'voucher_signature_invalid'],
    ['a cap with an exponent', { maxClaimable: '1e3' }, 'payment_malformed'],
    ['a made-up channel', { channelId: '00'.repeat(32) }, 'voucher_channel_wrong'],
    ['another offer', { offerId: '11'.repeat(32) }, 'offer_unknown'],
    ['another job', { idempotencyKey: 'other' }, 'voucher_signature_invalid'],
    ['more tokens than any job has', { tokens: 2 ** 53 - 1 }, 'payment_malformed'],
    ['no payload at all', { type: undefined }, 'payment_malformed'],
  ])('%s', async (_what, change, code) => {
    const { isValid, invalidReason } = await changed(change);
    expect([isValid, invalidReason]).toEqual([false, `invalid_batch_settlement_aitbc_${code}`]);
  });

  test.each([
    ['another payee', { payTo: keyOf(9).address }, 'voucher_channel_wrong'],
    ['a higher price', { amount: '5000' }, 'voucher_underfunded'],
    ['another network', { network: 'aitbc:ffffffff' }, 'payment_network_wrong'],
    ['another asset', { asset: 'usdc' }, 'payment_malformed'],
  ])('%s', async (_what, terms, code) => {
    const { isValid, invalidReason } = await changed({}, terms);
    expect([isValid, invalidReason]).toEqual([false, `invalid_batch_settlement_aitbc_${code}`]);
  });

  test('channels that are closed, leaving, or emptier than the voucher', async () => {
    const payments: string[] = [];
    const { buy, facilitator, chain, channel } = await market({ fetch: spy(payments) });
    await buy();
    const payment = jsonOf(payments[0] ?? '') as never as Parameters<typeof facilitator.verify>[0];
    const reasonWith = async (change: object) => {
      chain.channels.set(channel.channelId, { ...channel, ...change });
      return (await facilitator.verify(payment, payment.accepted)).invalidReason?.slice(31);
    };
    expect(await reasonWith({ closed: true })).toBe('channel_closed');
    expect(await reasonWith({ withdrawDueMs: 5 })).toBe('voucher_channel_closing');
    expect(await reasonWith({ balance: 10n })).toBe('voucher_beyond_balance');
    expect(await reasonWith({})).toBeUndefined();
  });

  test('a settlement without a claim, or with one that is not signed', async () => {
    const payments: string[] = [];
    const { buy, facilitator } = await market({ fetch: spy(payments) });
    await buy();
    const payment = jsonOf(payments[0] ?? '') as never as Parameters<typeof facilitator.verify>[0];
    for (const claim of [undefined, 'AAAA', '%%%']) {
      const settled = await facilitator.settle(
        { ...payment, payload: { ...payment.payload, claim } },
        payment.accepted,
      );
      expect(settled).toMatchObject({ success: false, transaction: '' });
    }
  });
});

test('a buyer signs nothing above its limit and nothing on a foreign channel', async () => {
  const poor = await market({ client: { paymentMaxNait: 999n } });
  await expect(poor.buy()).rejects.toThrow('999');
  const strange = await market({
    client: {
      channel: async () => ({
        config: { ...open[0]?.channel, receiver: keyOf(9).publicKey } as never,
        balanceNait: 5_000n,
        secretKey: keyOf(4).secretKey,
      }),
    },
  });
  await expect(strange.buy()).rejects.toThrow('does not pay');
});
