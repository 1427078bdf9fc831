import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '@aitbc/primitives';
import {
  AppError,
  bodyDigestOf,
  decodePaymentHeader,
  type Hex,
  offerIdOf,
  paymentReferenceOf,
  unwrap,
} from '@aitbc/protocol';
import { until } from '@aitbc/service';
import { validatePaymentRequired } from '@x402/core/schemas';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultWords, modelName } from '../testing/counting-engine.ts';
import { createFakeChain } from '../testing/fake-chain.ts';
import { type MarketWishes, type OneShotMarket, startOneShots } from './testing/one-shot-market.ts';

const bodyOf = (text: string, more: object = {}): string =>
  JSON.stringify({
    model: modelName,
    messages: [{ role: 'user', content: text }],
    max_tokens: 64,
    ...more,
  });
const body = bodyOf('hi');
const answerText = defaultWords.join('');
/** 40 tokens out, 7 in, and the fee of a request, at one nait each. */
const due = 54n;
const feeNait = 1_000n;

const open: OneShotMarket[] = [];
afterEach(async () => {
  for (const market of open.splice(0)) await market.stop();
});

async function start(wishes: MarketWishes = {}): Promise<OneShotMarket> {
  const market = await startOneShots(wishes);
  open.push(market);
  return market;
}

async function codeOf(answer: Response): Promise<[number, string]> {
  const { error } = (await answer.json()) as { error: { code: string } };
  return [answer.status, error.code];
}

async function textOf(answer: Response): Promise<string> {
  const json = (await answer.json()) as { choices?: { message: { content: string } }[] };
  return json.choices?.[0]?.message.content ?? JSON.stringify(json);
}

interface Shown {
  state: string;
  charged: string;
  credit: string;
  refundTxId: Hex | null;
  refundIsFinal: boolean;
  jobId: Hex;
}

async function shown({ url }: OneShotMarket, txId: Hex): Promise<Shown> {
  return (await (await fetch(`${url}/v1/payments/one-shot/${txId}`)).json()) as Shown;
}

describe('the terms of a call', () => {
  it('ask for a voucher or for one transfer, in valid x402', async () => {
    const { post, chain, offer } = await start();
    const answer = await post(body);
    expect(answer.status).toBe(402);
    const required = unwrap(decodePaymentHeader(answer.headers.get('payment-required') ?? ''));
    const { accepts } = validatePaymentRequired(required as never) as { accepts: object[] };
    const bodyDigest = bodyDigestOf(utf8(body));
    const offerId = (accepts[1] as { extra: { offerId: string } }).extra.offerId;
    expect(accepts).toMatchObject([
      { scheme: 'batch-settlement', extra: { tokens: 64, bodyDigest } },
      {
        scheme: 'exact',
        payTo: offer.payload.provider,
        extra: {
          paymentFlow: 'upfront',
          fee: '1000',
          paymentRef: paymentReferenceOf(chain.network, { offerId, bodyDigest }),
        },
      },
    ]);
  });

  it('are told for a call that is not made', async () => {
    const { url, post } = await start();
    const quote = async (input: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v1/quote`, {
        method: 'POST',
        headers,
        body: JSON.stringify(input),
      });
      return (await answer.json()) as Record<string, unknown>;
    };
    const { x402 } = (await (await post(body)).json()) as { x402: { accepts: unknown } };
    expect((await quote({ body })).accepts).toEqual(x402.accepts);
    expect(await quote({ body: '{' })).toMatchObject({ code: 'BAD_REQUEST' });
    expect(await quote({ body, path: '/api/pull' })).toMatchObject({ code: 'NOT_FOUND' });
    const other = bodyOf('hi', { model: 'none' });
    expect(await quote({ body: other })).toMatchObject({ code: 'MODEL_UNKNOWN' });
  });
});

describe('a transfer that its payer has sent', () => {
  it('buys its call, and what it did not use goes back less the fee', async () => {
    const market = await start();
    const { post, send, payer, coins, offer } = market;
    const buyer = payer(5);
    const txId = await send(buyer.transfer(body, { amount: 50_000n }));
    const before = await coins.balance(offer.payload.provider);
    expect(await textOf(await post(body, buyer.txIdHeader(body, txId)))).toBe(answerText);
    const end = await until(async () => {
      const now = await shown(market, txId);
      return now.refundIsFinal ? now : undefined;
    });
    expect(end).toMatchObject({
      state: 'closed',
      charged: `${due}`,
      credit: `${50_000n - due - feeNait}`,
    });
    expect(await coins.balance(buyer.address)).toBe(
      10_000_000n - 51_000n + 50_000n - due - feeNait,
    );
    expect(await coins.balance(offer.payload.provider)).toBe(
      before - (50_000n - due - feeNait) - 1_200n,
    );
    const receipts = await fetch(`${market.url}/v1/payments/receipts/${end.jobId}`);
    expect(await receipts.json()).toMatchObject({ jobId: market.jobIdOf(buyer, txId, body) });
  });

  it('buys it once: the same call reads along, and later gets the kept answer', async () => {
    const { post, send, payer, counts } = await start();
    const buyer = payer(5);
    const txId = await send(buyer.transfer(body));
    const header = buyer.txIdHeader(body, txId);
    const racers = await Promise.all([1, 2, 3].map(() => post(body, header).then(textOf)));
    expect(racers).toEqual([answerText, answerText, answerText]);
    expect(await textOf(await post(body, header))).toBe(answerText);
    expect(counts.calls).toBe(1);
  });

  it('buys no other call, neither with its own signature nor with a new one', async () => {
    const { post, send, payer, counts } = await start();
    const buyer = payer(5);
    const txId = await send(buyer.transfer(body));
    const other = bodyOf('other');
    expect(await codeOf(await post(other, buyer.txIdHeader(body, txId)))).toEqual([
      402,
      'PAYMENT_MISMATCH',
    ]);
    expect(await codeOf(await post(other, buyer.txIdHeader(other, txId)))).toEqual([
      402,
      'PAYMENT_MISMATCH',
    ]);
    await post(body, buyer.txIdHeader(body, txId));
    expect(await codeOf(await post(other, buyer.txIdHeader(other, txId)))).toEqual([
      409,
      'JOB_CONFLICT',
    ]);
    expect(counts.calls).toBe(1);
  });

  it('is of no use to anybody else who saw it on chain', async () => {
    const { post, send, payer, counts } = await start();
    const buyer = payer(5);
    const thief = payer(6);
    const txId = await send(buyer.transfer(body));
    const stolen = thief.txIdHeader(body, txId);
    expect(await codeOf(await post(body, stolen))).toEqual([402, 'PAYMENT_MISMATCH']);
    await post(body, buyer.txIdHeader(body, txId));
    expect(await codeOf(await post(body, stolen))).toEqual([402, 'PAYMENT_MISMATCH']);
    expect(counts.calls).toBe(1);
  });

  it('buys nothing before it is final', async () => {
    const { post, payer, send, counts } = await start();
    const buyer = payer(5);
    const tx = buyer.transfer(body);
    const header = buyer.txIdHeader(body, tx.txId);
    expect(await codeOf(await post(body, header))).toEqual([409, 'PAYMENT_NOT_FINAL']);
    await send(tx);
    expect(await textOf(await post(body, header))).toBe(answerText);
    expect(counts.calls).toBe(1);
  });

  it.each([
    ['to somebody else', { to: 'ab'.repeat(32) }],
    ['with another reference', { memo: 'cd'.repeat(32) }],
    ['without a reference', { memo: '' }],
  ])('%s is not for this call', async (_what, wishes) => {
    const market = await start();
    const buyer = market.payer(5);
    const txId = await market.send(buyer.transfer(body, wishes));
    const answer = await market.post(body, buyer.txIdHeader(body, txId));
    expect(await codeOf(answer)).toEqual([402, 'PAYMENT_MISMATCH']);
    expect(market.counts.calls).toBe(0);
    expect(await shown(market, txId)).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('that pays too little buys nothing and goes back less the fee', async () => {
    const market = await start({ config: { pricePerRequest: '20000' } });
    const buyer = market.payer(5);
    const txId = await market.send(buyer.transfer(body, { amount: 15_000n }));
    const header = buyer.txIdHeader(body, txId);
    expect(await codeOf(await market.post(body, header))).toEqual([402, 'PAYMENT_MISMATCH']);
    expect(await codeOf(await market.post(body, header))).toEqual([410, 'JOB_EXPIRED']);
    expect(await shown(market, txId)).toMatchObject({ state: 'closed', credit: '14000' });
    expect(market.counts.calls).toBe(0);
  });
});

describe('clocks', () => {
  it('a payment under an offer that has run out buys nothing and goes back less the fee', async () => {
    let shiftMs = 0;
    const market = await start({ deps: { nowMs: () => Date.now() + shiftMs } });
    const buyer = market.payer(5);
    const sent = await market.send(buyer.transfer(body, { amount: 50_000n }));
    const late = buyer.transfer(body, { nonce: 2 });
    shiftMs = market.offer.payload.validUntilMs - Date.now() + 121_000;
    const answer = await market.post(body, buyer.txIdHeader(body, sent));
    expect(await codeOf(answer)).toEqual([402, 'PAYMENT_MISMATCH']);
    expect(await shown(market, sent)).toMatchObject({ state: 'closed', credit: '49000' });
    const handed = await market.post(body, buyer.transferHeader(late));
    expect(await codeOf(handed)).toEqual([402, 'PAYMENT_MISMATCH']);
    expect([market.counts.calls, market.coins.sent.length]).toEqual([0, 1]);
    shiftMs += 8 * 24 * 3_600_000;
    const much = await market.post(body, buyer.txIdHeader(body, sent));
    expect(await codeOf(much)).toEqual([402, 'OFFER_UNKNOWN']);
  });
});

describe('a transfer that is handed over', () => {
  it('is sent by the provider and buys its call once', async () => {
    const { post, payer, calls, coins, counts } = await start();
    const buyer = payer(5);
    const tx = buyer.transfer(body);
    const header = buyer.transferHeader(tx);
    const racers = await Promise.all([1, 2, 3].map(() => post(body, header).then(textOf)));
    expect(racers).toEqual([answerText, answerText, answerText]);
    expect([calls.sends, coins.sent.length, counts.calls]).toEqual([1, 1, 1]);
    const again = await post(body, buyer.txIdHeader(body, tx.txId));
    expect(await textOf(again)).toBe(answerText);
    expect(counts.calls).toBe(1);
  });

  it('streams like any other call', async () => {
    const { post, payer } = await start();
    const buyer = payer(5);
    const streamed = bodyOf('hi', { stream: true });
    const answer = await post(streamed, buyer.transferHeader(buyer.transfer(streamed)));
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    expect(await answer.text()).toContain('data: [DONE]');
  });

  it.each([
    ['pays less than the call costs', { amount: 10n }, 'PAYMENT_MISMATCH'],
    ['pays somebody else', { to: 'ab'.repeat(32) }, 'PAYMENT_MISMATCH'],
    ['is for another call', { memo: 'cd'.repeat(32) }, 'PAYMENT_MISMATCH'],
    ['stands in an ordinary lane', { ordinaryLane: true }, 'PAYMENT_MISMATCH'],
    ['is out of date', { validUntil: 1 }, 'PAYMENT_REFUSED'],
    ['is good for too long', { validUntil: 50_000 }, 'PAYMENT_REFUSED'],
    ['is not covered', { amount: 999_999_999n }, 'PAYMENT_REFUSED'],
  ])('is refused when it %s', async (_what, wishes, code) => {
    const { post, payer, counts, coins } = await start();
    const buyer = payer(5);
    const answer = await post(body, buyer.transferHeader(buyer.transfer(body, wishes)));
    expect(await codeOf(answer)).toEqual([402, code]);
    expect([counts.calls, coins.sent.length]).toEqual([0, 0]);
  });

  it('whose answer of the chain was lost is found again', async () => {
    let isLost = true;
    const { post, payer, coins, counts } = await start({
      async onSend(tx) {
        if (!isLost) return;
        isLost = false;
        await coinsOf().submit(tx);
        throw new AppError('TIMEOUT', { what: 'node', timeoutMs: 1 });
      },
    });
    function coinsOf() {
      return coins;
    }
    const buyer = payer(5);
    const header = buyer.transferHeader(buyer.transfer(body));
    expect(await codeOf(await post(body, header))).toEqual([409, 'PAYMENT_NOT_FINAL']);
    expect(await textOf(await post(body, header))).toBe(answerText);
    expect([coins.sent.length, counts.calls]).toEqual([1, 1]);
  });

  it('is not answered for while the node is away, and comes in later', async () => {
    const market = await start({
      onSend() {
        throw new AppError('UNAVAILABLE', { what: 'node', reason: 'test' });
      },
    });
    const buyer = market.payer(5);
    const tx = buyer.transfer(body);
    const answer = await market.post(body, buyer.transferHeader(tx));
    expect(await codeOf(answer)).toEqual([409, 'PAYMENT_NOT_FINAL']);
    expect(await shown(market, tx.txId)).toMatchObject({ state: 'waiting' });
    await market.send(tx);
    const later = await market.post(body, buyer.txIdHeader(body, tx.txId));
    expect(await textOf(later)).toBe(answerText);
  });
});

describe('headers', () => {
  it.each([
    [
      'of another network',
      { accepted: { scheme: 'exact', network: 'aitbc:ffff' }, payload: {} },
      [402, 'PAYMENT_NETWORK_WRONG'],
    ],
    ['without a payload', { payload: { type: 'cheque' } }, [400, 'PAYMENT_MALFORMED']],
    [
      'of no transaction',
      { payload: { type: 'transfer', offerId: '00'.repeat(32), transaction: 'AA==' } },
      [402, 'OFFER_UNKNOWN'],
    ],
  ])('%s are refused', async (_what, change, expected) => {
    const { post, chain } = await start();
    const accepted = { scheme: 'exact', network: chain.network.caip2 };
    const header = Buffer.from(JSON.stringify({ x402Version: 2, accepted, ...change }));
    expect(await codeOf(await post(body, header.toString('base64')))).toEqual(expected);
  });

  it('with bytes that are no transaction are refused', async () => {
    const { post, chain, offer } = await start();
    const accepted = { scheme: 'exact', network: chain.network.caip2 };
    const offerId = offerIdOf(chain.network, offer.payload);
    const payload = { type: 'transfer', offerId, transaction: 'AAAA' };
    const header = Buffer.from(JSON.stringify({ x402Version: 2, accepted, payload }));
    expect(await codeOf(await post(body, header.toString('base64')))).toEqual([
      402,
      'PAYMENT_REFUSED',
    ]);
  });
});

/** The engine stops after the fifth token until the daemon stops. */
async function slowly(index: number, signal: AbortSignal): Promise<void> {
  if (index < 5) return;
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

describe('a life that ends', () => {
  it('leaves the transaction id used, the job ended, and the rest goes back', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'aitbc-one-shot-'));
    const chain = createFakeChain();
    try {
      const first = await startOneShots({ dataDir, chain, script: { before: slowly } });
      const buyer = first.payer(5);
      const txId = await first.send(buyer.transfer(body, { amount: 50_000n }));
      const header = buyer.txIdHeader(body, txId);
      const asked = first.post(body, header).catch(() => undefined);
      await until(() => first.counts.pulled >= 5);
      await first.stop();
      await asked;
      const second = await start({ dataDir, chain });
      second.coins.sent.push(...first.coins.sent);
      expect(await codeOf(await second.post(body, header))).toEqual([409, 'JOB_ENDED']);
      expect(second.counts.calls).toBe(0);
      const end = await until(async () => {
        const now = await shown(second, txId);
        return now.state === 'closed' ? now : undefined;
      });
      const { receipts } = (await (
        await fetch(`${second.url}/v1/payments/receipts/${end.jobId}`)
      ).json()) as { receipts: { payload: { charged: string; outcome: string } }[] };
      expect(receipts.at(-1)?.payload).toMatchObject({
        outcome: 'provider_error',
        charged: end.charged,
      });
    } finally {
      for (const market of open.splice(0)) await market.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
