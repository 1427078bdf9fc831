import { base64 } from '@aitbc/primitives';
import {
  AppError,
  expiringLane,
  jobIdOf,
  signTx,
  signVoucher,
  startContext,
  type VoucherPayment,
} from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { createChannelServer, createTransferServer } from '@aitbc/x402';
import { keyOf } from '@aitbc/x402/testing';
import { HTTPFacilitatorClient, x402ResourceServer } from '@x402/core/server';
import { afterEach, describe, expect, test } from 'vitest';
import { type Bench, identityOf, network, startBench } from '../testing/harness.ts';
import { sellingProvider } from '../testing/provider.ts';

const seller = keyOf(1);
const hot = keyOf(2);
const buyer = keyOf(3);
const at = network.caip2 as `aitbc:${string}`;
const noBody = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const open: Bench[] = [];
afterEach(async () => {
  for (const bench of open.splice(0)) await bench.stop();
});

async function bench(options: Parameters<typeof startBench>[0] = {}): Promise<Bench> {
  const started = await startBench(options);
  open.push(started);
  started.chain.x402.give(buyer.publicKey, 1_000_000n);
  started.chain.x402.give(seller.publicKey, 1_000_000n);
  return started;
}

/** A stock seller whose facilitator is the coordinator. */
async function stockSeller(url: string) {
  const facilitator = new HTTPFacilitatorClient({ url });
  const server = new x402ResourceServer(facilitator)
    .register(
      at,
      createChannelServer({
        network,
        authorizer: hot,
        feeKey: seller.secretKey,
        claimThresholdNait: 500n,
      }),
    )
    .register(at, createTransferServer({ network, facilitator }));
  await server.initialize();
  return server;
}

describe('the stock packages with the coordinator as facilitator', () => {
  test('sell by voucher: verified over HTTP and claimed on chain', async () => {
    const { url, chain } = await bench();
    const server = await stockSeller(url);
    const config = {
      payer: buyer.publicKey,
      payerAuthorizer: buyer.publicKey,
      receiver: seller.publicKey,
      receiverAuthorizer: hot.publicKey,
      withdrawDelayMs: 3_600_000,
      salt: '07'.repeat(32),
    };
    const { channelId } = chain.x402.open(config, 5_000n);
    const [terms] = await server.buildPaymentRequirements({
      scheme: 'batch-settlement',
      payTo: seller.address,
      price: { asset: 'native', amount: '1000' },
      network: at,
    });
    if (!terms) throw new Error('no terms');
    const idempotencyKey = 'one';
    const offerId = String(terms.extra.offerId);
    const jobId = jobIdOf(network, { payer: buyer.publicKey, idempotencyKey, bodyDigest: noBody });
    const context = startContext(network, { offerId, jobId, bodyDigest: noBody, tokens: 1 });
    const voucher = { channelId, maxClaimable: 1_000n, context };
    const { signature } = signVoucher(network, voucher, buyer.secretKey);
    const maxClaimable = '1000';
    const more = { tokens: 1, maxClaimable, signature };
    const voucherPayment: VoucherPayment = {
      ...{ type: 'voucher', offerId, channelId, idempotencyKey },
      ...more,
    };
    const payment = { x402Version: 2, accepted: terms, payload: voucherPayment };
    expect(await server.verifyPayment(payment, terms)).toMatchObject({
      isValid: true,
      payer: buyer.address,
    });
    const settled = await server.settlePayment(payment, terms, undefined, undefined, {
      amount: '700',
    });
    expect(settled).toMatchObject({ success: true, transaction: chain.x402.sent[0]?.txId });
    expect(chain.x402.channels.get(channelId)?.totalClaimed).toBe(700n);
    expect(await server.verifyPayment(payment, terms)).toMatchObject({ isValid: false });
  });

  test('sell by transfer: one of two settlements succeeds', async () => {
    const { url, chain } = await bench();
    const server = await stockSeller(url);
    const [terms] = await server.buildPaymentRequirements({
      scheme: 'exact',
      payTo: seller.address,
      price: '0.000001 AIT',
      network: at,
    });
    if (!terms) throw new Error('no terms');
    expect(terms).toMatchObject({ amount: '1000', extra: { paymentFlow: 'upfront', fee: '1000' } });
    const tx = {
      kind: 'transfer',
      chain: network.chain,
      lane: expiringLane,
      nonce: 1,
      validUntil: Number(terms.extra.validUntil),
      from: buyer.publicKey,
      fee: 1_000n,
      body: { to: seller.publicKey, amount: 1_000n, memo: '' },
    } as const;
    const transaction = base64(signTx(network, tx, buyer.secretKey).bytes);
    const payment = { x402Version: 2, accepted: terms, payload: { type: 'transfer', transaction } };
    const results = await Promise.all([
      server.settlePayment(payment, terms),
      server.settlePayment(payment, terms),
    ]);
    expect(results.map(({ success }) => success).sort()).toEqual([false, true]);
    expect(await chain.x402.balance(seller.address)).toBe(1_001_000n);
  });
});

describe('the facilitator over HTTP', () => {
  test('says what it serves', async () => {
    const { url } = await bench();
    const supported = await new HTTPFacilitatorClient({ url }).getSupported();
    expect(supported.kinds.map(({ scheme, network: on }) => [scheme, on])).toEqual([
      ['batch-settlement', at],
      ['exact', at],
    ]);
  });

  test('refuses what is no sale before it asks the chain', async () => {
    const { url } = await bench();
    const post = async (path: string, body: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return { status: answer.status, body: (await answer.json()) as { code?: string } };
    };
    for (const path of ['/verify', '/settle']) {
      expect(await post(path, { x402Version: 1 })).toMatchObject({
        status: 400,
        body: { code: 'BAD_REQUEST' },
      });
    }
    const accepted = {
      scheme: 'upto',
      network: at,
      asset: 'native',
      amount: '1',
      payTo: seller.address,
      maxTimeoutSeconds: 1,
      extra: {},
    };
    const sale = {
      x402Version: 2,
      paymentPayload: { x402Version: 2, accepted, payload: {} },
      paymentRequirements: accepted,
    };
    expect((await post('/verify', sale)).body).toMatchObject({ isValid: false });
    expect((await post('/settle', sale)).body).toMatchObject({ success: false, transaction: '' });
  });

  test('says so while the node is away', async () => {
    const { url, chain } = await bench();
    chain.x402.status = async () => {
      throw new AppError('UNAVAILABLE', { what: 'test node', reason: 'it is down' });
    };
    const answer = await fetch(`${url}/supported`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
  });

  test('asks the chain at most so many questions at a time', async () => {
    const { url, chain } = await bench();
    const { status } = chain.x402;
    let asked = 0;
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    chain.x402.status = async () => {
      asked += 1;
      await gate;
      return status();
    };
    const crowd = Array.from({ length: 256 }, () => fetch(`${url}/supported`));
    await until(() => asked === 256, { what: 'the crowd' });
    const refused = await fetch(`${url}/supported`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    goOn();
    const answers = await Promise.all(crowd);
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect((await fetch(`${url}/supported`)).status).toBe(200);
  });

  test('lists what connected providers sell, as a bazaar does', async () => {
    const started = await bench();
    const identity = identityOf('seller');
    started.chain.register(identity);
    const { offer } = await sellingProvider(started, 'seller');
    const answer = await fetch(`${started.url}/discovery/resources?type=http&limit=5&offset=0`);
    expect(await answer.json()).toMatchObject({
      x402Version: 2,
      items: [
        {
          resource: `${offer.payload.endpoint}/v1/chat/completions`,
          type: 'http',
          accepts: [{ scheme: 'batch-settlement', network: at, payTo: offer.payload.provider }],
          metadata: { model: offer.payload.model },
        },
      ],
      pagination: { limit: 5, offset: 0, total: 1 },
    });
    const next = await fetch(`${started.url}/discovery/resources?offset=1`);
    expect(await next.json()).toMatchObject({ items: [] });
  });
});
